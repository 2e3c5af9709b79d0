package arm

import (
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
)

// listResources lists everything below a subscription or a group: resources and user-assigned identities.
func (c *call) listResources() error {
	if err := findScope(c.dir, c.id); err != nil {
		return err
	}
	match, err := parseFilter(query(c.r, "$filter"))
	if err != nil {
		return err
	}
	expand := strings.ToLower(query(c.r, "$expand"))
	return c.page(func(yield func(string, any) bool) {
		resources := keyed(c.dir.Resources(c.id), func(r *resource.Resource) (string, any) { return string(r.ID.Key()), c.listed(r, expand) })
		identities := keyed(c.dir.Identities(c.id), func(i *resource.ManagedIdentity) (string, any) {
			r := &resource.Resource{ID: i.ID, Location: i.Location, Tags: i.Tags, Created: i.Created, Changed: i.Created}
			return string(i.ID.Key()), c.listed(r, expand)
		})
		for key, value := range merged(resources, identities) {
			if row := value.(resourceWire); match(row) && len(c.kindOf(row.Type).fixed) == 0 && !yield(key, value) {
				return
			}
		}
	})
}

// listed is a resource as lists show it: without its properties, with what $expand asks for.
func (c *call) listed(r *resource.Resource, expand string) resourceWire {
	out := c.resourceHead(c.dir, r)
	if strings.Contains(expand, "createdtime") {
		out.CreatedTime = &r.Created
	}
	if strings.Contains(expand, "changedtime") {
		out.ChangedTime = &r.Changed
	}
	if strings.Contains(expand, "provisioningstate") {
		out.ProvisioningState = c.provisioningState(r)
	}
	return out
}

// parseFilter reads comparisons of a resource by eq, joined by and.
func parseFilter(text string) (func(resourceWire) bool, error) {
	wanted, err := readFilter(text, "name", "resourceType", "resourceGroup", "location", "tagName", "tagValue")
	if err != nil {
		return nil, err
	}
	is := func(property, value string) bool {
		want, asked := wanted[property]
		return !asked || strings.EqualFold(value, want)
	}
	return func(r resourceWire) bool {
		return is("name", r.Name) && is("resourceType", r.Type) && is("resourceGroup", r.ID.Group()) && is("location", r.Location) && hasTag(r.Tags, wanted)
	}, nil
}

// hasTag reports whether tags have the name that a filter asks for, with the value if it asks for one.
func hasTag(tags map[string]string, wanted map[string]string) bool {
	name, asked := wanted["tagName"]
	value, valueToo := wanted["tagValue"]
	if !asked {
		return !valueToo
	}
	have, found := tags[tagNamed(tags, name)]
	return found && (!valueToo || have == value)
}

// readFilter reads PROPERTY eq 'VALUE' [and ..] with these properties.
func readFilter(text string, properties ...string) (map[string]string, error) {
	wanted := map[string]string{}
	if text == "" {
		return wanted, nil
	}
	for clause := range strings.SplitSeq(text, " and ") {
		property, value, _ := strings.Cut(clause, " eq ")
		property, value = strings.TrimSpace(property), strings.TrimSpace(value)
		at := slices.IndexFunc(properties, func(p string) bool { return strings.EqualFold(p, property) })
		if at < 0 || len(value) < 2 || value[0] != '\'' || value[len(value)-1] != '\'' {
			return nil, apierr.New(apierr.QueryUnsupported, "The filter '%s' is not supported. Use %s, joined by and.", text,
				strings.Join(properties, " eq '..', ")+" eq '..'").At("$filter")
		}
		wanted[properties[at]] = strings.ReplaceAll(value[1:len(value)-1], "''", "'")
	}
	return wanted, nil
}

// listType lists the resources of one type below a subscription, a group or another resource, with their properties.
func (c *call) listType() error {
	name := serve.Param(c.r, "kind")
	if namespace := serve.Param(c.r, "listed"); namespace != "" {
		name = namespace + "/" + name
	} else {
		name = c.id.Type() + "/" + name
	}
	if !resource.IsPlain(name) {
		return apierr.New(apierr.PathUnknown, "The resource type '%s' could not be found for api version '%s'.", name, query(c.r, "api-version")).At(name)
	}
	if c.id.Type() != "" {
		if _, err := findResource(c.dir, c.id); err != nil {
			return err
		}
	} else if err := findScope(c.dir, c.id); err != nil {
		return err
	}
	return c.page(func(yield func(string, any) bool) {
		for r := range c.dir.Resources(c.id) {
			if !strings.EqualFold(r.ID.Type(), name) {
				continue
			}
			out, err := c.resourceOut(c.dir, r)
			if c.broken = err; err != nil || !yield(string(r.ID.Key()), out) {
				return
			}
		}
	})
}
