package state

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/store"
)

// This file decides requests a second time, from the words of section 9 of the specification of Resource Manager alone:
// loops over plain lists, texts compared in lower case, an own matcher of wildcards and an own evaluator of conditions. Of
// package rbac it uses the types of records and nothing that decides.

// world is a policy as plain lists.
type world struct {
	random      *rand.Rand
	principals  []guid.GUID // users
	groups      []guid.GUID
	members     map[guid.GUID][]guid.GUID // by group
	above       map[string]string         // by lower-case id of a subscription or management group
	management  []string
	placements  map[guid.GUID]string
	scopes      []string // all there are, each in some spelling
	roles       []rbac.RoleDefinition
	assignments []rbac.RoleAssignment
	denies      []rbac.DenyAssignment
	conditions  map[string]*term // by their text
}

// question is a request, with its attributes by "Source name".
type question struct {
	principal  guid.GUID
	action     string
	data       bool
	scope      string
	attributes map[string][]string
}

// decide is section 9.
func (w *world) decide(q question) string {
	// 1. The principal and all its groups.
	set := map[guid.GUID]bool{q.principal: true}
	for grown := true; grown; {
		grown = false
		for group, members := range w.members {
			for _, m := range members {
				if set[m] && !set[group] {
					set[group], grown = true, true
				}
			}
		}
	}
	// 2. All scopes from the tenant down to the resource.
	candidates := w.candidates(strings.ToLower(q.scope))
	// 3. Deny assignments.
	for _, d := range w.denies {
		scope := strings.ToLower(string(d.Scope))
		if !candidates[scope] || d.NotBelow && scope != strings.ToLower(q.scope) || !w.targets(set, d.Principals) || w.targets(set, d.Exclude) {
			continue
		}
		for _, p := range d.Permissions {
			if w.element(p, q) && w.condition(p.Condition, q) {
				return "Denied"
			}
		}
	}
	// 4 to 6. Role assignments, their permissions one by one, and both conditions.
	for _, a := range w.assignments {
		if !set[a.Principal] || !candidates[strings.ToLower(string(a.Scope))] {
			continue
		}
		for _, r := range w.roles {
			if r.ID != a.Role {
				continue
			}
			for _, p := range r.Permissions {
				if w.element(p, q) && w.condition(p.Condition, q) && w.condition(a.Condition, q) {
					return "Allowed"
				}
			}
		}
	}
	return "NotAllowed"
}

func (w *world) targets(set map[guid.GUID]bool, targets []rbac.Target) bool {
	for _, t := range targets {
		if set[t.ID] || t.ID.IsZero() && t.Type == rbac.TypeSystemDefined {
			return true
		}
	}
	return false
}

// candidates cuts a scope after each name: /subscriptions/S, /resourceGroups/G, /providers/N/T/X, and each /T/X behind.
func (w *world) candidates(scope string) map[string]bool {
	found := map[string]bool{"/": true}
	parts := strings.Split(strings.Trim(scope, "/"), "/")
	for i := 0; i < len(parts); {
		if parts[i] == "providers" {
			i += 4
		} else {
			i += 2
		}
		if i <= len(parts) && scope != "/" {
			found["/"+strings.Join(parts[:i], "/")] = true
		}
	}
	for start := range map[string]bool{"/" + strings.Join(parts[:min(2, len(parts))], "/"): true, "/" + strings.Join(parts[:min(4, len(parts))], "/"): true} {
		for up, ok := w.above[start]; ok && up != ""; up, ok = w.above[up] {
			found[up] = true
		}
	}
	return found
}

func (w *world) element(p rbac.Permission, q question) bool {
	have, not := p.Actions, p.NotActions
	if q.data {
		have, not = p.DataActions, p.NotDataActions
	}
	return anyWild(have, q.action) && !anyWild(not, q.action)
}

func anyWild(patterns []string, action string) bool {
	for _, p := range patterns {
		if wild(strings.ToLower(p), strings.ToLower(action)) {
			return true
		}
	}
	return false
}

// wild matches by trying every length for each *.
func wild(pattern, s string) bool {
	switch {
	case pattern == "":
		return s == ""
	case pattern[0] == '*':
		for i := 0; i <= len(s); i++ {
			if wild(pattern[1:], s[i:]) {
				return true
			}
		}
		return false
	default:
		return s != "" && s[0] == pattern[0] && wild(pattern[1:], s[1:])
	}
}

// term is a condition as it was thought up; text writes it and holds evaluates it.
type term struct {
	join   string // AND, OR, NOT; "" for a leaf
	kids   []*term
	action string // ActionMatches
	exists string // Exists
	attr   string // "Source name", of a comparison
	quant  string
	op     string // without the quantifier
	values []string
}

func (t *term) text(r *rand.Rand) string {
	oneOf := func(words ...string) string { return words[r.IntN(len(words))] }
	reference := func(attr string) string {
		source, name, _ := strings.Cut(attr, " ")
		return "@" + source + "[" + name + "]"
	}
	switch {
	case t.join == "NOT":
		return oneOf("!", "NOT ", "! ") + "(" + t.kids[0].text(r) + ")"
	case t.join != "":
		var kids []string
		for _, k := range t.kids {
			kids = append(kids, "("+k.text(r)+")")
		}
		return strings.Join(kids, map[string]string{"AND": oneOf(" AND ", "&&", " and "), "OR": oneOf(" OR ", "||")}[t.join])
	case t.action != "":
		return "ActionMatches{'" + t.action + "'}"
	case t.exists != "":
		return "Exists " + reference(t.exists)
	}
	var values []string
	for _, v := range t.values {
		values = append(values, "'"+strings.ReplaceAll(v, "'", "''")+"'")
	}
	right := "{" + strings.Join(values, oneOf(",", ", ")) + "}"
	if t.quant == "" {
		return reference(t.attr) + " " + t.op + " " + values[0]
	}
	return reference(t.attr) + " " + t.quant + ":" + t.op + oneOf("", " ") + right
}

func (w *world) condition(text string, q question) bool {
	return text == "" || w.conditions[text].holds(q)
}

func (t *term) holds(q question) bool {
	switch {
	case t.join == "NOT":
		return !t.kids[0].holds(q)
	case t.join == "AND":
		for _, k := range t.kids {
			if !k.holds(q) {
				return false
			}
		}
		return true
	case t.join == "OR":
		for _, k := range t.kids {
			if k.holds(q) {
				return true
			}
		}
		return false
	case t.action != "":
		return wild(strings.ToLower(t.action), strings.ToLower(q.action))
	case t.exists != "":
		return len(q.attributes[t.exists]) > 0
	}
	return t.compares(q.attributes[t.attr])
}

// compares is the table of quantifiers, with the one exception for Not.
func (t *term) compares(left []string) bool {
	if len(left) == 0 {
		return false // a missing attribute
	}
	if strings.HasPrefix(t.op, "Guid") || strings.HasPrefix(t.op, "Numeric") {
		for _, l := range left {
			isNumber := l != "" && strings.Trim(l, "0123456789") == ""
			if strings.HasPrefix(t.op, "Guid") && len(l) != 36 || strings.HasPrefix(t.op, "Numeric") && !isNumber {
				return false // cannot be read
			}
		}
	}
	one := func(l, r string) bool { return compareOne(t.op, l, r) }
	some := func(l string, f func(l, r string) bool) bool {
		for _, r := range t.values {
			if f(l, r) {
				return true
			}
		}
		return false
	}
	every := func(l string) bool {
		for _, r := range t.values {
			if !one(l, r) {
				return false
			}
		}
		return true
	}
	count := func(f func(l string) bool) (n int) {
		for _, l := range left {
			if f(l) {
				n++
			}
		}
		return n
	}
	switch t.quant {
	case "":
		return len(left) == 1 && one(left[0], t.values[0])
	case "ForAnyOfAnyValues":
		if plain := strings.Replace(t.op, "Not", "", 1); plain != t.op {
			return count(func(l string) bool { return some(l, func(l, r string) bool { return compareOne(plain, l, r) }) }) == 0
		}
		return count(func(l string) bool { return some(l, one) }) > 0
	case "ForAllOfAnyValues":
		return count(func(l string) bool { return some(l, one) }) == len(left)
	case "ForAnyOfAllValues":
		return count(every) > 0
	default:
		return count(every) == len(left)
	}
}

func compareOne(op, l, r string) bool {
	if plain := strings.Replace(op, "Not", "", 1); plain != op {
		return !compareOne(plain, l, r)
	}
	if cut, ok := strings.CutSuffix(op, "IgnoreCase"); ok {
		return compareOne(cut, strings.ToLower(l), strings.ToLower(r))
	}
	number := func(s string) (n int) { fmt.Sscan(s, &n); return n }
	switch op {
	case "StringEquals":
		return l == r
	case "StringStartsWith":
		return strings.HasPrefix(l, r)
	case "StringLike":
		return wild(r, l) // the values have neither ? nor \
	case "GuidEquals":
		return strings.EqualFold(l, r)
	case "NumericEquals":
		return number(l) == number(r)
	case "NumericLessThan":
		return number(l) < number(r)
	case "NumericLessThanEquals":
		return number(l) <= number(r)
	case "NumericGreaterThan":
		return number(l) > number(r)
	case "NumericGreaterThanEquals":
		return number(l) >= number(r)
	}
	panic(op)
}

// directory makes the records of the world, and of them a Directory, in an order of their own.
func (w *world) directory(t testing.TB, base *View) *Directory {
	var records []store.Record
	for group, members := range w.members {
		for _, m := range members {
			records = append(records, put(testTenant, directory.Membership{Group: group, Member: m}))
		}
	}
	for _, name := range w.management {
		parent := strings.TrimPrefix(w.above[strings.ToLower("/providers/Microsoft.Management/managementGroups/"+name)], "/providers/microsoft.management/managementgroups/")
		records = append(records, put(testTenant, rbac.ManagementGroup{Name: name, DisplayName: name, Parent: parent}))
	}
	for subscription, group := range w.placements {
		records = append(records, put(testTenant, rbac.Placement{Subscription: subscription, Group: group}))
	}
	for _, r := range w.roles {
		records = append(records, put(testTenant, r))
	}
	for _, a := range w.assignments {
		records = append(records, put(testTenant, a))
	}
	for _, d := range w.denies {
		records = append(records, put(testTenant, d))
	}
	w.random.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	view, err := base.apply(records, store.Position{})
	if err != nil {
		t.Fatal(err)
	}
	dir, _ := view.Directory(testTenant)
	return dir
}

// request is the question as rbac takes it.
func (q question) request() rbac.Request {
	r := rbac.Request{Principal: q.principal, Action: rbac.ControlAction(q.action), Scope: resource.ID(q.scope)}
	if q.data {
		r.Action = rbac.DataAction(q.action)
	}
	for name, values := range q.attributes {
		source, name, _ := strings.Cut(name, " ")
		r.Attributes = append(r.Attributes, rbac.Attribute{
			Source: map[string]rbac.Source{"Resource": rbac.Resource, "Request": rbac.RequestSource, "Principal": rbac.Principal}[source], Name: name, Values: values})
	}
	return r
}

// TestAgainstBruteForce compares the two on random worlds, each with a number of questions.
func TestAgainstBruteForce(t *testing.T) {
	cases := 20_000
	if os.Getenv("SOAK") == "1" {
		cases = 1_000_000
	}
	const questions = 25
	base := newDraft(t).view
	outcomes := map[string]int{}
	for n := range cases / questions {
		w := newWorld(uint64(n))
		dir := w.directory(t, base)
		for range questions {
			q := w.question()
			want := w.decide(q)
			got := rbac.Check(dir, q.request())
			if got.Outcome.String() != want {
				t.Fatalf("world %d: %+v is %s, want %s: %s\n%s", n, q, got.Outcome, want, got.Explain(), w)
			}
			outcomes[want]++
		}
		w.laws(t, base, dir)
	}
	for _, outcome := range []string{"Allowed", "NotAllowed", "Denied"} {
		if outcomes[outcome] < cases/20 {
			t.Errorf("only %d of %d cases are %s", outcomes[outcome], cases, outcome)
		}
	}
	t.Log(outcomes)
}
