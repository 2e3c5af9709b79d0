package graph

import (
	"net/http"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
)

// maxBody bounds the body of an assignment, in bytes.
const maxBody = 64 << 10

// change decides and commits one change. Whether the caller may make it is decided once more on the state that it is
// made of, so that a right revoked a moment ago no longer makes changes.
func (c *call) change(decide func(*state.Draft) error) (*state.View, error) {
	by := state.Actor{ID: c.caller.ID, Name: c.caller.DisplayName, RequestID: serve.RequestID(c.r).String()}
	tenant, claims, need := c.claims.Tenant, c.claims, c.need
	v, err := c.h.Live.Update(c.r.Context(), by, func(v *state.View, env *state.Env) (state.Batch, error) {
		if _, err := judge(v, claims, need); err != nil {
			return state.Batch{}, err
		}
		d := state.NewDraft(v, env, tenant)
		err := decide(d)
		return d.Batch(), err
	})
	if err != nil {
		serve.Note(c.r, "change", "%s", apierr.From(err).Message)
	}
	return v, err
}

// grant gives an app role to a principal. The id in the path must be repeated in the body.
func grant(from side) action {
	return func(c *call) error {
		sp, err := principalOfPath(c)
		if err != nil {
			return err
		}
		from := from.of(c, sp)
		var body newAssignment
		if err := serve.ReadJSON(c.r, maxBody, &body); err != nil {
			return err
		}
		if err := body.complete(); err != nil {
			return err
		}
		end := body.principal
		if from == toResource {
			end = body.resource
		}
		if end != sp.ID {
			return apierr.New(apierr.ReferenceInvalid, "The path names %s and the body %s.", sp.ID, end).At(end.String())
		}
		var given directory.AppRoleAssignment
		v, err := c.change(func(d *state.Draft) (err error) {
			given, err = d.Grant(body.principal, body.resource, body.appRole)
			return err
		})
		if err != nil {
			return err
		}
		return c.created(v, from, &given)
	}
}

// created answers with the new assignment as v shows it.
func (c *call) created(v *state.View, from side, given assignment) error {
	end := from.end(given)
	location := c.base + "/servicePrincipals/" + end.String() + "/" + from.String() + "/" + given.ID.String()
	c.w.Header().Set("Location", location)
	if preference := c.prefers("return"); strings.EqualFold(preference, "minimal") || strings.EqualFold(preference, "representation") {
		c.w.Header().Set("Preference-Applied", "return="+strings.ToLower(preference))
		if strings.EqualFold(preference, "minimal") {
			c.w.Header().Set("OData-EntityId", location)
			c.w.WriteHeader(http.StatusNoContent)
			return nil
		}
	}
	if dir, ok := v.Directory(c.claims.Tenant); ok {
		c.dir = dir
	}
	k := assignmentKind(from)
	everything := make([]int, len(k.properties))
	for i := range everything {
		everything[i] = i
	}
	context := c.contextOf(from.collection(end) + "/$entity")
	return c.answer(http.StatusCreated, k.render(c, given, everything, context))
}

// revoke takes an app role away.
func revoke(from side) action {
	return func(c *call) error {
		sp, err := principalOfPath(c)
		if err != nil {
			return err
		}
		from := from.of(c, sp)
		text, end := c.param("assignment"), sp.ID
		if _, err := c.change(func(d *state.Draft) error { return from.drop(d, end, text) }); err != nil {
			return err
		}
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	}
}

// drop removes the assignment that a path names, as the directory of d has it.
func (s side) drop(d *state.Draft, end guid.GUID, text string) error {
	a, err := s.below(d.Directory(), end, text)
	if err != nil {
		return err
	}
	return d.Revoke(a.ID)
}
