package arm

import (
	"net/http"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/serve"
)

// maxHolders bounds the answer to who may do something.
const maxHolders = 10_000

// readAccess reads a question of Inborn.Platform/access.
func (c *call) readAccess() (in accessIn, request rbac.Request, err error) {
	if err := serve.ReadJSON(c.r, maxBody, &in); err != nil {
		return in, request, err
	}
	request.Scope = scopeOf(c.id)
	request.Action, err = askedAction(in.Action, in.Data)
	return in, request, err
}

// askedAction reads the name of an action that somebody asks about.
func askedAction(name string, data bool) (rbac.Action, error) {
	if name == "" || strings.Contains(name, "*") || !strings.Contains(name, "/") {
		return rbac.Action{}, apierr.New(apierr.PropertyInvalid, "'%s' is not an action, such as Microsoft.Web/sites/read; patterns are for roles.", name).At("action")
	}
	if data {
		return rbac.DataAction(name), nil
	}
	return rbac.ControlAction(name), nil
}

// accessCan tells whether a principal may do something at the scope in the path, and why.
func (c *call) accessCan() error {
	in, request, err := c.readAccess()
	if err != nil {
		return err
	}
	if request.Principal, err = guid.Parse(in.Principal); err != nil {
		return apierr.New(apierr.PropertyInvalid, "The property principalId must be the object id of a principal, and '%s' is none.", in.Principal).At("principalId")
	}
	d := rbac.Check(c.dir, request)
	out := decisionWire{Decision: d.Outcome.String(), Reasons: []string{c.named(d)}}
	if d.Outcome == rbac.NotAllowed {
		out.Hint = c.hint(request.Action)
	}
	return c.json(http.StatusOK, out)
}

// named is the explanation of a decision with names in the place of ids.
func (c *call) named(d rbac.Decision) string {
	text := d.Explain()
	for _, id := range []guid.GUID{d.Principal, d.Via} {
		if _, name, ok := c.dir.Principal(id); ok && !id.IsZero() {
			text = strings.ReplaceAll(text, id.String(), name)
		}
	}
	return text
}

// accessWho lists the principals that may do something at the scope in the path. The local administrator, who has no
// assignment that could be found, stands apart.
func (c *call) accessWho() error {
	_, request, err := c.readAccess()
	if err != nil {
		return err
	}
	out := holdersWire{Value: []holderWire{}}
	for id, d := range rbac.Who(c.dir, c.dir, request) {
		if err := c.r.Context().Err(); err != nil {
			return err
		}
		if len(out.Value) == maxHolders {
			return apierr.New(apierr.LimitExceeded, "More than %d principals may do that: ask at a narrower scope or for a rarer action.", maxHolders).At("action")
		}
		_, name, _ := c.dir.Principal(id)
		_, group, _ := c.dir.Principal(d.Via)
		out.Value = append(out.Value, holderWire{ID: id, Name: name, Kind: typeOf(c.dir, id).String(), Role: d.Role.Name, Scope: d.Assignment.Scope, Through: group})
	}
	request.Principal = c.dir.LocalAdministrator().ID
	out.Administrator = rbac.Check(c.dir, request).Allowed()
	if len(out.Value) == 0 {
		out.Hint = c.hint(request.Action)
	}
	return c.json(http.StatusOK, out)
}
