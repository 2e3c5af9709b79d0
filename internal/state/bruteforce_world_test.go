package state

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
)

func randomOf[T any](w *world, from ...T) T { return from[w.random.IntN(len(from))] }

// some returns n things, each made by one.
func some[T any](n int, one func() T) []T {
	list := make([]T, n)
	for i := range list {
		list[i] = one()
	}
	return list
}

func (w *world) id() (g guid.GUID) {
	for i := range g {
		g[i] = byte(w.random.Uint32())
	}
	return g
}

// spelled returns s in some spelling.
func (w *world) spelled(s string) string {
	switch w.random.IntN(4) {
	case 0:
		return strings.ToLower(s)
	case 1:
		return strings.ToUpper(s)
	default:
		return s
	}
}

func newWorld(seed uint64) *world {
	w := &world{random: rand.New(rand.NewPCG(seed, 9)), members: map[guid.GUID][]guid.GUID{}, above: map[string]string{},
		placements: map[guid.GUID]string{}, conditions: map[string]*term{}}
	w.principals, w.groups = some(3, w.id), some(4, w.id)
	for _, g := range w.groups { // circles may be among them
		w.members[g] = some(w.random.IntN(3), func() guid.GUID { return randomOf(w, slices.Concat(w.principals, w.groups)...) })
		slices.SortFunc(w.members[g], compareGUID)
		w.members[g] = slices.Compact(w.members[g])
	}
	w.plant()
	w.roles = some(4, w.role)
	w.assignments = some(4+w.random.IntN(12), w.assignment)
	w.denies = some(w.random.IntN(5), w.deny)
	return w
}

// plant makes the tree of scopes.
func (w *world) plant() {
	const management = "/providers/Microsoft.Management/managementGroups/"
	root := strings.ToLower(management + testTenant.String())
	w.scopes = []string{"/", root}
	w.above[root] = ""
	parents := []string{root}
	for _, name := range []string{"Alpha", "Beta", "Gamma"} {
		w.management = append(w.management, name)
		w.above[strings.ToLower(management+name)] = randomOf(w, parents...)
		parents = append(parents, strings.ToLower(management+name))
		w.scopes = append(w.scopes, management+name)
	}
	for range 2 {
		subscription := w.id()
		s := "/subscriptions/" + subscription.String()
		up := root
		if w.random.IntN(4) > 0 {
			up = randomOf(w, parents[1:]...)
			w.placements[subscription] = strings.TrimPrefix(up, strings.ToLower(management))
		}
		w.above[s] = up
		w.scopes = append(w.scopes, s, s+"/providers/Microsoft.X/plans/p")
		for _, g := range []string{"/resourceGroups/rg", "/resourceGroups/rg2"} {
			vault := s + g + "/providers/Microsoft.KeyVault/vaults/kv"
			w.scopes = append(w.scopes, s+g, vault, vault+"/secrets/a", vault+"/secrets/ab", vault+"/secrets/a/versions/1",
				vault+"/providers/Microsoft.Authorization/locks/l", s+g+"/providers/Microsoft.Ünder/dinge/ä", s+g+"/providers/Microsoft.Web/sites/f")
		}
	}
}

var (
	bruteActions = []string{"Microsoft.Web/sites/read", "Microsoft.Web/sites/write", "Microsoft.Web/sites/slots/read", "Microsoft.KeyVault/vaults/read",
		"Microsoft.KeyVault/vaults/secrets/getSecret/action", "Microsoft.Authorization/roleAssignments/write", "Microsoft.X/a/delete"}
	brutePatterns = []string{"*", "*/read", "*/write", "Microsoft.Web/*", "Microsoft.Web/*/read", "Microsoft.KeyVault/vaults/*", "*/secrets/*/action",
		"Microsoft.Authorization/*/Write", "Microsoft.*/sites/*", "Microsoft.Web/sites/read", "Microsoft.KeyVault/vaults/secrets/getSecret/action", "m*e*s*d"}
)

func (w *world) permission() rbac.Permission {
	list := func(most int) []string {
		return some(w.random.IntN(most+1), func() string { return w.spelled(randomOf(w, brutePatterns...)) })
	}
	return rbac.Permission{Actions: list(4), NotActions: list(1), DataActions: list(4), NotDataActions: list(1), Condition: w.newCondition(5)}
}

func (w *world) role() rbac.RoleDefinition {
	return rbac.RoleDefinition{ID: w.id(), Name: "r", Permissions: some(1+w.random.IntN(2), w.permission)}
}

// place is a scope, those high up more often than their number.
func (w *world) place() resource.ID {
	from := w.scopes
	if w.random.IntN(2) == 0 {
		from = from[:6]
	}
	return resource.ID(w.spelled(randomOf(w, from...)))
}

func (w *world) assignment() rbac.RoleAssignment {
	return rbac.RoleAssignment{ID: w.id(), Scope: w.place(), Role: randomOf(w, w.roles...).ID,
		Principal: randomOf(w, slices.Concat(w.principals, w.groups)...), Condition: w.newCondition(4)}
}

func (w *world) deny() rbac.DenyAssignment {
	target := func() rbac.Target {
		if w.random.IntN(3) == 0 {
			return rbac.Target{Type: rbac.TypeSystemDefined}
		}
		return rbac.Target{ID: randomOf(w, slices.Concat(w.principals, w.groups)...), Type: rbac.TypeUser}
	}
	exclude := func() rbac.Target {
		return rbac.Target{ID: randomOf(w, slices.Concat(w.principals, w.groups)...), Type: rbac.TypeGroup}
	}
	return rbac.DenyAssignment{ID: w.id(), Name: "d", Scope: w.place(), NotBelow: w.random.IntN(3) == 0,
		Principals: some(1+w.random.IntN(2), target), Exclude: some(w.random.IntN(2), exclude), Permissions: some(1+w.random.IntN(2), w.permission)}
}

// newCondition makes a condition one time in so many; else "".
func (w *world) newCondition(oneIn int) string {
	if w.random.IntN(oneIn) > 0 {
		return ""
	}
	c := w.term(3)
	text := c.text(w.random)
	w.conditions[text] = c
	return text
}

var (
	bruteTexts      = []string{"photos", "Photos", "photo", "in'voices", ""}
	bruteLikes      = []string{"*", "photo*", "*o*s", "Photos", "p*"}
	bruteGUIDs      = []string{"8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "B24988AC-6180-42A0-AB88-20F7382DD24C", "acdd72a7-3385-48ef-bd42-f606fba81ae7"}
	bruteNumbers    = []string{"0", "1", "2", "10"}
	bruteAttributes = []string{"Resource Contoso.X/y:text", "Request Contoso.X/y:text", "Request Microsoft.Authorization/roleAssignments:RoleDefinitionId",
		"Resource Contoso.X/y:number", "Principal Microsoft.Directory/CustomSecurityAttributes/Id:Set_Team"}
)

func (w *world) term(depth int) *term {
	if depth > 0 && w.random.IntN(2) == 0 {
		switch w.random.IntN(3) {
		case 0:
			return &term{join: "NOT", kids: []*term{w.term(depth - 1)}}
		default:
			return &term{join: randomOf(w, "AND", "OR"), kids: some(2+w.random.IntN(2), func() *term { return w.term(depth - 1) })}
		}
	}
	switch w.random.IntN(8) {
	case 0:
		return &term{action: w.spelled(randomOf(w, brutePatterns...))}
	case 1:
		return &term{exists: randomOf(w, bruteAttributes...)}
	}
	t := &term{attr: randomOf(w, bruteAttributes...), quant: randomOf(w, "", "ForAnyOfAnyValues", "ForAllOfAnyValues", "ForAnyOfAllValues", "ForAllOfAllValues")}
	from := bruteTexts
	switch w.random.IntN(4) {
	case 0:
		t.op, from = randomOf(w, "GuidEquals", "GuidNotEquals"), bruteGUIDs
	case 1:
		t.op, from = randomOf(w, "NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals"), bruteNumbers
	case 2:
		t.op, from = randomOf(w, "StringLike", "StringNotLike", "StringLikeIgnoreCase", "StringNotLikeIgnoreCase"), bruteLikes
	default:
		t.op = randomOf(w, "StringEquals", "StringNotEquals", "StringStartsWith", "StringNotStartsWith") + randomOf(w, "", "IgnoreCase")
	}
	t.values = some(1+w.random.IntN(3), func() string { return randomOf(w, from...) })
	return t
}

func (w *world) question() question {
	q := question{principal: randomOf(w, w.principals...), action: w.spelled(randomOf(w, bruteActions...)), data: w.random.IntN(3) == 0,
		scope: w.spelled(randomOf(w, w.scopes...)), attributes: map[string][]string{}}
	for _, name := range bruteAttributes {
		from := bruteTexts
		switch {
		case strings.HasSuffix(name, "RoleDefinitionId"):
			from = bruteGUIDs
		case strings.HasSuffix(name, "number"):
			from = bruteNumbers
		}
		if w.random.IntN(3) > 0 {
			q.attributes[name] = some(1+w.random.IntN(2), func() string { return randomOf(w, from...) })
		}
	}
	return q
}

// String lists the policy, to be read when it shows a difference.
func (w *world) String() string {
	var b strings.Builder
	for _, r := range w.roles {
		fmt.Fprintf(&b, "role %s %+v\n", r.ID, r.Permissions)
	}
	for _, a := range w.assignments {
		fmt.Fprintf(&b, "assignment of %s to %s at %s if %s\n", a.Role, a.Principal, a.Scope, a.Condition)
	}
	for _, d := range w.denies {
		fmt.Fprintf(&b, "deny %+v\n", d)
	}
	fmt.Fprintf(&b, "members %v\nabove %v\n", w.members, w.above)
	return b.String()
}

// laws are what must be true of any policy, whatever the details: more roles never allow less, more deny assignments
// never more, what is taken away never adds, and what is allowed at a scope is allowed below, unless a deny assignment or
// a condition stands between.
func (w *world) laws(t *testing.T, base *View, dir *Directory) {
	t.Helper()
	granted, denied, less := *w, *w, *w
	granted.assignments = append(slices.Clone(w.assignments), w.assignment())
	denied.denies = append(slices.Clone(w.denies), w.deny())
	gone := w.random.IntN(len(w.assignments))
	less.assignments = slices.Delete(slices.Clone(w.assignments), gone, gone+1)
	free := *w
	free.denies = nil
	with := granted.directory(t, base)
	dirs := map[string]*Directory{"one more assignment": with, "one more deny assignment": denied.directory(t, base), "one assignment less": less.directory(t, base)}
	open := free.directory(t, base)
	for range 5 {
		q := w.question()
		r := q.request()
		before := rbac.Check(dir, r).Allowed()
		for change, other := range dirs {
			after := rbac.Check(other, r).Allowed()
			if more := change == "one more assignment"; more && before && !after || !more && !before && after {
				t.Fatalf("with %s %+v is allowed: %v, and before: %v\n%s", change, q, after, before, w)
			}
		}
		below := r
		below.Scope += "/providers/Microsoft.X/things/t"
		if r.Scope == "/" {
			below.Scope = "/providers/Microsoft.X/things/t"
		}
		if rbac.Check(open, r).Allowed() != rbac.Check(open, below).Allowed() { // nothing is assigned there
			t.Fatalf("%+v is not decided the same at %s\n%s", q, below.Scope, w)
		}
	}
}
