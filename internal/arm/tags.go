package arm

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
)

// typeTags is the type under which the tags of a subscription, a group or a resource can be read and changed without the
// rest of it, and with a right of their own (Microsoft.Resources, tags, 2021-04-01).
const typeTags = "Microsoft.Resources/tags"

// tagsOf returns the tags of what the path names.
func (c *call) tagsOf(dir *state.Directory) (map[string]string, error) {
	if c.id == "" {
		return nil, apierr.New(apierr.ResourceIDInvalid, "A tenant has no tags: name a subscription, a resource group or a resource.").At("/")
	}
	s, err := findSubscription(dir, c.id)
	if err != nil {
		return nil, err
	}
	if c.id.Group() == "" && c.id.Type() == "" {
		return s.Tags, nil
	}
	g, err := findGroup(dir, c.id)
	if err != nil {
		return nil, err
	}
	if c.id.Type() == "" {
		return g.Tags, nil
	}
	if i, ok := dir.Identity(c.id); ok {
		return i.Tags, nil
	}
	r, err := findResource(dir, c.id)
	if err != nil {
		return nil, err
	}
	return r.Tags, nil
}

func (c *call) tagsOut(tags map[string]string) tagsWire {
	return tagsWire{ID: string(c.id) + "/providers/" + typeTags + "/default", Name: "default", Type: typeTags, Properties: &tagProps{tagsOut(tags)}}
}

func (c *call) getTags() error {
	tags, err := c.tagsOf(c.dir)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, c.tagsOut(tags))
}

// putTags replaces all tags.
func (c *call) putTags() error {
	body, err := c.readTags()
	if err != nil {
		return err
	}
	return c.changeTags(func(map[string]string) (map[string]string, error) { return body.Properties.Tags, nil })
}

// patchTags merges tags into those there are, replaces them, or takes away those of the same name and value.
func (c *call) patchTags() error {
	body, err := c.readTags()
	if err != nil {
		return err
	}
	sent := body.Properties.Tags
	return c.changeTags(func(have map[string]string) (map[string]string, error) {
		changed := maps.Clone(tagsOut(have))
		switch strings.ToLower(body.Operation) {
		case "merge":
			for name, value := range sent {
				changed[tagNamed(changed, name)] = value
			}
		case "replace":
			changed = sent
		case "delete":
			for name, value := range sent {
				if name := tagNamed(changed, name); changed[name] == value {
					delete(changed, name)
				}
			}
		default:
			return nil, apierr.New(apierr.PropertyInvalid, "The operation '%s' is not valid: use Merge, Replace or Delete.", body.Operation).At("operation")
		}
		return changed, nil
	})
}

func (c *call) deleteTags() error {
	err := c.setTags(func(map[string]string) (map[string]string, error) { return nil, nil })
	if err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}

// tagNamed returns how a name is spelled among tags: they differ by more than case.
func tagNamed(tags map[string]string, name string) string {
	for have := range tags {
		if strings.EqualFold(have, name) {
			return have
		}
	}
	return name
}

func (c *call) readTags() (body tagsWire, err error) {
	if err := serve.ReadJSON(c.r, maxBody, &body); err != nil {
		return body, err
	}
	if body.Properties == nil {
		return body, apierr.New(apierr.PropertyInvalid, "The property properties is missing: an object with tags in it.").At("properties")
	}
	return body, nil
}

func (c *call) changeTags(change func(have map[string]string) (map[string]string, error)) error {
	var tags map[string]string
	err := c.setTags(func(have map[string]string) (_ map[string]string, err error) {
		tags, err = change(have)
		return tags, err
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, c.tagsOut(tags))
}

func (c *call) setTags(change func(have map[string]string) (map[string]string, error)) error {
	return c.update(func(d *state.Draft) error {
		have, err := c.tagsOf(d.Directory())
		if err != nil {
			return err
		}
		tags, err := change(have)
		if err != nil {
			return err
		}
		if err := checkTags(tags); err != nil {
			return err
		}
		return d.SetTags(c.id, tags)
	})
}

// listTagNames counts the tags of a subscription's groups, identities and resources by name and value.
func (c *call) listTagNames() error {
	if _, err := findSubscription(c.dir, c.id); err != nil {
		return err
	}
	counts := map[string]map[string]int{}
	count := func(tags map[string]string) {
		for name, value := range tags {
			if counts[name] == nil {
				counts[name] = map[string]int{}
			}
			counts[name][value]++
		}
	}
	for g := range c.dir.ResourceGroups(c.id) {
		count(g.Tags)
	}
	for i := range c.dir.Identities(c.id) {
		count(i.Tags)
	}
	for r := range c.dir.Resources(c.id) {
		count(r.Tags)
	}
	return c.page(func(yield func(string, any) bool) {
		for _, name := range slices.Sorted(maps.Keys(counts)) {
			if !yield(name, tagNameOut(c.id, name, counts[name])) {
				return
			}
		}
	})
}

func tagNameOut(subscription resource.ID, name string, values map[string]int) tagNameWire {
	out := tagNameWire{ID: string(subscription) + "/tagNames/" + name, Name: name, Count: tagCount{Type: "Total"}, Values: []tagValueWire{}}
	for _, value := range slices.Sorted(maps.Keys(values)) {
		out.Count.Value += values[value]
		out.Values = append(out.Values, tagValueWire{ID: out.ID + "/tagValues/" + value, Value: value, Count: tagCount{"Total", values[value]}})
	}
	return out
}
