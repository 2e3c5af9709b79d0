package server

import (
	"context"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/arm"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/manifest"
	"github.com/inborn-id/inborn/internal/state"
)

// maxTurns is how often a plan is made. The first turn finds out what has to be prepared, the second has it; more are
// needed if somebody else changes the same secrets at the same time.
const maxTurns = 8

// planned is what one turn of planning leads to.
type planned struct {
	batch   state.Batch
	changes []manifest.Change
	needs   []manifest.Need
}

// apply brings a tenant to what a manifest declares, in one change, or plans it without.
func (s *Server) apply(ctx context.Context, actor state.Actor, tenant guid.GUID, may func(*state.Directory) error,
	in arm.Manifest) ([]arm.Change, error) {
	m, err := manifest.Parse(in.Text)
	if err != nil {
		return nil, err
	}
	values := manifest.Values{}
	for source, value := range in.Values {
		values[manifest.Source(source)] = value
	}
	plan, err := s.change(ctx, actor, values, func(v *state.View, env *state.Env, ready manifest.Prepared) (p planned, err error) {
		draft := state.NewDraft(v, env, tenant)
		if err := may(draft.Directory()); err != nil {
			return p, err
		}
		if p.changes, p.needs, err = manifest.Plan(draft, m, ready, in.Prune); err == nil && !in.DryRun {
			p.batch = draft.Batch()
		}
		return p, err
	})
	changes := make([]arm.Change, len(plan))
	for i, c := range plan {
		changes[i] = arm.Change{Action: string(c.Action), Kind: c.Kind, Name: c.Name, Detail: c.Detail}
	}
	return changes, err
}

// change makes the change that plan leads to once everything is prepared that it needs.
func (s *Server) change(ctx context.Context, actor state.Actor, values manifest.Values,
	plan func(*state.View, *state.Env, manifest.Prepared) (planned, error)) ([]manifest.Change, error) {
	sealer := manifest.Sealer{Random: s.config.Random, Values: values, Seal: s.master.Encrypt, Open: s.open}
	ready := manifest.Prepared{}
	for range maxTurns {
		var p planned
		_, err := s.live.Update(ctx, actor, func(v *state.View, env *state.Env) (batch state.Batch, err error) {
			if p, err = plan(v, env, ready); err == nil && len(p.needs) == 0 {
				batch = p.batch
			}
			return batch, err
		})
		if err != nil || len(p.needs) == 0 {
			return p.changes, err
		}
		if err := sealer.Prepare(ctx, p.needs, ready); err != nil {
			return nil, err
		}
	}
	return nil, apierr.New(apierr.ObjectExists, "The secrets of the manifest are being changed by others at the same time. Apply it again.")
}

// open decrypts what is kept under the id of a cipher. What was erased since is nil: the next turn sees that.
func (s *Server) open(ctx context.Context, tenant guid.GUID, id string) ([]byte, error) {
	c, found, err := s.store.Cipher(ctx, tenant, id)
	if err != nil || !found {
		return nil, err
	}
	return s.master.Decrypt(state.CipherContext(tenant, id), c.Ciphertext)
}
