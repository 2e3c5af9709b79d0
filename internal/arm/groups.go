package arm

import (
	"maps"
	"net/http"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
)

// findGroup returns the resource group that id lies in.
func findGroup(dir *state.Directory, id resource.ID) (*resource.Group, error) {
	if _, err := findSubscription(dir, id); err != nil {
		return nil, err
	}
	g, ok := dir.ResourceGroup(id.GroupID())
	if !ok {
		return nil, apierr.New(apierr.ResourceGroupNotFound, "Resource group '%s' could not be found.", id.Group()).At(id.Group())
	}
	return g, nil
}

func (c *call) listGroups() error {
	if _, err := findSubscription(c.dir, c.id); err != nil {
		return err
	}
	wanted, err := readFilter(query(c.r, "$filter"), "tagName", "tagValue")
	if err != nil {
		return err
	}
	return c.page(func(yield func(string, any) bool) {
		for g := range c.dir.ResourceGroups(c.id) {
			if hasTag(g.Tags, wanted) && !yield(string(g.ID.Key()), groupOut(g)) {
				return
			}
		}
	})
}

func (c *call) headGroup() error {
	if _, err := findGroup(c.dir, c.id); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}

func (c *call) getGroup() error {
	g, err := findGroup(c.dir, c.id)
	if err != nil {
		return err
	}
	c.tagged(g)
	return c.json(http.StatusOK, groupOut(g))
}

// putGroup makes a resource group, or gives one that exists other tags: its location is fixed.
func (c *call) putGroup() error {
	var body bodyIn
	if err := serve.ReadJSON(c.r, maxBody, &body); err != nil {
		return err
	}
	if err := checkTags(body.Tags); err != nil {
		return err
	}
	var group *resource.Group
	status := http.StatusOK
	err := c.update(func(d *state.Draft) error {
		if _, err := findSubscription(d.Directory(), c.id); err != nil {
			return err
		}
		old, exists := d.Directory().ResourceGroup(c.id)
		status = http.StatusOK
		if err := checkExisting(c.r, old, exists); err != nil {
			return err
		}
		if exists {
			if err := checkLocation(c.id, old.Location, body.Location); err != nil {
				return err
			}
			return retag(d, c.id, body.Tags, &group)
		}
		if err := checkGroupName(c.id.Group()); err != nil {
			return err
		}
		if err := needLocation(body.Location); err != nil {
			return err
		}
		if err := d.PutResourceGroup(c.id, body.Location); err != nil {
			return err
		}
		status = http.StatusCreated
		return retag(d, c.id, body.Tags, &group)
	})
	if err != nil {
		return err
	}
	c.tagged(group)
	return c.json(status, groupOut(group))
}

// retag gives a group these tags, if it has others, and returns it as it is then.
func retag(d *state.Draft, id resource.ID, tags map[string]string, group **resource.Group) error {
	*group, _ = d.Directory().ResourceGroup(id)
	if maps.Equal((*group).Tags, tags) {
		return nil
	}
	err := d.SetTags(id, tags)
	*group, _ = d.Directory().ResourceGroup(id)
	return err
}

// patchGroup replaces the tags of a group, if the body has any.
func (c *call) patchGroup() error {
	var body bodyIn
	if err := serve.ReadJSON(c.r, maxBody, &body); err != nil {
		return err
	}
	if err := checkTags(body.Tags); err != nil {
		return err
	}
	var group *resource.Group
	err := c.update(func(d *state.Draft) (err error) {
		if group, err = findGroup(d.Directory(), c.id); err != nil {
			return err
		}
		if err := checkConditions(c.r, group); err != nil {
			return err
		}
		if err := checkLocation(c.id, group.Location, body.Location); err != nil || body.Tags == nil {
			return err
		}
		return retag(d, c.id, body.Tags, &group)
	})
	if err != nil {
		return err
	}
	c.tagged(group)
	return c.json(http.StatusOK, groupOut(group))
}

// deleteGroup removes a group with everything in it. Terraform and az follow the Location that says when it is done.
func (c *call) deleteGroup() error {
	err := c.update(func(d *state.Draft) error {
		group, err := findGroup(d.Directory(), c.id)
		if err != nil {
			return err
		}
		if err := checkConditions(c.r, group); err != nil {
			return err
		}
		return d.DeleteResourceGroup(c.id)
	})
	if err != nil {
		return err
	}
	c.preempt()
	return c.accepted()
}

// checkGroupName allows what Resource Manager allows in the names of groups: 1 to 90 letters, digits and _ - . ( ), and
// no dot at the end (naming rules of Microsoft.Resources).
func checkGroupName(name string) error {
	allowed := func(c rune) bool { return isAlphanumeric(c) || strings.ContainsRune("_-.()", c) }
	if len(name) > 90 || strings.HasSuffix(name, ".") || strings.ContainsFunc(name, func(c rune) bool { return !allowed(c) }) {
		return apierr.New(apierr.PropertyInvalid, "The resource group name '%s' is not valid: 1 to 90 letters, digits and _-.(), and no dot at the end.", name).
			At(name).Because(invalidResourceName)
	}
	return nil
}

func isAlphanumeric(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// needLocation refuses something new without a place to be. Inborn does nothing with locations but keep them.
func needLocation(location string) error {
	if location == "" {
		return apierr.New(apierr.PropertyInvalid, "The location property is required for this definition.").At("location").Because(locationRequired)
	}
	return directory.CheckName("location", location)
}

// checkLocation refuses to move what exists at old; "" and another spelling, as "West Europe" for westeurope, are none.
func checkLocation(id resource.ID, old, location string) error {
	plain := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, " ", "")) }
	if location == "" || plain(location) == plain(old) {
		return nil
	}
	return apierr.New(apierr.ObjectExists, "The resource '%s' already exists in location '%s' in resource group '%s'. A resource with"+
		" the same name cannot be created in location '%s'.", id.Name(), old, id.Group(), location).At("location").Because(invalidResourceLocation)
}
