package server

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/nodeapi"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/token"
)

// minter turns the requests of nodes into tokens. What a token says is a function of the View; nothing here remembers but
// that there was one.
type minter struct {
	live     *state.Live
	keys     *keys
	signer   *token.Signer
	tenant   guid.GUID
	lifetime time.Duration
	now      func() time.Time
	random   io.Reader
	used     func(tenant, principal guid.GUID) // hears who got a token
}

// Mint gives the workload behind a binding of node a token of one of its resource's identities.
func (m *minter) Mint(ctx context.Context, node resource.ID, req nodeapi.MintRequest) (nodeapi.Minted, error) {
	none := nodeapi.Minted{}
	if err := m.live.Stale(); err != nil {
		return none, err
	}
	view, err := m.viewAt(ctx, req.Position)
	if err != nil {
		return none, err
	}
	dir, err := directoryOf(view, m.tenant)
	if err != nil {
		return none, err
	}
	grant, err := m.grant(dir, node, req)
	if err != nil {
		return none, err
	}
	text, claims, err := m.sign(ctx, grant)
	if err != nil {
		return none, err
	}
	m.used(m.tenant, grant.Principal.ID)
	return nodeapi.Minted{
		AccessToken: text,
		Resource:    req.Audience,
		NotBefore:   claims.NotBefore,
		ExpiresAt:   claims.Expires,
		Stamp:       dir.Stamp(grant.Principal.ID),
	}, nil
}

// catchUp is how long a request waits for the log to reach what its sender has seen.
const catchUp = time.Second

// viewAt returns a View that has seen the place of the log that a node decided on, so that a role that was taken away
// cannot come back in a token from a server that lags behind.
func (m *minter) viewAt(ctx context.Context, position int64) (*state.View, error) {
	if view := m.live.View(); view.At().Seq >= position {
		return view, nil
	}
	limit := time.NewTimer(catchUp)
	defer limit.Stop()
	for {
		changed := m.live.Changed()
		if view := m.live.View(); view.At().Seq >= position {
			return view, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, apierr.New(apierr.StateStale, "The request ended before this server had seen the changes that the node knows of.").Because(ctx.Err())
		case <-limit.C:
			return nil, apierr.New(apierr.StateStale, "This server has not yet seen the changes that the node knows of. Try again in a second.")
		}
	}
}

// grant decides whether the identity may have the token and what the token says.
func (m *minter) grant(dir *state.Directory, node resource.ID, req nodeapi.MintRequest) (token.Grant, error) {
	none := token.Grant{}
	binding, ok := dir.Binding(req.Binding)
	if !ok || !binding.Node.Same(node) || binding.Expired(m.now()) {
		return none, apierr.New(apierr.WorkloadUnknown, "The workload binding %s is not one of this node's.", req.Binding)
	}
	r, ok := dir.Resource(binding.Resource)
	sp, known := dir.ServicePrincipal(req.Identity)
	if !ok || !known || !hasIdentity(dir, r, sp) {
		return none, apierr.New(apierr.IdentityNotFound, "Identity not found").At(req.Identity.String()).
			WithHelp("inborn identity assign %s NAME", binding.Resource.Name())
	}
	if !sp.Enabled {
		return none, apierr.New(apierr.IdentityNotFound, "Identity not found").At(req.Identity.String())
	}
	grant, err := appGrant(dir, sp, req.Audience)
	if err != nil {
		return none, err
	}
	grant.ComputeResource, grant.Lifetime = string(r.ID), m.lifetime
	return grant, nil
}

// appGrant decides what a token of sp for audience says: any principal may have one for any application of its tenant,
// with the app roles it holds there, unless the application insists on an assignment.
func appGrant(dir *state.Directory, sp *directory.ServicePrincipal, audience string) (token.Grant, error) {
	app, target, ok := dir.Audience(audience)
	if !ok {
		return token.Grant{}, apierr.New(apierr.AudienceUnknown,
			"The resource principal named %s was not found in the tenant named %s.", audience, dir.Tenant().Name).
			At(audience).WithHelp("inborn app list")
	}
	if !target.Enabled {
		return token.Grant{}, apierr.New(apierr.AudienceDisabled, "The resource principal named %s is disabled.", audience).At(audience)
	}
	roles, assigned := dir.RolesOf(sp.ID, app, target.ID)
	if target.AssignmentRequired && !assigned {
		return token.Grant{}, apierr.New(apierr.RoleRequired,
			"Application '%s'(%s) is not assigned to a role for the application '%s'(%s).", sp.AppID, sp.DisplayName, audience, target.DisplayName).
			At(audience).WithHelp("inborn grant %s %s ROLE", sp.DisplayName, target.DisplayName)
	}
	return token.Grant{Tenant: *dir.Tenant(), Principal: *sp, Application: app, Audience: audience, Roles: roles}, nil
}

// sign makes the token of a grant.
func (m *minter) sign(ctx context.Context, grant token.Grant) (string, *token.Claims, error) {
	ring, err := m.keys.Ring(ctx)
	if err != nil {
		return "", nil, err
	}
	key, err := ring.Signing(m.now())
	if err != nil {
		return "", nil, err
	}
	claims, err := token.Access(grant, m.now(), m.random)
	if err != nil {
		return "", nil, err
	}
	text, err := m.signer.Sign(ctx, key, claims)
	return text, claims, err
}

// administratorToken returns a token of the tenant's local administrator for any application of the tenant.
func (m *minter) administratorToken(ctx context.Context, audience string) (string, *token.Claims, error) {
	dir, err := directoryOf(m.live.View(), m.tenant)
	if err != nil {
		return "", nil, err
	}
	grant, err := appGrant(dir, dir.LocalAdministrator(), audience)
	if err != nil {
		return "", nil, err
	}
	grant.DirectoryRoles = []guid.GUID{directory.GlobalAdministrator}
	grant.Lifetime = administratorLifetime
	return m.sign(ctx, grant)
}

// hasIdentity reports whether sp is the principal of one of r's identities.
func hasIdentity(dir *state.Directory, r *resource.Resource, sp *directory.ServicePrincipal) bool {
	if r.Identity.System != nil && r.Identity.System.PrincipalID == sp.ID {
		return true
	}
	identity, ok := dir.Identity(resource.ID(sp.ResourceID))
	if !ok || identity.PrincipalID != sp.ID {
		return false
	}
	// The block spells an id as the identity does. To fold the case of all of them, which is rarely of use, would cost
	// more than the rest of the decision.
	return slices.Contains(r.Identity.User, identity.ID) || slices.ContainsFunc(r.Identity.User, identity.ID.Same)
}

func directoryOf(v *state.View, tenant guid.GUID) (*state.Directory, error) {
	dir, ok := v.Directory(tenant)
	if !ok {
		return nil, apierr.New(apierr.TenantUnknown, "The tenant %s does not exist.", tenant).At(tenant.String())
	}
	return dir, nil
}
