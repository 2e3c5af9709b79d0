package manifest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
)

// federated gives the declared identities their federated credentials.
func (p *planner) federated() error {
	for i, want := range p.m.Identities {
		id, err := p.identityRef(want)
		if err != nil {
			return at(err, "$.identities[%d]", i)
		}
		identity, _ := p.dir().Identity(id)
		for j, credential := range want.FederatedCredentials {
			if hasCredential(want.FederatedCredentials[:j], credential.Name) {
				return invalid(fmt.Sprintf("$.identities[%d].federatedCredentials[%d].name", i, j), "%q is declared twice", credential.Name)
			}
			if err := p.federatedCredential(identity.PrincipalID, want.Name, credential); err != nil {
				return at(err, "$.identities[%d].federatedCredentials[%d]", i, j)
			}
		}
	}
	return nil
}

func (p *planner) federatedCredential(principal guid.GUID, identity string, want FederatedCredential) error {
	next := directory.FederatedCredential{Principal: principal, Name: want.Name, Issuer: want.Issuer, Subject: want.Subject,
		Audiences: []string{or(want.Audience, directory.ExchangeAudience)}}
	have, exists := p.dir().FederatedCredential(principal, want.Name)
	if exists && have.Issuer == next.Issuer && have.Subject == next.Subject && slices.Equal(have.Audiences, next.Audiences) {
		return nil
	}
	p.did(verb(exists), "federated credential", identity, "%s: %s of %s", want.Name, want.Subject, want.Issuer)
	_, _, err := p.draft.PutFederatedCredential(next)
	return err
}

func hasCredential(all []FederatedCredential, name string) bool {
	return slices.ContainsFunc(all, func(c FederatedCredential) bool { return strings.EqualFold(c.Name, name) })
}

// pruneFederated takes away the federated credentials of declared identities that are not declared.
func (p *planner) pruneFederated() error {
	for _, want := range p.m.Identities {
		id, err := p.identityRef(want)
		if err != nil {
			return err
		}
		identity, ok := p.dir().Identity(id)
		if !ok {
			continue
		}
		for have := range p.dir().FederatedCredentials(identity.PrincipalID) {
			if hasCredential(want.FederatedCredentials, have.Name) {
				continue
			}
			p.did(Delete, "federated credential", want.Name, "%s", have.Name)
			if err := p.draft.DeleteFederatedCredential(identity.PrincipalID, have.Name); err != nil {
				return err
			}
		}
	}
	return nil
}
