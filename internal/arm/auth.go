package arm

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/token"
)

// caller is who sent a request, as the verified token and the directory say.
type caller struct {
	id   guid.GUID // object id
	name string    // user principal name, or the client id of a service principal
	said string    // as people know it

	tenant guid.GUID
	needed func(tenant, assignment guid.GUID, need rbac.Need) // hears what lets the caller in; nil: nobody does
}

// assign is the action that takes to put a user-assigned identity where a workload can use it.
const assign action = resource.TypeIdentity + "/assign/action"

// authenticate establishes the tenant and the caller of a request. The tid claim is read before the signature is
// checked, to know which issuers to accept; that iss is one of that tenant's binds the two together.
func (a *api) authenticate(w http.ResponseWriter, r *http.Request) (*state.Directory, caller, error) {
	login := "common"
	dir, claims, err := a.verify(r)
	if dir != nil {
		login = dir.Tenant().ID.String()
	}
	if err == nil {
		var who caller
		if who, err = identify(dir, claims); err == nil {
			if who.id != dir.LocalAdministrator().ID {
				who.tenant, who.needed = dir.Tenant().ID, a.Needed
			}
			serve.SetCaller(r, dir.Tenant().ID, who.said)
			serve.Note(r, "token", "caller %s, object id %s, audience %s", who.name, who.id, claims.Audience)
			return dir, who, nil
		}
	}
	if apierr.From(err).Kind == apierr.Unauthenticated {
		w.Header().Set("WWW-Authenticate", a.challenge(r, login, err))
	}
	return nil, caller{}, err
}

// verify returns the verified claims of the request's token. The directory is that of the tenant which the token
// claims, also when there is an error.
func (a *api) verify(r *http.Request) (*state.Directory, *token.Claims, error) {
	if err := a.Live.Stale(); err != nil {
		return nil, nil, err
	}
	bearer, err := serve.Bearer(r)
	if err != nil {
		e := apierr.From(err)
		return nil, nil, apierr.New(e.Code, "Authentication failed. %s", e.Message)
	}
	claimed, err := read(bearer)
	if err != nil {
		return nil, nil, invalidToken(err)
	}
	dir, known := a.Live.View().Directory(claimed.Tenant)
	if !known {
		return nil, nil, apierr.New(apierr.TokenIssuer, "The access token is from the wrong issuer '%s'. No tenant %s is known here.",
			claimed.Issuer, claimed.Tenant)
	}
	now, tenant, keys := a.Now(), dir.Tenant(), a.Keys()
	if _, err := keys.Signing(now); err != nil {
		return dir, nil, err
	}
	trust := &token.Trust{Keys: keys, Issuers: []string{tenant.IssuerV1, tenant.IssuerV2}, Audiences: a.audiences(r)}
	claims, err := a.Verify(bearer, trust, now)
	return dir, claims, refusedToken(err, claimed, trust, now)
}

func read(bearer string) (*token.Claims, error) {
	jws, err := token.ParseJWS(bearer)
	if err != nil {
		return nil, err
	}
	return jws.Access()
}

// audiences are the names by which tokens are for this API. The Host of the request is none but for our own name: its
// sender chooses it, and an application may be registered under any other URI.
func (a *api) audiences(r *http.Request) []string {
	all := []string{
		"https://management.azure.com/", "https://management.azure.com",
		"https://management.core.windows.net/", "https://management.core.windows.net",
		directory.ResourceManagerAppID.String(),
	}
	if own, ok := serve.OwnOrigin(r, "management", a.Domain); ok {
		all = append(all, own, own+"/")
	}
	return all
}

// refusedToken says err in the sentences of Resource Manager, which some clients look for.
func refusedToken(err error, claimed *token.Claims, trust *token.Trust, now time.Time) error {
	const utc = "1/2/2006 3:04:05 PM"
	e := apierr.From(err)
	switch {
	case e == nil:
		return nil
	case e.Code == apierr.TokenAudience:
		return apierr.New(e.Code, "The access token has been obtained for wrong audience or resource '%s'. It should exactly match"+
			" with one of the allowed audiences '%s'.", claimed.Audience, strings.Join(trust.Audiences, "','")).
			WithHelp("inborn token get --as RESOURCE --resource https://management.azure.com")
	case e.Code == apierr.TokenExpired:
		return apierr.New(e.Code, "The access token expiry UTC time '%s' is earlier than current UTC time '%s'.",
			claimed.Expires.UTC().Format(utc), now.UTC().Format(utc))
	case e.Code == apierr.TokenIssuer:
		return apierr.New(e.Code, "The access token is from the wrong issuer '%s'. It must match one of the issuers '%s' of its tenant %s.",
			claimed.Issuer, strings.Join(trust.Issuers, "','"), claimed.Tenant)
	case e.Kind == apierr.Unauthenticated:
		return invalidToken(e)
	default:
		return err
	}
}

func invalidToken(err error) error {
	e := apierr.From(err)
	return apierr.New(e.Code, "The access token is invalid. %s", e.Message).Because(e.Err)
}

// identify returns the principal behind verified claims, which must still exist and be enabled.
func identify(dir *state.Directory, claims *token.Claims) (caller, error) {
	if sp, ok := dir.ServicePrincipal(claims.ObjectID); ok && sp.Enabled && sp.AppID == claims.AppID && claims.AppOnly() {
		return caller{id: sp.ID, name: sp.AppID.String(), said: sp.DisplayName}, nil
	}
	if user, ok := dir.User(claims.ObjectID); ok && user.Enabled {
		return caller{id: user.ID, name: user.UPN, said: user.UPN}, nil
	}
	return caller{}, apierr.New(apierr.CallerUnknown,
		"The access token is invalid. Its principal %s does not exist any more or is disabled.", claims.ObjectID).At(claims.ObjectID.String())
}

// challenge is the WWW-Authenticate header of a 401 (RFC 6750, section 3, with Resource Manager's authorization_uri).
func (a *api) challenge(r *http.Request, tenant string, err error) string {
	login := a.Login
	if login == "" {
		login = serve.Origin(r)
	}
	description := strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return '\''
		}
		return c
	}, apierr.From(err).Message)
	return fmt.Sprintf(`Bearer authorization_uri="%s/%s", error="invalid_token", error_description="%.300s"`, login, tenant, description)
}

// decide asks whether the caller may do that at id, "" being the tenant; about is what conditions may ask for.
func decide(dir *state.Directory, who caller, needs action, id resource.ID, about []rbac.Attribute) rbac.Decision {
	d := rbac.Check(dir, rbac.Request{Principal: who.id, Action: rbac.ControlAction(string(needs)), Scope: scopeOf(id), Attributes: about,
		Whatever: needs == assignmentsWrite && about == nil})
	if who.needed != nil && d.Allowed() {
		who.needed(who.tenant, d.Assignment.ID, rbac.NeedOf(d))
	}
	return d
}

// authorize refuses a caller who may not do that at id; "" is the tenant.
func authorize(dir *state.Directory, who caller, needs action, id resource.ID) error {
	if d := decide(dir, who, needs, id, nil); !d.Allowed() {
		return forbidden(dir, who, needs, id, d)
	}
	return nil
}

// permitted is authorize for whoever has nothing to say to those who may not.
func permitted(dir *state.Directory, who caller, needs action, id resource.ID) bool {
	return decide(dir, who, needs, id, nil).Allowed()
}

// forbidden says no in the words that clients look for.
func forbidden(dir *state.Directory, who caller, needs action, id resource.ID, d rbac.Decision) error {
	what := "does not have authorization"
	if d.Conditional() {
		what += " or an ABAC condition not fulfilled"
	}
	return apierr.New(apierr.PermissionMissing, "The client '%s' with object id '%s' %s to perform action '%s'"+
		" over scope '%s' or the scope is invalid. If access was recently granted, please refresh your credentials.",
		who.name, who.id, what, needs, scope(id)).At(string(needs)).Helped(dir.Remedy(d))
}

// typeOf is Resource Manager's word for what kind of principal an id is.
func typeOf(dir *state.Directory, principal guid.GUID) rbac.PrincipalType {
	switch kind, _, known := dir.Principal(principal); {
	case !known:
		return rbac.TypeUnknown
	case kind == directory.TypeUser:
		return rbac.TypeUser
	case kind == directory.TypeGroup:
		return rbac.TypeGroup
	default:
		return rbac.TypeServicePrincipal
	}
}

// sees reports whether the caller has a role at a subscription, above it or anywhere in it: then it is shown in the list
// of subscriptions, where clients begin.
func sees(dir *state.Directory, who caller, subscription resource.ID) bool {
	if len(rbac.Holdings(dir, who.id, subscription)) > 0 {
		return true
	}
	for _, holder := range dir.WithGroups(who.id) {
		for a := range dir.Grants(holder).All() {
			if rbac.Within(subscription, a.Scope) {
				return true
			}
		}
	}
	return false
}

// authorizeLinked is authorize for an id that the body of a request names beside the one in its path.
func authorizeLinked(dir *state.Directory, c *call, needs action, id resource.ID) error {
	d := decide(dir, c.caller, needs, id, nil)
	if d.Allowed() {
		return nil
	}
	return apierr.New(apierr.PermissionMissing, "The client '%s' with object id '%s' has permission to perform action '%s' on scope '%s';"+
		" however, it does not have permission to perform action(s) '%s' on the linked scope(s) '%s' (respectively) or the linked scope(s)"+
		" are invalid.", c.caller.name, c.caller.id, c.needs, scope(c.id), needs, id).At(string(needs)).Because(linkedAuthorizationFailed).Helped(dir.Remedy(d))
}

func scope(id resource.ID) string {
	if id == "" {
		return "/"
	}
	return string(id)
}
