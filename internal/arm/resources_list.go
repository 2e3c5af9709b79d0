package arm

import (
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
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
		resources := keyed(c.dir.Resources(c.id), func(r *resource.Resource) (string, any) { return string(r.ID.Key()), listed(c.dir, r, expand) })
		identities := keyed(c.dir.Identities(c.id), func(i *resource.ManagedIdentity) (string, any) {
			r := &resource.Resource{ID: i.ID, Location: i.Location, Tags: i.Tags, Created: i.Created, Changed: i.Created}
			return string(i.ID.Key()), listed(c.dir, r, expand)
		})
		for key, value := range merged(resources, identities) {
			if match(value.(resourceWire)) && !yield(key, value) {
				return
			}
		}
	})
}

// listed is a resource as lists show it: without its properties, with what $expand asks for.
func listed(dir *state.Directory, r *resource.Resource, expand string) resourceWire {
	out := resourceHead(dir, r)
	if strings.Contains(expand, "createdtime") {
		out.CreatedTime = &r.Created
	}
	if strings.Contains(expand, "changedtime") {
		out.ChangedTime = &r.Changed
	}
	if strings.Contains(expand, "provisioningstate") {
		out.ProvisioningState = succeeded
	}
	return out
}

// parseFilter reads comparisons of name and resourceType by eq, joined by and.
func parseFilter(text string) (func(resourceWire) bool, error) {
	var name, kind *string
	for clause := range strings.SplitSeq(text, " and ") {
		if text == "" {
			break
		}
		property, value, ok := strings.Cut(clause, " eq ")
		value = strings.TrimSpace(value)
		if len(value) < 2 || value[0] != '\'' || value[len(value)-1] != '\'' {
			ok = false
		} else {
			value = strings.ReplaceAll(value[1:len(value)-1], "''", "'")
		}
		switch property = strings.TrimSpace(property); {
		case ok && strings.EqualFold(property, "name"):
			name = &value
		case ok && strings.EqualFold(property, "resourceType"):
			kind = &value
		default:
			return nil, apierr.New(apierr.QueryUnsupported,
				"The filter '%s' is not supported. Use resourceType eq '..' and name eq '..', or either.", text).At("$filter")
		}
	}
	return func(r resourceWire) bool {
		return (name == nil || strings.EqualFold(r.Name, *name)) && (kind == nil || strings.EqualFold(r.Type, *kind))
	}, nil
}
