package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

func (p *planner) vaults() error {
	for i, want := range p.m.Vaults {
		id, err := p.vault(i, want)
		if err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(want.Secrets)) {
			n := objectNeed{vault: id, kind: vault.Secrets, name: name, secret: want.Secrets[name], path: objectPath(i, vault.Secrets, name)}
			if err := p.object(n); err != nil {
				return at(err, "%s", n.path)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(want.Keys)) {
			n := objectNeed{vault: id, kind: vault.Keys, name: name, key: want.Keys[name], path: objectPath(i, vault.Keys, name)}
			if err := p.object(n); err != nil {
				return at(err, "%s", n.path)
			}
		}
	}
	return nil
}

func (p *planner) vaultID(want Vault) (resource.ID, error) {
	group, err := p.place(want.ResourceGroup)
	if err != nil {
		return "", err
	}
	return resource.ParseID(string(resource.In(group, resource.TypeVault, want.Name)))
}

// vault makes the vault itself what it is declared to be; one that was deleted comes back with what is in it.
func (p *planner) vault(i int, want Vault) (resource.ID, error) {
	path := fmt.Sprintf("$.vaults[%d]", i)
	id, err := p.vaultID(want)
	if err != nil {
		return "", at(err, "%s", path)
	}
	if gone, ok := p.dir().DeletedVault(id); ok && !gone.IsOver(p.draft.Now()) {
		p.did(Update, "vault", want.Name, "recovered")
		if _, err := p.draft.RecoverVault(id); err != nil {
			return "", at(err, "%s", path)
		}
	}
	have, exists := p.dir().Resource(id)
	spec := state.ResourceSpec{ID: id}
	if exists {
		spec, id = state.SpecOf(have), have.ID
	}
	spec.Tags = want.Tags
	if spec.Location == "" || want.Location != "" {
		spec.Location = or(want.Location, DefaultLocation)
	}
	changed, err := want.into(&spec, exists)
	if err != nil {
		return "", at(err, "%s.retentionDays", path)
	}
	if exists && !changed && have.Location == spec.Location && sameTags(have.Tags, spec.Tags) {
		return id, nil
	}
	p.did(verb(exists), "vault", want.Name, "")
	_, _, err = p.draft.PutResource(spec)
	return id, at(err, "%s", path)
}

// into puts what a vault is declared to be into the properties of spec, and reports whether that changes them. Who may use
// a vault that exists, roles or access policies, stays as it is.
func (want Vault) into(spec *state.ResourceSpec, exists bool) (changed bool, err error) {
	have, err := vault.ReadSettings(spec.Properties)
	if err != nil {
		return false, err
	}
	props := map[string]any{}
	if len(spec.Properties) > 0 {
		if err := json.Unmarshal(spec.Properties, &props); err != nil {
			return false, err
		}
	}
	days := want.RetentionDays
	switch {
	case !exists:
		props["enableRbacAuthorization"] = true
		if days == 0 {
			days = have.Retention
		}
		props["softDeleteRetentionInDays"] = days
	case days != 0 && days != have.Retention:
		return false, apierr.New(apierr.PropertyInvalid, "the vault keeps what is deleted for %d days since it was made, which cannot become %d", have.Retention, days)
	}
	if protect := want.PurgeProtection && !have.PurgeProtection; protect {
		props["enablePurgeProtection"], changed = true, true
	}
	if exists && !changed {
		return false, nil
	}
	if spec.Properties, err = json.Marshal(props); err != nil {
		return false, err
	}
	_, err = vault.ReadSettings(spec.Properties)
	return true, err
}

// object makes a secret or key what it is declared to be, with what is prepared for it; what is not prepared yet, or for
// another version than there is by now, is needed.
func (p *planner) object(n objectNeed) error {
	n.tenant = p.dir().Tenant().ID
	o, exists := p.dir().VaultObject(n.vault, n.kind, n.name)
	exists = exists && !o.IsOver(p.draft.Now())
	if exists {
		if o.IsDeleted() {
			p.did(Update, n.kind.One(), n.title(), "recovered")
			if _, err := p.draft.RecoverVaultObject(n.vault, n.kind, n.name); err != nil {
				return err
			}
		}
		n.seen, _ = p.dir().VaultVersion(o, "")
	}
	switch {
	case exists && n.kind == vault.Keys:
		return p.sameKey(n)
	case exists && n.secret.Generate != 0:
		return p.sameContentType(n)
	}
	ready, ok := p.prepared[n.place()].(preparedObject)
	switch {
	case !ok || exists && ready.seen != n.seen.ID || !exists && ready.seen != "":
		p.needs = append(p.needs, n)
		return nil
	case ready.same:
		return p.sameContentType(n)
	}
	detail := n.secret.origin()
	if n.kind == vault.Keys {
		detail = describe(ready.version.Key)
	}
	p.did(verb(exists), n.kind.One(), n.title(), "%s", detail)
	v := ready.version
	v.Created, v.Updated = p.draft.Now(), p.draft.Now()
	_, err := p.draft.PutVaultVersion(v, ready.half, nil)
	return err
}

// title is the object in a plan.
func (n objectNeed) title() string { return n.vault.Name() + "/" + n.name }

// describe is a key in a plan.
func describe(k *vault.PublicKey) string {
	if k.Type == vault.RSA {
		return fmt.Sprintf("RSA %d", k.Bits())
	}
	return "EC " + k.Curve
}

// sameKey refuses to make another key of one that exists, and changes what may be done with it.
func (p *planner) sameKey(n objectNeed) error {
	want, err := n.key.spec().Check()
	if err != nil {
		return err
	}
	have := n.seen.Key
	if want.Type != have.Type || want.Type == vault.RSA && want.Size != have.Bits() || want.Type == vault.EC && want.Curve != have.Curve {
		return apierr.New(apierr.PropertyInvalid, "the key is %s since it was made: declare it so, or delete and purge it", describe(have)).
			WithHelp("inborn vault key delete %s --vault %s", n.name, n.vault.Name())
	}
	operations, err := vault.Operations(want.Type, n.key.Operations)
	if err != nil || n.key.Operations == nil || slices.Equal(operations, have.Operations) {
		return err
	}
	p.did(Update, "key", n.title(), "for %v", operations)
	_, err = p.draft.UpdateVaultVersion(n.vault, n.kind, n.name, "", func(v *vault.Version) error {
		key := *v.Key
		key.Operations = operations
		v.Key = &key
		return nil
	})
	return err
}

// sameContentType gives a secret whose value stays the content type that is declared, if one is.
func (p *planner) sameContentType(n objectNeed) error {
	want := n.secret.ContentType
	if want == "" || want == n.seen.ContentType {
		return nil
	}
	p.did(Update, "secret", n.title(), "content type %s", want)
	_, err := p.draft.UpdateVaultVersion(n.vault, n.kind, n.name, "", func(v *vault.Version) error {
		v.ContentType = want
		return nil
	})
	return err
}

// keepVaults adds the declared vaults to the resources that are not pruned.
func (p *planner) keepVaults(keep map[resource.Key]bool) error {
	for _, want := range p.m.Vaults {
		id, err := p.vaultID(want)
		if err != nil {
			return err
		}
		keep[id.Key()] = true
	}
	return nil
}

// pruned says in a plan what becomes of a resource that is deleted.
func (p *planner) pruned(r *resource.Resource) (kind, detail string) {
	if !strings.EqualFold(r.ID.Type(), resource.TypeVault) {
		return "resource", r.ID.Type()
	}
	settings, err := vault.ReadSettings(r.Properties)
	if err != nil {
		return "vault", ""
	}
	return "vault", "can be recovered until " + settings.PurgeAt(p.draft.Now()).UTC().Format(time.DateOnly)
}
