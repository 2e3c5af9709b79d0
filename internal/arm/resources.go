package arm

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
)

func findResource(dir *state.Directory, id resource.ID) (*resource.Resource, error) {
	if _, err := findGroup(dir, id); err != nil {
		return nil, err
	}
	r, ok := dir.Resource(id)
	if !ok {
		return nil, notFound(id)
	}
	return r, nil
}

// findOrFixed is findResource that also finds what is there as long as what it lies in, although nobody has changed it.
func (c *call) findOrFixed(dir *state.Directory, id resource.ID) (*resource.Resource, error) {
	r, err := findResource(dir, id)
	if err == nil || !apierr.Is(err, apierr.ResourceNotFound) {
		return r, err
	}
	for _, name := range c.kindOf(id.Type()).fixed {
		parent, _ := parentOf(id)
		if in, ok := dir.Resource(parent); ok && strings.EqualFold(name, id.Name()) {
			return &resource.Resource{ID: id, Location: in.Location, Created: in.Created, Changed: in.Created}, nil
		}
	}
	return nil, err
}

func (c *call) getResource() error {
	r, err := c.findOrFixed(c.dir, c.id)
	if err != nil {
		return err
	}
	out, err := c.resourceOut(c.dir, r)
	if err != nil {
		return err
	}
	c.tagged(r)
	return c.json(http.StatusOK, out)
}

// putResource makes a resource what the body says. Without an identity member, the identity block stays as it is.
func (c *call) putResource() error {
	return c.writeResource(func(d *state.Draft, old *resource.Resource, body bodyIn) (spec state.ResourceSpec, err error) {
		spec = state.ResourceSpec{ID: c.id, Location: body.Location, Tags: body.Tags}
		if body.Kind != nil {
			spec.Kind = *body.Kind
		}
		if spec.Properties, err = normalProperties(body.Properties); err != nil {
			return spec, err
		}
		if spec.Members, err = mergeMembers(nil, body.Members); err != nil {
			return spec, err
		}
		if old != nil {
			spec.Location, spec.Identity = old.Location, state.SpecOf(old).Identity
			return spec, checkLocation(c.id, old.Location, body.Location)
		}
		if err := checkParent(d.Directory(), c.id); err != nil {
			return spec, err
		}
		if _, nested := parentOf(c.id); nested {
			return spec, nil
		}
		return spec, needLocation(body.Location)
	})
}

// patchResource merges the body into the resource: properties as RFC 7396 says, the identity block as blockIn.change
// says; tags are replaced as a whole, because clients send all of them.
func (c *call) patchResource() error {
	return c.writeResource(func(d *state.Draft, old *resource.Resource, body bodyIn) (spec state.ResourceSpec, err error) {
		if old == nil {
			return spec, notFound(c.id)
		}
		spec = state.SpecOf(old)
		if body.Tags != nil {
			spec.Tags = body.Tags
		}
		if body.Kind != nil {
			spec.Kind = *body.Kind
		}
		if spec.Properties, err = mergeProperties(old.Properties, body.Properties); err != nil {
			return spec, err
		}
		if spec.Members, err = mergeMembers(old.Members, body.Members); err != nil {
			return spec, err
		}
		return spec, checkLocation(c.id, old.Location, body.Location)
	})
}

// readResource reads the body of a PUT or PATCH. Its secrets are taken out of it and sealed before anything is decided.
func (c *call) readResource() (body bodyIn, sealed []state.Sealed, err error) {
	if err := serve.ReadJSON(c.r, maxBody, &body); err != nil {
		return body, nil, err
	}
	if err := checkTags(body.Tags); err != nil {
		return body, nil, err
	}
	if body.Kind != nil && *body.Kind != "" {
		if err := directory.CheckName("kind", *body.Kind); err != nil {
			return body, nil, err
		}
	}
	sealed, err = c.strip(c.id, &body)
	return body, sealed, err
}

// writeResource makes a resource what wanted says, given the resource as it is (nil if it is new) and the body; the
// identity block is worked out here.
func (c *call) writeResource(wanted func(d *state.Draft, old *resource.Resource, body bodyIn) (state.ResourceSpec, error)) error {
	body, sealed, err := c.readResource()
	if err != nil {
		return err
	}
	var out resourceWire
	var created bool
	err = c.update(func(d *state.Draft) error {
		group, err := findGroup(d.Directory(), c.id)
		if err != nil {
			return err
		}
		old, exists := d.Directory().Resource(c.id)
		if err := checkExisting(c.r, old, exists); err != nil {
			return err
		}
		spec, err := wanted(d, old, body)
		if err != nil {
			return err
		}
		spec.ID = group.ID + c.id[len(c.id.GroupID()):] // a new one is in its group as that is spelled
		if err := c.changeBlock(d, old, body.Identity, &spec); err != nil {
			return err
		}
		w := &written{c: c, d: d, old: old, spec: &spec, sealed: slices.Clone(sealed)}
		if err := w.checkKind(); err != nil {
			return err
		}
		if _, created, err = d.PutResource(spec); err != nil {
			return identityFailure(c.id, err)
		}
		if err := d.PutSealed(c.id, w.sealed...); err != nil {
			return err
		}
		made, _ := d.Directory().Resource(c.id)
		c.word = c.wordForMaking(created)
		out, err = c.resourceOut(d.Directory(), made)
		return err
	})
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = cmp.Or(c.kindOf(out.Type).created, http.StatusCreated)
	}
	if c.word != "" {
		if err := c.begin(out.ID, c.word); err != nil {
			return err
		}
	}
	c.w.Header().Set("ETag", out.ETag)
	return c.json(status, out)
}

// checkExisting is checkConditions for a record that may not be there.
func checkExisting[T any](r *http.Request, old *T, exists bool) error {
	if !exists {
		return checkConditions(r, nil)
	}
	return checkConditions(r, old)
}

// changeBlock puts what the body says of the identity block into spec. Whoever adds an identity needs a right on it.
func (c *call) changeBlock(d *state.Draft, old *resource.Resource, block *blockIn, spec *state.ResourceSpec) error {
	if block == nil {
		return nil
	}
	var have resource.Identity
	if old != nil {
		have = old.Identity
	}
	wanted, added, err := block.change(have, c.r.Method == http.MethodPatch)
	if err != nil {
		return identityFailure(c.id, err)
	}
	for _, id := range added {
		if err := authorizeLinked(d.Directory(), c, assign, id); err != nil {
			return err
		}
	}
	spec.Identity = wanted
	return nil
}

// checkParent refuses a nested resource whose parent does not exist.
func checkParent(dir *state.Directory, id resource.ID) error {
	parent, nested := parentOf(id)
	if !nested {
		return nil
	}
	if _, ok := dir.Resource(parent); ok {
		return nil
	}
	_, below, _ := strings.Cut(string(parent), "/providers/")
	return apierr.New(apierr.ParentNotFound, "Can not perform requested operation on nested resource. Parent resource '%s' not found.", below).
		At(string(parent))
}

// parentOf returns the id of the resource that a nested one lies in.
func parentOf(id resource.ID) (resource.ID, bool) {
	if strings.Count(id.Type(), "/") < 2 {
		return "", false
	}
	segments := strings.Split(string(id), "/")
	return resource.ID(strings.Join(segments[:len(segments)-2], "/")), true
}

// deleteResource removes a resource with everything below it and their system-assigned identities.
func (c *call) deleteResource() error {
	status := http.StatusOK
	err := c.update(func(d *state.Draft) error {
		status = http.StatusNoContent
		if _, err := findGroup(d.Directory(), c.id); err != nil {
			return err
		}
		old, exists := d.Directory().Resource(c.id)
		if err := checkExisting(c.r, old, exists); err != nil || !exists {
			return err
		}
		status = http.StatusOK
		return d.DeleteResource(c.id)
	})
	if err != nil {
		return err
	}
	c.preempt()
	return c.done(status)
}
