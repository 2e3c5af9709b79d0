package arm

import (
	"net/http"

	"github.com/inborn-id/inborn/internal/apierr"
)

// listAssociatedResources lists the resources that have an identity in their block (Microsoft.ManagedIdentity,
// 2021-09-30-preview; later versions dropped it and clients still ask). $top=0 only counts.
func (c *call) listAssociatedResources() error {
	if _, err := findIdentity(c.dir, c.id); err != nil {
		return err
	}
	size, after := 0, ""
	if query(c.r, "$top") != "0" {
		var err error
		if size, after, err = paging(c.r); err != nil {
			return err
		}
	}
	subscription, err := findSubscription(c.dir, c.id)
	if err != nil {
		return err
	}
	out := associatedPage{Value: []associatedWire{}}
	last := ""
	for r := range c.dir.IdentityUsers(c.id) {
		out.Total++
		key := string(r.ID.Key())
		switch {
		case key <= after:
		case len(out.Value) < size:
			out.Value, last = append(out.Value, associatedOut(r, subscription.Name)), key
		case size > 0 && out.NextLink == "":
			out.NextLink = nextLink(c.r, last)
		}
	}
	return c.json(http.StatusOK, out)
}

// getSystemIdentity shows the system-assigned identity of the resource in the path (Microsoft.ManagedIdentity,
// identities/default).
func (c *call) getSystemIdentity() error {
	r, err := findResource(c.dir, c.id)
	if err != nil {
		return err
	}
	if r.Identity.System == nil {
		return apierr.New(apierr.ResourceNotFound, "The Resource '%s/%s' has no system-assigned identity.", r.ID.Type(), r.ID.Name()).
			At(string(r.ID)).WithHelp("inborn identity assign %s --system", r.ID.Name())
	}
	return c.json(http.StatusOK, systemIdentityOut(c.dir.Tenant().ID, r))
}

// typeSystemIdentity is the type under which a system-assigned identity can be read.
const typeSystemIdentity = "Microsoft.ManagedIdentity/identities"
