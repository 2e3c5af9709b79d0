package server

import (
	"context"
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/attest"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/manifest"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

const (
	defaultTenantName = "dev.example"
	nodeName          = "local"
)

// openTenant makes the tenant the first time, applies the manifest, and makes sure of the node that runs in this
// process and of its default binding: one change, which is none at all on a start where everything is there.
func (s *Server) openTenant(ctx context.Context) error {
	m := s.config.Manifest
	if m == nil {
		m = &manifest.Manifest{}
	}
	fresh, err := guid.New(s.config.Random)
	if err != nil {
		return err
	}
	s.applied, err = s.change(ctx, state.Actor{Name: "Inborn"}, s.config.Values,
		func(v *state.View, env *state.Env, ready manifest.Prepared) (p planned, err error) {
			draft := draftOfHome(v, env, m, fresh)
			if p.changes, p.needs, err = manifest.Plan(draft, m, ready, false); err != nil || len(p.needs) > 0 {
				return p, err
			}
			s.home = homeOf(draft.Directory(), m)
			if err := s.ensureNode(draft); err != nil {
				return p, err
			}
			err = s.ensureDefault(draft)
			p.batch = draft.Batch()
			return p, err
		})
	return err
}

// draftOfHome starts a change of the only tenant there is, or of a new one whose issuers are the public pair, which
// every MSAL accepts under any host and unmodified APIs expect. The new one has the id that the manifest fixes, or fresh.
func draftOfHome(v *state.View, env *state.Env, m *manifest.Manifest, fresh guid.GUID) *state.Draft {
	if all := v.Directories(); len(all) > 0 {
		return state.NewDraft(v, env, all[0].Tenant().ID)
	}
	tenant := directory.Tenant{ID: fresh, Name: defaultTenantName}
	if m.Tenant != nil && !m.Tenant.ID.IsZero() {
		tenant.ID = m.Tenant.ID.GUID
	}
	if m.Tenant != nil && m.Tenant.Name != "" {
		tenant.Name = m.Tenant.Name
	}
	tenant.IssuerV1 = "https://sts.windows.net/" + tenant.ID.String() + "/"
	tenant.IssuerV2 = "https://login.microsoftonline.com/" + tenant.ID.String() + "/v2.0"
	draft := state.NewDraft(v, env, tenant.ID)
	draft.CreateTenant(tenant)
	return draft
}

func homeOf(dir *state.Directory, m *manifest.Manifest) home {
	group := m.Home(dir)
	return home{tenant: dir.Tenant().ID, group: group, node: resource.In(group, resource.TypeMachine, nodeName)}
}

func (s *Server) ensureNode(draft *state.Draft) error {
	if _, ok := draft.Directory().Resource(s.home.node); ok {
		return nil
	}
	_, _, err := draft.PutResource(state.ResourceSpec{ID: s.home.node, Location: manifest.DefaultLocation})
	return err
}

// ensureDefault binds every process of the node, or of the launch, to the default resource, or takes the binding away.
func (s *Server) ensureDefault(draft *state.Draft) error {
	id := guid.Derive(s.home.tenant, "default workload binding")
	have, bound := draft.Directory().Binding(id)
	if s.config.DefaultResource == "" {
		if bound {
			return draft.DeleteBinding(id)
		}
		return nil
	}
	r, err := findResource(draft.Directory(), s.config.DefaultResource)
	if err != nil {
		return err
	}
	s.home.resource = r.ID
	want := resource.WorkloadBinding{ID: id, Node: s.home.node, Resource: r.ID}
	if s.config.Launch != "" {
		want.Selectors = []string{string(attest.Launch(s.config.Launch))}
	}
	if bound && have.Resource.Same(r.ID) && slices.Equal(have.Selectors, want.Selectors) {
		return nil
	}
	_, err = draft.PutBinding(want)
	return err
}

// findResource resolves a resource by id or by name.
func findResource(dir *state.Directory, ref string) (*resource.Resource, error) {
	if strings.HasPrefix(ref, "/") {
		id, err := resource.ParseID(ref)
		if err != nil {
			return nil, err
		}
		if r, ok := dir.Resource(id); ok {
			return r, nil
		}
		return nil, apierr.New(apierr.ResourceNotFound, "No resource has the id %s.", ref).At(ref)
	}
	var found []*resource.Resource
	for r := range dir.ResourcesNamed(ref) {
		found = append(found, r)
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, apierr.New(apierr.ResourceNotFound, "No resource is called %q. Declare it under resources in a manifest.", ref).
			At(ref).WithHelp("inborn apply --file MANIFEST.yaml")
	}
	var ids []string
	for _, r := range found {
		ids = append(ids, string(r.ID))
	}
	return nil, apierr.New(apierr.ReferenceInvalid, "Several resources are called %q; use one of their ids: %s.", ref, strings.Join(ids, ", ")).At(ref)
}
