package manifest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

// Application settings are one encrypted document of a site. What is declared goes into the document that is there, so it
// is read, changed and encrypted again outside the decision.

// settingsNeed is the need of such a document.
type settingsNeed struct {
	tenant guid.GUID
	site   resource.ID
	seen   *resource.Resource // as it was before the plan; nil if there was none
	want   map[string]string
	path   string
}

func (n settingsNeed) place() string {
	return n.tenant.String() + string(n.site.Key()) + "#" + resource.AppSettings
}
func (n settingsNeed) declared() string { return n.path }

// preparedSettings is a document that is ready to be put, as long as the site is still what was seen: every change of one of
// its documents changes it, too.
type preparedSettings struct {
	seen       *resource.Resource
	changed    []string // the settings that get another value, none if the document says what is wanted already
	ciphertext []byte
}

// checkSettings refuses settings that no site can have.
func (m *Manifest) checkSettings() error {
	for i, r := range m.Resources {
		path := fmt.Sprintf("$.resources[%d].settings", i)
		if len(r.Settings) > 0 && !strings.EqualFold(r.Type, resource.TypeSite) {
			return invalid(path, "only resources of the type %s have settings", resource.TypeSite)
		}
		seen := map[string]bool{}
		for _, name := range slices.Sorted(maps.Keys(r.Settings)) {
			switch key := strings.ToLower(name); {
			case strings.TrimSpace(name) == "" || strings.ContainsAny(name, "=\x00"):
				return invalid(path, "%q is not a name of a setting", name)
			case seen[key]:
				return invalid(path, "%q is declared twice: names differ in more than case", name)
			default:
				seen[key] = true
			}
		}
	}
	return nil
}

// settings gives sites the settings that are declared.
func (p *planner) settings() error {
	for i, want := range p.m.Resources {
		if len(want.Settings) == 0 {
			continue
		}
		n := settingsNeed{tenant: p.dir().Tenant().ID, want: want.Settings, path: fmt.Sprintf("$.resources[%d].settings", i)}
		id, err := p.resourceID(want)
		if err != nil {
			return at(err, "%s", n.path)
		}
		site, _ := p.dir().Resource(id) // resources has seen to it
		n.site = site.ID
		if p.before != nil {
			n.seen, _ = p.before.Resource(id)
		}
		if err := p.siteSettings(n, site); err != nil {
			return at(err, "%s", n.path)
		}
	}
	return nil
}

func (p *planner) siteSettings(n settingsNeed, site *resource.Resource) error {
	ready, ok := p.prepared[n.place()].(preparedSettings)
	if !ok || ready.seen != n.seen {
		p.needs = append(p.needs, n)
		return nil
	}
	if len(ready.changed) == 0 {
		return nil
	}
	_, exists := slices.BinarySearch(site.Sealed, resource.AppSettings)
	p.did(verb(exists), "settings", site.ID.Name(), "%s", strings.Join(ready.changed, ", "))
	return p.draft.PutSealed(n.site, state.Sealed{Name: resource.AppSettings, Ciphertext: ready.ciphertext})
}

func (n settingsNeed) prepare(ctx context.Context, s *Sealer) (any, error) {
	ready, cipher := preparedSettings{seen: n.seen}, state.SealedCipher(n.site, resource.AppSettings)
	all := map[string]any{}
	if n.seen != nil && slices.Contains(n.seen.Sealed, resource.AppSettings) {
		text, err := s.Open(ctx, n.tenant, cipher)
		if err != nil {
			return ready, err
		}
		if text != nil {
			if err := json.Unmarshal(text, &all); err != nil {
				return ready, err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(n.want)) {
		if have, ok := all[name].(string); !ok || have != n.want[name] {
			maps.DeleteFunc(all, func(other string, _ any) bool { return strings.EqualFold(other, name) })
			all[name], ready.changed = n.want[name], append(ready.changed, name)
		}
	}
	if len(ready.changed) == 0 {
		return ready, nil
	}
	text, err := json.Marshal(all)
	if err != nil {
		return ready, apierr.New(apierr.PropertyInvalid, "the settings cannot be written: %v", err)
	}
	ready.ciphertext, err = s.Seal(state.CipherContext(n.tenant, cipher), text)
	return ready, err
}
