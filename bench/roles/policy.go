// Package roles is the policy that the figures of access control are for, and what they are compared with.
//
// It is 10,000 principals that have 50 roles by 100,000 assignments all over a tree: management groups or subscriptions,
// groups, vaults, and a secret in each vault; ten of them below each. Everything is made from one seed, so that every run
// measures the same.
package roles

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
)

// Roles is how many roles there are.
const Roles = 50

// Size is how large a policy is.
type Size struct {
	FanOut      int // scopes below each scope, from the root down to the vaults
	Principals  int
	Assignments int
	Checks      int
}

// Full is the size that the figures are for.
func Full() Size { return Size{FanOut: 10, Principals: 10_000, Assignments: 100_000, Checks: 1 << 16} }

// Policy is who has which role where, as plain values.
type Policy struct {
	Tenant        guid.GUID
	Groups        []rbac.ManagementGroup // below the root group
	Subscriptions []resource.Subscription
	Placements    []rbac.Placement // of each subscription
	Roles         []*rbac.Role
	Principals    []guid.GUID // service principals, of which nothing else is known
	Assignments   []rbac.RoleAssignment
	Checks        []Check // see Ask

	size    Size
	random  *rand.Rand
	actions []rbac.Action // of which each role has a few
	levels  [5][]resource.ID
}

// Check is one question in the forms in which it is asked, and the answer.
type Check struct {
	Request                  rbac.Request
	Principal, Scope, Action string // the same as texts, the scope and the action in lower case
	Want                     bool
}

// The levels of the tree.
const (
	managementGroups = iota
	subscriptions
	groups
	vaults
	secrets
)

// New makes a policy, without checks.
func New(size Size) *Policy {
	p := &Policy{Tenant: guid.MustParse("7f1c9a52-3e0b-4d6a-9b51-2a6c8e4d1f03"), size: size, random: rand.New(rand.NewPCG(1, 2))}
	p.grow()
	for range size.Principals {
		p.Principals = append(p.Principals, p.ID())
	}
	p.pickRoles()
	p.assign()
	return p
}

// ID makes an id.
func (p *Policy) ID() (id guid.GUID) {
	for i := range id {
		id[i] = byte(p.random.Uint32())
	}
	return id
}

// grow makes the tree.
func (p *Policy) grow() {
	for g := range p.size.FanOut {
		group := rbac.ManagementGroup{Name: fmt.Sprint("division-", g), DisplayName: fmt.Sprint("Division ", g), Parent: p.Tenant.String()}
		p.Groups = append(p.Groups, group)
		p.levels[managementGroups] = append(p.levels[managementGroups], group.ID())
		for s := range p.size.FanOut {
			sub := resource.Subscription{ID: p.ID(), Name: fmt.Sprint("subscription-", g, "-", s)}
			p.Subscriptions = append(p.Subscriptions, sub)
			p.Placements = append(p.Placements, rbac.Placement{Subscription: sub.ID, Group: group.Name})
			p.levels[subscriptions] = append(p.levels[subscriptions], resource.SubscriptionID(sub.ID.String()))
			for r := range p.size.FanOut {
				rg := resource.GroupID(sub.ID.String(), fmt.Sprint("rg-orders-", r))
				p.levels[groups] = append(p.levels[groups], rg)
				for range p.size.FanOut {
					n := len(p.levels[vaults])
					vault := resource.In(rg, "Microsoft.KeyVault/vaults", fmt.Sprint("kv-orders-", n))
					p.levels[vaults] = append(p.levels[vaults], vault)
					p.levels[secrets] = append(p.levels[secrets], vault+"/secrets/db-password")
				}
			}
		}
	}
}

// ResourceGroups returns the groups, and Vaults the resources in them.
func (p *Policy) ResourceGroups() []resource.ID { return p.levels[groups] }

// Vaults returns the resources of the tree.
func (p *Policy) Vaults() []resource.ID { return p.levels[vaults] }

// below returns a scope at the level to that stands below, or is, the i-th of the level from.
func (p *Policy) below(from, i, to int) resource.ID {
	for ; from < to; from++ {
		if from < vaults {
			i = i*p.size.FanOut + p.random.IntN(p.size.FanOut)
		}
	}
	return p.levels[to][i]
}

// Parents returns the scopes above one, from the lowest up, without the tenant.
func (p *Policy) Parents(scope resource.ID) []resource.ID {
	own := rbac.Levels(scope)
	slices.Reverse(own)
	for i := range p.Placements {
		if strings.HasPrefix(string(scope), string(p.levels[subscriptions][i])) {
			return append(own[1:], p.levels[managementGroups][i/p.size.FanOut])
		}
	}
	return own[1:]
}

// pickRoles takes built-in roles without conditions and makes actions that some of them have.
func (p *Policy) pickRoles() {
	catalog, err := rbac.BuiltIn()
	if err != nil {
		panic(err) // the catalog is part of the program
	}
	for _, role := range catalog.Roles() {
		control := role.Permissions[0].Actions
		if len(p.Roles) == Roles || len(control) == 0 || role.Permissions[0].Condition != "" {
			continue
		}
		p.Roles = append(p.Roles, role)
		for _, action := range control[:min(4, len(control))] {
			p.actions = append(p.actions, rbac.ControlAction(strings.ToLower(strings.ReplaceAll(action, "*", "things/read"))))
		}
	}
}

// Actions returns the actions that checks ask for.
func (p *Policy) Actions() []rbac.Action { return p.actions }

type granted struct {
	principal, role guid.GUID
	scope           resource.ID
}

// assign gives roles to principals at scopes of all levels, nothing twice.
func (p *Policy) assign() {
	at := time.Date(2026, 11, 21, 12, 0, 0, 123456000, time.UTC)
	given := make(map[granted]bool, p.size.Assignments)
	for len(p.Assignments) < p.size.Assignments {
		a := rbac.RoleAssignment{ID: p.ID(), Scope: p.place(), Role: pick(p, p.Roles).ID, Principal: pick(p, p.Principals),
			PrincipalType: rbac.TypeServicePrincipal, CreatedBy: p.Principals[0], UpdatedBy: p.Principals[0], Created: at, Updated: at}
		if key := (granted{a.Principal, a.Role, a.Scope}); !given[key] {
			given[key] = true
			p.Assignments = append(p.Assignments, a)
		}
	}
}

func pick[T any](p *Policy, from []T) T { return from[p.random.IntN(len(from))] }

func (p *Policy) place() resource.ID {
	level := secrets
	switch n := p.random.IntN(100); {
	case n < 5:
		level = managementGroups
	case n < 15:
		level = subscriptions
	case n < 40:
		level = groups
	case n < 85:
		level = vaults
	}
	return pick(p, p.levels[level])
}

// Ask makes the checks, at vaults and secrets in equal parts, of which the index says that half are allowed.
func (p *Policy) Ask(index *Index) {
	places := map[resource.ID][2]int{} // level, and place in it
	for level := range p.levels {
		for i, scope := range p.levels[level] {
			places[scope] = [2]int{level, i}
		}
	}
	for len(p.Checks) < p.size.Checks {
		want := len(p.Checks)%2 == 0
		c := Check{Want: want, Request: rbac.Request{Principal: pick(p, p.Principals), Action: pick(p, p.actions)}}
		level := vaults + p.random.IntN(2)
		if want { // start from an assignment: who has it, and somewhere below
			a := pick(p, p.Assignments)
			at := places[a.Scope]
			c.Request.Principal, c.Request.Scope = a.Principal, p.below(at[0], at[1], max(level, at[0]))
		} else {
			c.Request.Scope = pick(p, p.levels[level])
		}
		for range 100 {
			c.Principal, c.Scope, c.Action = c.Request.Principal.String(), string(c.Request.Scope.Key()), c.Request.Action.String()
			if index.Allowed(c.Principal, c.Scope, c.Action) == want {
				p.Checks = append(p.Checks, c)
				break
			}
			c.Request.Action = pick(p, p.actions)
		}
	}
	p.random.Shuffle(len(p.Checks), func(i, j int) { p.Checks[i], p.Checks[j] = p.Checks[j], p.Checks[i] })
	for i := range p.Checks { // what a check is asked stands in the cache, having just been read; what it looks up does not
		c := &p.Checks[i]
		c.Request.Scope = resource.ID(strings.Clone(string(c.Request.Scope)))
		c.Scope, c.Principal = strings.Clone(c.Scope), strings.Clone(c.Principal)
	}
}

// Scopes returns all scopes of the tree.
func (p *Policy) Scopes() []resource.ID { return slices.Concat(p.levels[:]...) }
