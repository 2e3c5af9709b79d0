package arm

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/attest"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
)

const (
	typeBinding          = "Inborn.Platform/bindings"
	bindingsWrite action = typeBinding + "/write"
)

// maxSelectors is how many facts one binding can ask for.
const maxSelectors = 16

// findNode returns the node whose bindings the path names.
func (c *call) findNode(dir *state.Directory) (*resource.Resource, error) {
	if c.id.Type() == "" {
		return nil, apierr.New(apierr.ResourceIDInvalid, "Workload bindings belong to a node, and '%s' is not the id of a resource.", scope(c.id)).
			At(scope(c.id))
	}
	return findResource(dir, c.id)
}

func (c *call) listBindings() error {
	node, err := c.findNode(c.dir)
	if err != nil {
		return err
	}
	return c.page(keyed(c.dir.Bindings(node.ID), func(b *resource.WorkloadBinding) (string, any) { return b.ID.String(), bindingOut(b) }))
}

// bindingID returns the id of the binding in the path.
func (c *call) bindingID() (guid.GUID, error) {
	text := serve.Param(c.r, "binding")
	id, err := guid.Parse(text)
	if err != nil || id.IsZero() {
		return id, apierr.New(apierr.ParameterInvalid, "The name of a workload binding must be a GUID, and '%s' is none.", text).At(text)
	}
	return id, nil
}

// findBinding returns the binding of that id if it is one of the node; nil if there is none.
func findBinding(dir *state.Directory, node *resource.Resource, id guid.GUID) *resource.WorkloadBinding {
	b, ok := dir.Binding(id)
	if !ok || b.Node.Key() != node.ID.Key() {
		return nil
	}
	return b
}

func (c *call) getBinding() error {
	id, err := c.bindingID()
	if err != nil {
		return err
	}
	node, err := c.findNode(c.dir)
	if err != nil {
		return err
	}
	b := findBinding(c.dir, node, id)
	if b == nil {
		return apierr.New(apierr.ObjectNotFound, "The node '%s' has no workload binding %s.", node.ID.Name(), id).At(id.String())
	}
	return c.json(http.StatusOK, bindingOut(b))
}

// putBinding binds a workload. It takes the right to write on the resource that the workload becomes, to write bindings
// on the node, and to assign each identity that the workload will be able to use.
func (c *call) putBinding() error {
	id, err := c.bindingID()
	if err != nil {
		return err
	}
	want, err := c.readBinding()
	if err != nil {
		return err
	}
	var made resource.WorkloadBinding
	var created bool
	err = c.update(func(d *state.Draft) error {
		dir := d.Directory()
		node, err := c.findNode(dir)
		if err != nil {
			return err
		}
		if other, taken := dir.Binding(id); taken && findBinding(dir, node, id) == nil {
			return apierr.New(apierr.ObjectExists, "The id %s is that of a workload binding on %s.", id, other.Node.Name()).At(id.String())
		}
		target, ok := dir.Resource(want.Resource)
		if !ok {
			return apierr.New(apierr.ReferenceInvalid, "The resource '%s' of the workload binding does not exist.", want.Resource).
				At("properties.resource").WithHelp("inborn apply --file MANIFEST.yaml  # declares it under resources")
		}
		if err := c.mayExpose(dir, target); err != nil {
			return err
		}
		created = findBinding(dir, node, id) == nil
		want.ID, want.Node = id, node.ID
		made, err = d.PutBinding(want)
		return err
	})
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return c.json(status, bindingOut(&made))
}

// mayExpose checks the rights on what a binding gives to a workload: also on deleted identities that would come back to the
// resource when they are restored.
func (c *call) mayExpose(dir *state.Directory, target *resource.Resource) error {
	if err := authorizeLinked(dir, c, action(target.ID.Type()+"/write"), target.ID); err != nil {
		return err
	}
	for _, identity := range target.Identity.User {
		if err := authorizeLinked(dir, c, assign, identity); err != nil {
			return err
		}
	}
	for item := range dir.DeletedItems(guid.GUID{}) {
		if !slices.ContainsFunc(item.Attached, target.ID.Same) {
			continue
		}
		if err := authorizeLinked(dir, c, assign, item.Resource); err != nil {
			return err
		}
	}
	return nil
}

// readBinding reads and checks the body of a PUT.
func (c *call) readBinding() (b resource.WorkloadBinding, err error) {
	var body bindingIn
	if err := serve.ReadJSON(c.r, maxBody, &body); err != nil {
		return b, err
	}
	if body.Properties == nil || body.Properties.Resource == "" {
		return b, apierr.New(apierr.PropertyInvalid, "The property resource is missing: the id of the resource whose workload this is.").At("properties.resource")
	}
	if b.Resource, err = resource.ParseID(string(body.Properties.Resource)); err != nil {
		return b, err
	}
	b.Selectors = body.Properties.Selectors
	if len(b.Selectors) > maxSelectors {
		return b, apierr.New(apierr.LimitExceeded, "A workload binding can have %d selectors, not %d.", maxSelectors, len(b.Selectors)).At("properties.selectors")
	}
	for _, selector := range b.Selectors {
		if _, err := attest.ParseSelector(selector); err != nil {
			return b, err
		}
	}
	expires := cmp.Or(body.Properties.Expires, &time.Time{})
	if !expires.IsZero() && !expires.After(c.Now()) {
		return b, apierr.New(apierr.PropertyInvalid, "The workload binding would have expired at %s already.", expires.Format(time.RFC3339)).At("properties.expires")
	}
	b.Expires = expires.UTC()
	return b, nil
}

// deleteBinding ends a binding; 204 if there is none.
func (c *call) deleteBinding() error {
	id, err := c.bindingID()
	if err != nil {
		return err
	}
	status := http.StatusOK
	err = c.update(func(d *state.Draft) error {
		status = http.StatusNoContent
		node, err := c.findNode(d.Directory())
		if err != nil {
			return err
		}
		if findBinding(d.Directory(), node, id) == nil {
			return nil
		}
		status = http.StatusOK
		return d.DeleteBinding(id)
	})
	if err != nil {
		return err
	}
	return c.empty(status)
}
