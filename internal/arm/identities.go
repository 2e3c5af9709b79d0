package arm

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
)

// noIsolation is the only isolationScope: identities may be attached to resources of any location.
const noIsolation = "None"

func (c *call) listIdentities() error {
	if err := findScope(c.dir, c.id); err != nil {
		return err
	}
	tenant := c.dir.Tenant().ID
	return c.page(keyed(c.dir.Identities(c.id), func(i *resource.ManagedIdentity) (string, any) {
		return string(i.ID.Key()), identityOut(tenant, i)
	}))
}

// findScope checks that the group, or else the subscription, of a list exists.
func findScope(dir *state.Directory, id resource.ID) error {
	if id.Group() == "" {
		_, err := findSubscription(dir, id)
		return err
	}
	_, err := findGroup(dir, id)
	return err
}

func findIdentity(dir *state.Directory, id resource.ID) (*resource.ManagedIdentity, error) {
	if _, err := findGroup(dir, id); err != nil {
		return nil, err
	}
	i, ok := dir.Identity(id)
	if !ok {
		return nil, notFound(id)
	}
	return i, nil
}

// notFound is the error for something that its group does not have.
func notFound(id resource.ID) error {
	_, below, _ := strings.Cut(string(id), "/providers/")
	e := apierr.New(apierr.ResourceNotFound, "The Resource '%s' under resource group '%s' was not found. For more details please"+
		" go to https://aka.ms/ARMResourceNotFoundFix", below, id.Group()).At(string(id))
	if strings.EqualFold(id.Type(), resource.TypeIdentity) {
		return e.WithHelp("inborn identity list")
	}
	return e.WithHelp("inborn apply --file MANIFEST.yaml  # declares it under resources")
}

func (c *call) getIdentity() error {
	i, err := findIdentity(c.dir, c.id)
	if err != nil {
		return err
	}
	c.tagged(i)
	return c.json(http.StatusOK, identityOut(c.dir.Tenant().ID, i))
}

// putIdentity makes an identity with fresh ids, or gives an existing one other tags. Ids that the body brings along are
// read-only there, as in the real service; a manifest can fix them.
func (c *call) putIdentity() error {
	body, err := c.readIdentity()
	if err != nil {
		return err
	}
	var made resource.ManagedIdentity
	var created bool
	err = c.update(func(d *state.Draft) (err error) {
		if _, err := findGroup(d.Directory(), c.id); err != nil {
			return err
		}
		old, exists := d.Directory().Identity(c.id)
		if err := checkExisting(c.r, old, exists); err != nil {
			return err
		}
		if exists {
			err = checkLocation(c.id, old.Location, body.Location)
		} else if err = checkIdentityName(c.id.Name()); err == nil {
			err = needLocation(body.Location)
		}
		if err != nil {
			return err
		}
		made, created, err = d.PutIdentity(state.ManagedIdentitySpec{ID: c.id, Location: body.Location, Tags: body.Tags})
		return err
	})
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	c.tagged(&made)
	return c.json(status, identityOut(c.dir.Tenant().ID, &made))
}

// patchIdentity replaces the tags, if the body has any.
func (c *call) patchIdentity() error {
	body, err := c.readIdentity()
	if err != nil {
		return err
	}
	var made resource.ManagedIdentity
	err = c.update(func(d *state.Draft) error {
		old, err := findIdentity(d.Directory(), c.id)
		if err != nil {
			return err
		}
		if err := checkConditions(c.r, old); err != nil {
			return err
		}
		if err := checkLocation(c.id, old.Location, body.Location); err != nil {
			return err
		}
		made = *old
		if body.Tags == nil {
			return nil
		}
		made, _, err = d.PutIdentity(state.ManagedIdentitySpec{ID: c.id, Tags: body.Tags})
		return err
	})
	if err != nil {
		return err
	}
	c.tagged(&made)
	return c.json(http.StatusOK, identityOut(c.dir.Tenant().ID, &made))
}

// deleteIdentity removes the identity, its principal, all its grants, and its places in identity blocks.
func (c *call) deleteIdentity() error {
	status := http.StatusOK
	err := c.update(func(d *state.Draft) error {
		status = http.StatusNoContent
		if _, err := findGroup(d.Directory(), c.id); err != nil {
			return err
		}
		old, exists := d.Directory().Identity(c.id)
		if err := checkExisting(c.r, old, exists); err != nil || !exists {
			return err
		}
		status = http.StatusOK
		return d.DeleteIdentity(c.id)
	})
	if err != nil {
		return err
	}
	return c.empty(status)
}

func (c *call) readIdentity() (bodyIn, error) {
	var body bodyIn
	if err := serve.ReadJSON(c.r, maxBody, &body); err != nil {
		return body, err
	}
	if err := checkTags(body.Tags); err != nil {
		return body, err
	}
	var props isolationIn
	if body.Properties != nil && json.Unmarshal(body.Properties, &props) != nil {
		return body, apierr.New(apierr.PropertyInvalid, "The property \"properties\" must be an object, and isolationScope in it a text.").At("properties")
	}
	if props.IsolationScope != "" && !strings.EqualFold(props.IsolationScope, noIsolation) {
		return body, apierr.New(apierr.PropertyInvalid, "The isolationScope '%s' is not supported: leave it out or use None.", props.IsolationScope).
			At("properties.isolationScope")
	}
	return body, nil
}

func checkIdentityName(name string) error {
	if !resource.IsIdentityName(name) {
		return apierr.New(apierr.PropertyInvalid, "The identity name '%s' is not valid: 3 to 128 letters, digits, - and _, and the first a letter or digit.", name).
			At(name).Because(invalidResourceName)
	}
	return nil
}

// checkTags bounds tags as Resource Manager does: 50 of them, names up to 512 and values up to 256 characters.
func checkTags(tags map[string]string) error {
	if len(tags) > 50 {
		return apierr.New(apierr.LimitExceeded, "There are %d tags; a resource can have 50.", len(tags)).At("tags")
	}
	for name, value := range tags {
		if name == "" || len(name) > 512 || len(value) > 256 {
			return apierr.New(apierr.PropertyInvalid, "The tag %.60q is not valid: names have 1 to 512 characters, values up to 256.", name).At("tags")
		}
	}
	return nil
}
