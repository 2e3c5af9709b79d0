// Package ours is the access control of Inborn as an engine of package roles: the same policy, brought into a state by the
// changes that the APIs make.
package ours

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/inborn-id/inborn/bench/roles"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/store"
)

// New brings the policy into a state of its own, through the same changes as the APIs make, and decides checks on the View
// that comes of it.
func New(ctx context.Context, p *roles.Policy) (roles.Engine, error) {
	dir, err := view(ctx, p)
	return roles.Engine{Name: "rbac.Check", Allowed: func(c *roles.Check) (bool, error) { return rbac.Check(dir, c.Request).Allowed(), nil }}, err
}

func view(ctx context.Context, p *roles.Policy) (*state.Directory, error) {
	log, err := store.OpenMemory(ctx, "bench-roles")
	if err != nil {
		return nil, err
	}
	defer log.Close()
	catalog, err := directory.FirstParty()
	if err != nil {
		return nil, err
	}
	live, err := state.Open(ctx, log, catalog, state.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		return nil, err
	}
	defer live.Close()
	const atOnce = 5000
	changes := changesOf(p)
	for len(changes) > 0 {
		now := changes[:min(atOnce, len(changes))]
		changes = changes[len(now):]
		_, err := live.Update(ctx, state.Actor{Name: "bench"}, func(v *state.View, env *state.Env) (state.Batch, error) {
			d := state.NewDraft(v, env, p.Tenant)
			for _, change := range now {
				if err := change(d); err != nil {
					return state.Batch{}, err
				}
			}
			return d.Batch(), nil
		})
		if err != nil {
			return nil, err
		}
	}
	dir, ok := live.View().Directory(p.Tenant)
	if !ok {
		return nil, errors.New("the tenant is not there")
	}
	return dir, nil
}

// changesOf returns what makes the tree, from the top down, and the assignments.
func changesOf(p *roles.Policy) []func(*state.Draft) error {
	all := []func(*state.Draft) error{func(d *state.Draft) error {
		d.CreateTenant(directory.Tenant{ID: p.Tenant, Name: "bench.example"})
		return nil
	}}
	add := func(change func(*state.Draft) error) { all = append(all, change) }
	for _, g := range p.Groups {
		add(func(d *state.Draft) error { _, err := d.PutManagementGroup(g); return err })
	}
	for i, s := range p.Subscriptions {
		add(func(d *state.Draft) error { return d.PutSubscription(s) })
		add(func(d *state.Draft) error { return d.PlaceSubscription(s.ID, p.Placements[i].Group) })
	}
	for _, id := range p.ResourceGroups() {
		add(func(d *state.Draft) error { return d.PutResourceGroup(id, "local") })
	}
	for _, id := range p.Vaults() {
		add(func(d *state.Draft) error {
			_, _, err := d.PutResource(state.ResourceSpec{ID: id, Location: "local"})
			return err
		})
	}
	for _, a := range p.Assignments {
		add(func(d *state.Draft) error { _, err := d.PutRoleAssignment(a); return err })
	}
	return all
}
