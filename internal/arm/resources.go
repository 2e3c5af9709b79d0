package arm

import (
	"encoding/json"
	"net/http"
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

func (c *call) getResource() error {
	r, err := findResource(c.dir, c.id)
	if err != nil {
		return err
	}
	out, err := resourceOut(c.dir, r)
	if err != nil {
		return err
	}
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
		return spec, checkLocation(c.id, old.Location, body.Location)
	})
}

// writeResource makes a resource what wanted says, given the resource as it is (nil if it is new) and the body; the
// identity block is worked out here.
func (c *call) writeResource(wanted func(d *state.Draft, old *resource.Resource, body bodyIn) (state.ResourceSpec, error)) error {
	var body bodyIn
	if err := serve.ReadJSON(c.r, maxBody, &body); err != nil {
		return err
	}
	if err := checkTags(body.Tags); err != nil {
		return err
	}
	if body.Kind != nil && *body.Kind != "" {
		if err := directory.CheckName("kind", *body.Kind); err != nil {
			return err
		}
	}
	var out resourceWire
	var created bool
	err := c.update(func(d *state.Draft) error {
		if _, err := findGroup(d.Directory(), c.id); err != nil {
			return err
		}
		old, _ := d.Directory().Resource(c.id)
		spec, err := wanted(d, old, body)
		if err != nil {
			return err
		}
		if err := c.changeBlock(d, old, body.Identity, &spec); err != nil {
			return err
		}
		var made resource.Resource
		if made, created, err = d.PutResource(spec); err != nil {
			return identityFailure(c.id, err)
		}
		out, err = resourceOut(d.Directory(), &made)
		return err
	})
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = createdStatus(out.Type)
	}
	return c.json(status, out)
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

// createdStatus is 201, except for types whose clients take only 200 (or 202) from a PUT that creates: the az and Go
// SDKs of Microsoft.Web and Microsoft.Storage.
func createdStatus(kind string) int {
	switch strings.ToLower(kind) {
	case "microsoft.web/sites", "microsoft.web/serverfarms", "microsoft.storage/storageaccounts":
		return http.StatusOK
	default:
		return http.StatusCreated
	}
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
		if _, exists := d.Directory().Resource(c.id); !exists {
			return nil
		}
		status = http.StatusOK
		return d.DeleteResource(c.id)
	})
	if err != nil {
		return err
	}
	return c.empty(status)
}

// resourceOut spells r as it is in dir. An empty identity block is said to be so: scripts read identity.type without looking whether it is there.
func resourceOut(dir *state.Directory, r *resource.Resource) (resourceWire, error) {
	out := resourceHead(dir, r)
	if out.Identity == nil {
		out.Identity = &blockWire{Type: r.Identity.Type()}
	}
	props := map[string]json.RawMessage{}
	if len(r.Properties) > 0 {
		if err := json.Unmarshal(r.Properties, &props); err != nil {
			return out, err
		}
	}
	props["provisioningState"] = json.RawMessage(`"` + succeeded + `"`)
	var err error
	out.Properties, err = json.Marshal(props)
	return out, err
}

// resourceHead spells all of r but its properties.
func resourceHead(dir *state.Directory, r *resource.Resource) resourceWire {
	return resourceWire{ID: r.ID, Name: r.ID.Name(), Type: r.ID.Type(), Kind: r.Kind, Location: r.Location, Tags: tagsOut(r.Tags),
		Identity: blockOut(dir, r.Identity)}
}
