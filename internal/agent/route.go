package agent

import (
	"context"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/attest"
	"github.com/inborn-id/inborn/internal/imds"
	"github.com/inborn-id/inborn/internal/nodeapi"
)

// token is imds.Handler's Token. A refusal for want of a binding or an identity is never given on old knowledge: the
// server is asked first whether there is a newer snapshot, so that what was assigned a moment ago can be used now.
func (a *Agent) token(ctx context.Context, ask imds.Ask) (*imds.Token, error) {
	s, err := a.newest(ctx)
	if err != nil {
		return nil, err
	}
	token, err := a.answer(ctx, s, ask)
	if err != nil && outdated(err) {
		if newer := a.newer(ctx, s); newer != nil {
			return a.answer(ctx, newer, ask)
		}
	}
	return token, err
}

// outdated reports whether err could be different on a newer snapshot.
func outdated(err error) bool {
	switch apierr.From(err).Code {
	case apierr.WorkloadUnknown, apierr.WorkloadAmbiguous, apierr.EndpointHeaderWrong, apierr.IdentityNotFound, apierr.IdentityAmbiguous:
		return true
	default:
		return false
	}
}

// answer takes a request through the whole route on one snapshot.
func (a *Agent) answer(ctx context.Context, s *snapshot, ask imds.Ask) (*imds.Token, error) {
	which, err := a.workload(s, ask)
	if err != nil {
		return nil, err
	}
	w := &s.Bindings[which]
	identity, err := choose(w, ask)
	if err != nil {
		return nil, err
	}
	token, err := a.tokens.token(ctx, want{
		key:      key{identity.ObjectID, ask.Resource, s.keys[which]},
		identity: identity,
		request:  nodeapi.MintRequest{Binding: w.Binding, Identity: identity.ObjectID, Audience: ask.Resource, Position: s.Position},
	}, ask.Fresh, ask.Refused)
	if err != nil {
		r := refusal(err, w)
		r.Note("identity", "%s of %s", identity.ClientID, w.Resource)
		r.Note("token", "for %q: %s", clip(ask.Resource), apierr.From(err).Message)
		return nil, r
	}
	return token, nil
}

// workload finds the binding the caller belongs to. A secret, be it the header of App Service or that of a sandbox, names
// the workload, so with it only bindings that ask for it count: an unknown one must not reach the binding that takes any
// process.
func (a *Agent) workload(s *snapshot, ask imds.Ask) (int, error) {
	now := a.config.Now()
	var have attest.Evidence
	var need attest.Selector
	var room [1]attest.Selector
	if ask.Secret != "" {
		need = attest.Launch(ask.Secret)
		have = append(room[:0], need)
	}
	which, err := s.index.Match(have, need, now)
	if err == nil {
		return which, nil
	}
	e := apierr.From(err)
	switch {
	case e.Code != apierr.WorkloadUnknown:
	case need == "":
		e.WithHelp("inborn dev --default-resource RESOURCE")
	case ask.Form.Header() != "" && !s.index.Known(need, now):
		e = apierr.New(apierr.EndpointHeaderWrong, "The value of %s belongs to no workload of this machine, or no longer.", ask.Form.Header()).
			At(ask.Form.Header()).WithHelp("inborn env --as RESOURCE")
	}
	r := refusal(e, nil)
	if need != "" {
		r.Note("selectors", "%s...", need[:len("launch:")+8])
	} else {
		r.Note("selectors", "none; this endpoint has no header that names a workload")
	}
	r.Note("workload binding", "%s This machine has %d in all.", e.Message, len(s.Bindings))
	return 0, r
}
