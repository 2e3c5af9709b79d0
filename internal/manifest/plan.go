package manifest

import (
	"fmt"
	"iter"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

// DefaultGroup and DefaultLocation are where resources live that do not say otherwise.
const (
	DefaultGroup    = "default"
	DefaultLocation = "local"
)

// Change is one line of a plan.
type Change struct {
	Action Action
	Kind   string // "user", "app", "identity", ...
	Name   string
	Detail string // what exactly, where the name does not say it
}

// Action is what happens to an object.
type Action string

// The actions of a plan.
const (
	Create Action = "create"
	Update Action = "update"
	Delete Action = "delete"
)

// subscription returns the id of the subscription that m's resources live in: the one it fixes, else the tenant's only
// one, else one that belongs to the tenant.
func (m *Manifest) subscription(dir *state.Directory) guid.GUID {
	if m.Subscription != nil && !m.Subscription.ID.IsZero() {
		return m.Subscription.ID.GUID
	}
	for s := range dir.Subscriptions() {
		return s.ID
	}
	return guid.Derive(dir.Tenant().ID, "subscription")
}

// Home returns the resource group of m's resources that name none.
func (m *Manifest) Home(dir *state.Directory) resource.ID {
	return resource.GroupID(m.subscription(dir).String(), DefaultGroup)
}

// planner walks a manifest in the order of dependencies and makes each object what it is declared to be.
type planner struct {
	m        *Manifest
	prepared Prepared
	draft    *state.Draft
	before   *state.Directory // as it was when the plan began
	group    resource.ID      // the default resource group
	changes  []Change
	needs    []Need
}

// Plan makes the directory that draft changes what m declares, and says what it had to change. With prune, objects that
// m does not name are deleted too. Errors carry the path of the declaration in Target, for Locate. If there are needs, what
// was planned is not complete and is to be thrown away: prepare them and plan again.
func Plan(draft *state.Draft, m *Manifest, prepared Prepared, prune bool) (changes []Change, needs []Need, err error) {
	for _, check := range []func() error{m.checkNames, m.checkVaults, m.checkSettings} {
		if err := check(); err != nil {
			return nil, nil, err
		}
	}
	p := &planner{m: m, prepared: prepared, draft: draft, before: draft.Directory()}
	steps := []func() error{p.tenant, p.subscription, p.groups, p.users, p.apps, p.identities, p.resources, p.vaults, p.settings, p.grants}
	if prune { // first, as two of one identity cannot be for the same tokens: else none could get another name
		steps = append(steps, p.pruneFederated)
	}
	steps = append(steps, p.federated, p.customRoles, p.roles)
	if prune {
		steps = append(steps, p.prune)
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, nil, err
		}
	}
	return p.changes, p.needs, nil
}

// checkNames refuses two declarations of one name, which would overwrite each other at every turn.
func (m *Manifest) checkNames() error {
	seen := map[string]bool{}
	unique := func(kind, group, name string, i int) error {
		key := strings.ToLower(kind + "\x00" + or(group, DefaultGroup) + "\x00" + name)
		if seen[key] {
			return invalid(fmt.Sprintf("$.%s[%d].name", strings.SplitN(kind, " ", 2)[0], i), "%q is declared twice", name)
		}
		seen[key] = true
		return nil
	}
	var errs []error
	for i, u := range m.Users {
		errs = append(errs, unique("users", "", u.Name, i))
	}
	for i, g := range m.Groups {
		errs = append(errs, unique("groups", "", g.Name, i))
	}
	for i, a := range m.Apps {
		errs = append(errs, unique("apps", "", a.Name, i))
	}
	for i, d := range m.Identities {
		errs = append(errs, unique("identities", d.ResourceGroup, d.Name, i))
	}
	for i, r := range m.Resources {
		errs = append(errs, unique("resources "+r.Type, r.ResourceGroup, r.Name, i))
	}
	for i, v := range m.Vaults {
		errs = append(errs, unique("vaults", "", v.Name, i))
	}
	for i, r := range m.CustomRoles {
		errs = append(errs, unique("customRoles", "", r.Name, i))
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *planner) dir() *state.Directory { return p.draft.Directory() }

func (p *planner) did(action Action, kind, name, format string, args ...any) {
	p.changes = append(p.changes, Change{action, kind, name, fmt.Sprintf(format, args...)})
}

// at names the declaration that err is about; an error that has a code of its own keeps its message.
func at(err error, path string, args ...any) error {
	if err == nil {
		return nil
	}
	e := apierr.From(err)
	if e.Kind == apierr.Internal {
		return err
	}
	named := invalid(fmt.Sprintf(path, args...), "%s", strings.TrimSuffix(e.Message, "."))
	return apierr.From(named).Helped(e.Help)
}

func (p *planner) tenant() error {
	want, have := p.m.Tenant, p.dir().Tenant()
	if want == nil {
		return nil
	}
	if !want.ID.IsZero() && want.ID.GUID != have.ID {
		return invalid("$.tenant.id", "the tenant's id is %s since it was created and cannot become %s; leave the key out or start with an empty data directory", have.ID, want.ID)
	}
	if want.Name == "" {
		return invalid("$.tenant", "the tenant has no name")
	}
	if want.Name == have.Name {
		return nil
	}
	p.did(Update, "tenant", have.Name, "becomes %s", want.Name)
	return at(p.draft.RenameTenant(want.Name), "$.tenant.name")
}

func (p *planner) subscription() error {
	id, name := p.m.subscription(p.dir()), "dev"
	if p.m.Subscription != nil {
		name = p.m.Subscription.Name
	}
	if have, ok := p.dir().Subscription(id); !ok || (p.m.Subscription != nil && have.Name != name) {
		p.did(verb(ok), "subscription", name, "%s", id)
		if err := p.draft.PutSubscription(resource.Subscription{ID: id, Name: name}); err != nil {
			return at(err, "$.subscription.name")
		}
	}
	p.group = p.m.Home(p.dir())
	return p.resourceGroup(p.group, DefaultLocation)
}

func (p *planner) resourceGroup(id resource.ID, location string) error {
	if _, ok := p.dir().ResourceGroup(id); ok {
		return nil
	}
	p.did(Create, "resource group", id.Group(), "")
	return p.draft.PutResourceGroup(id, location)
}

// place returns the resource group called name, made if need be; "" is the default one.
func (p *planner) place(name string) (resource.ID, error) {
	if name == "" {
		return p.group, nil
	}
	id, err := resource.ParseID(string(resource.GroupID(p.group.Subscription(), name)))
	if err != nil {
		return "", err
	}
	return id, p.resourceGroup(id, DefaultLocation)
}

func verb(exists bool) Action {
	if exists {
		return Update
	}
	return Create
}

// only returns the one element of all; several make an error that says how to tell them apart.
func only[T any](what, name string, all iter.Seq[*T]) (*T, error) {
	var found *T
	for one := range all {
		if found != nil {
			return nil, apierr.New(apierr.ReferenceInvalid, "Several objects of kind %s are called %q.", what, name)
		}
		found = one
	}
	return found, nil
}

func (p *planner) groups() error {
	for i, want := range p.m.Groups {
		have, err := only("group", want.Name, p.dir().GroupsNamed(want.Name))
		if err != nil {
			return at(err, "$.groups[%d].name", i)
		}
		if have != nil {
			continue
		}
		_, err = p.draft.CreateGroup(directory.Group{ID: want.ObjectID.GUID, DisplayName: want.Name, Description: want.Description})
		if err != nil {
			return at(err, "$.groups[%d]", i)
		}
		p.did(Create, "group", want.Name, "")
	}
	return nil
}

func (p *planner) upn(name string) string {
	if strings.Contains(name, "@") {
		return name
	}
	return name + "@" + p.dir().Tenant().Name
}

func (p *planner) users() error {
	for i, want := range p.m.Users {
		user, exists := p.dir().UserByName(p.upn(want.Name))
		if !exists {
			made, err := p.draft.CreateUser(directory.User{ID: want.ObjectID.GUID, UPN: p.upn(want.Name), DisplayName: want.DisplayName})
			if err != nil {
				return at(err, "$.users[%d]", i)
			}
			p.did(Create, "user", want.Name, "%s", made.UPN)
			user = &made
		}
		for j, name := range want.Groups {
			if err := p.join(user, name); err != nil {
				return at(err, "$.users[%d].groups[%d]", i, j)
			}
		}
	}
	return nil
}

func (p *planner) join(user *directory.User, name string) error {
	group, err := only("group", name, p.dir().GroupsNamed(name))
	if err != nil {
		return err
	}
	if group == nil {
		return apierr.New(apierr.ReferenceInvalid, "No group is called %q.", name)
	}
	if p.dir().IsMember(group.ID, user.ID) {
		return nil
	}
	p.did(Create, "membership", user.UPN, "in %s", name)
	return p.draft.AddMember(group.ID, user.ID)
}
