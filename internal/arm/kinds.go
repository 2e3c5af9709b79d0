package arm

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
)

// kind is what Inborn knows of one resource type beyond keeping what it is sent. What the real service computes is not
// stored but made up when the resource is shown, so a site that a manifest declared looks like one that az made.
type kind struct {
	name     string // in its canonical case
	created  int    // status of a PUT that creates; 0 is 201
	defaults string // properties, as a JSON object, that are shown where the resource has none of that name
	readOnly string // names of computed properties, which clients send back and which are not kept

	names  func(name string) bool // what a name may be; nil: anything
	naming string                 // the rule, for people
	unique bool                   // the name is one of a host: there is one in all of Inborn

	closed bool     // nothing of this type is kept as a resource: it has operations of its own, or none
	fixed  []string // the names of things that are there as long as what they lie in; they can be changed, not made

	strip func(s *stripped) error // takes secrets out of what was sent
	check func(w *written) error  // looks at the whole of what the resource shall be, and may complete it
	show  func(s *shown)          // adds what is computed
}

// kinds is what there is.
func kinds() []kind {
	closed := []kind{{name: typeVault + "/secrets", closed: true}, {name: typeVault + "/keys", closed: true}, {name: typeVault + "/accessPolicies", closed: true}}
	return slices.Concat(webKinds(), computeKinds(), containerKinds(), []kind{vaultKind()}, storageKinds(), closed)
}

// known is a kind with its defaults decoded.
type known struct {
	kind
	defaults map[string]any
}

// newKinds returns all kinds by their names in lower case.
func newKinds() map[string]*known {
	all := map[string]*known{}
	for _, k := range kinds() {
		entry := &known{kind: k}
		if k.defaults != "" {
			if err := json.Unmarshal([]byte(k.defaults), &entry.defaults); err != nil {
				panic("arm: defaults of " + k.name + ": " + err.Error()) // a constant of ours
			}
		}
		all[strings.ToLower(k.name)] = entry
	}
	return all
}

// kindOf returns what is known of a type; of most it is nothing.
func (a *api) kindOf(name string) *known {
	if k := a.kinds[strings.ToLower(name)]; k != nil {
		return k
	}
	return &known{kind: kind{name: name}}
}

// canonical returns id with the types of its last provider spelled as they are called.
func (a *api) canonical(id resource.ID) resource.ID {
	k := a.kinds[strings.ToLower(id.Type())]
	if k == nil || id.Type() == k.name {
		return id
	}
	words := strings.Split(k.name, "/")
	segments := strings.Split(string(id), "/")
	for i := 1; i < len(words); i++ { // from the end: name, type, name, type, and the namespace before the first type
		segments[len(segments)-2*i] = words[len(words)-i]
	}
	segments[len(segments)-2*(len(words)-1)-1] = words[0]
	return resource.ID(strings.Join(segments, "/"))
}

// shown is a resource on its way into an answer.
type shown struct {
	c       *call
	dir     *state.Directory
	r       *resource.Resource
	props   map[string]any
	members map[string]any
	out     *resourceWire
	hosts   hosts
}

// fill sets a property that the resource does not have.
func (s *shown) fill(name string, value any) { fill(s.props, name, value) }

func fill(object map[string]any, name string, value any) {
	if have, ok := object[name]; !ok || have == nil {
		object[name] = value
	}
}

// object returns the object under name in of, which is made if there is none.
func object(of map[string]any, name string) map[string]any {
	have, ok := of[name].(map[string]any)
	if !ok {
		have = map[string]any{}
		of[name] = have
	}
	return have
}

// text returns the text under name in of; "" if there is none.
func text(of map[string]any, name string) string {
	have, _ := of[name].(string)
	return have
}

// id is an id that belongs to r for as long as it exists, and to nothing else.
func (s *shown) id(of string) string { return derivedID(s.dir, s.r, of) }

// resourceOut spells r as it is in dir. An empty identity block is said to be so: scripts read identity.type without
// looking whether it is there.
func (c *call) resourceOut(dir *state.Directory, r *resource.Resource) (resourceWire, error) {
	out := c.resourceHead(dir, r)
	if out.Identity == nil {
		out.Identity = &blockWire{Type: r.Identity.Type()}
	}
	k := c.kindOf(out.Type)
	s := &shown{c: c, dir: dir, r: r, out: &out, hosts: c.hostsAt(serve.Origin(c.r))}
	var err error
	if s.props, err = decodeProperties(r.Properties); err == nil {
		s.members, err = decodeProperties(r.Members)
	}
	if err != nil {
		return out, err
	}
	if s.props == nil {
		s.props = map[string]any{}
	}
	if s.members == nil {
		s.members = map[string]any{}
	}
	for name, value := range k.defaults {
		s.fill(name, value)
	}
	if k.show != nil {
		k.show(s)
	}
	s.props["provisioningState"] = c.provisioningState(r)
	out.ETag = etagOf(r)
	if out.Members, err = rawMembers(s.members); err != nil {
		return out, err
	}
	out.Properties, err = json.Marshal(s.props)
	return out, err
}

// resourceHead spells all of r but its properties and its further members.
func (c *call) resourceHead(dir *state.Directory, r *resource.Resource) resourceWire {
	return resourceWire{ID: r.ID, Name: r.ID.Name(), Type: c.kindOf(r.ID.Type()).name, Kind: r.Kind, Location: r.Location, Tags: tagsOut(r.Tags),
		Identity: blockOut(dir, r.Identity)}
}

func rawMembers(members map[string]any) (map[string]json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	for name, value := range members {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		out[name] = text
	}
	return out, nil
}

// written is a resource on its way into the state: what a PUT or PATCH leads to.
type written struct {
	c       *call
	d       *state.Draft
	old     *resource.Resource // nil if it is new
	spec    *state.ResourceSpec
	props   map[string]any // changes are kept
	members map[string]any // changes are kept
	sealed  []state.Sealed // documents that the body brought; more may be added
}

// checkKind applies the rules of the resource's kind to what it shall be.
func (w *written) checkKind() error {
	k := w.c.kindOf(w.spec.ID.Type())
	if w.old == nil {
		if err := w.checkName(k); err != nil {
			return err
		}
	}
	if k.check == nil {
		return nil
	}
	var err error
	if w.props, err = decodeProperties(w.spec.Properties); err != nil {
		return err
	}
	if w.members, err = decodeProperties(w.spec.Members); err != nil {
		return err
	}
	if w.props == nil {
		w.props = map[string]any{}
	}
	if w.members == nil {
		w.members = map[string]any{}
	}
	if err := k.check(w); err != nil {
		return err
	}
	if w.spec.Properties, err = encodeProperties(w.props); err != nil {
		return err
	}
	if w.spec.Members = nil; len(w.members) > 0 {
		w.spec.Members, err = json.Marshal(w.members)
	}
	return err
}

func (w *written) checkName(k *known) error {
	name := w.spec.ID.Name()
	if k.closed {
		return apierr.New(apierr.PathUnknown, "The resource type '%s' cannot be made like this.", k.name).At(k.name)
	}
	if len(k.fixed) > 0 && !slices.ContainsFunc(k.fixed, func(one string) bool { return strings.EqualFold(one, name) }) {
		return apierr.New(apierr.PropertyInvalid, "The name '%s' is not valid for %s: use %s.", name, k.name, strings.Join(k.fixed, " or ")).
			At(name).Because(invalidResourceName)
	}
	if k.names != nil && !k.names(name) {
		return apierr.New(apierr.PropertyInvalid, "The name '%s' is not valid for %s: %s.", name, k.name, k.naming).At(name).Because(invalidResourceName)
	}
	if k.unique && w.c.taken(k.name, name) {
		return apierr.New(apierr.ObjectExists, "The name '%s' is taken: there is one %s of that name in all subscriptions.", name, k.name).
			At(name).Because(nameTaken(k.name))
	}
	return nil
}

// taken reports whether any tenant has a resource of that type and name. Within an update it looks at the View that is
// decided on.
func (c *call) taken(kind, name string) bool {
	view := c.deciding
	if view == nil {
		view = c.Live.View()
	}
	for _, dir := range view.Directories() {
		for r := range dir.ResourcesNamed(name) {
			if strings.EqualFold(r.ID.Type(), kind) {
				return true
			}
		}
	}
	return false
}

// nameTaken is the wire code for a name that is taken.
func nameTaken(kind string) shade {
	switch kind {
	case typeVault:
		return "VaultAlreadyExists"
	case typeAccount:
		return "StorageAccountAlreadyTaken"
	default:
		return "Conflict"
	}
}

// alphanumeric reports whether name has between least and most letters and digits, or those others that are allowed.
func alphanumeric(name string, least, most int, others string) bool {
	return len(name) >= least && len(name) <= most && !strings.ContainsFunc(name, func(c rune) bool {
		return !isAlphanumeric(c) && !strings.ContainsRune(others, c)
	})
}
