package state

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/store"
)

// The policy that the figures are for: a tree of four levels, ten below each, and roles assigned all over it.
const (
	benchPrincipals  = 10_000
	benchRoles       = 50
	benchAssignments = 100_000
	benchChecks      = 1 << 16
)

type benchPolicy struct {
	random      *rand.Rand
	dir         *Directory
	view        *View
	records     []store.Record // the assignments
	assignments []rbac.RoleAssignment
	principals  []guid.GUID
	roles       []*rbac.Role
	actions     []rbac.Action
	groups      []resource.ID // of management, and so on down
	subs        []resource.ID
	rgs         []resource.ID
	resources   []resource.ID
	above       map[string]string // of a subscription, in lower case: its management group
}

func (p *benchPolicy) id() guid.GUID {
	var g guid.GUID
	for i := range g {
		g[i] = byte(p.random.Uint32())
	}
	return g
}

// newBenchPolicy makes the tree and the assignments, of which only records are there yet.
func newBenchPolicy(t testing.TB, assignments int) *benchPolicy {
	d := newDraft(t)
	p := &benchPolicy{random: rand.New(rand.NewPCG(1, 2)), above: map[string]string{}}
	for i := range 10 {
		g := rbac.ManagementGroup{Name: fmt.Sprint("division-", i), DisplayName: "d", Parent: testTenant.String()}
		p.groups = append(p.groups, g.ID())
		d.write(put(testTenant, g))
		for range 10 {
			sub := p.id()
			d.write(put(testTenant, rbac.Placement{Subscription: sub, Group: g.Name}), put(testTenant, resource.Subscription{ID: sub, Name: "s"}))
			id := resource.SubscriptionID(sub.String())
			p.subs = append(p.subs, id)
			p.above[string(id.Key())] = string(g.ID().Key())
			for r := range 10 {
				rg := resource.GroupID(sub.String(), fmt.Sprint("rg-orders-", r))
				p.rgs = append(p.rgs, rg)
				for n := range 10 {
					p.resources = append(p.resources, resource.In(rg, "Microsoft.Web/sites", fmt.Sprint("func-orders-", n)))
				}
			}
		}
	}
	p.view = d.view
	for range benchPrincipals {
		p.principals = append(p.principals, p.id())
	}
	p.pickRoles()
	for range assignments {
		a := rbac.RoleAssignment{ID: p.id(), Scope: p.place(), Role: pick(p, p.roles).ID, Principal: pick(p, p.principals),
			PrincipalType: rbac.TypeServicePrincipal, CreatedBy: p.principals[0], UpdatedBy: p.principals[0],
			Created: time.Date(2026, 11, 21, 12, 0, 0, 123456000, time.UTC), Updated: time.Date(2026, 11, 21, 12, 0, 0, 123456000, time.UTC)}
		p.assignments = append(p.assignments, a)
		p.records = append(p.records, put(testTenant, a))
	}
	return p
}

func pick[T any](p *benchPolicy, from []T) T { return from[p.random.IntN(len(from))] }

func (p *benchPolicy) place() resource.ID {
	switch n := p.random.IntN(100); {
	case n < 5:
		return pick(p, p.groups)
	case n < 15:
		return pick(p, p.subs)
	case n < 40:
		return pick(p, p.rgs)
	default:
		return pick(p, p.resources)
	}
}

// pickRoles takes built-in roles without conditions and makes actions that some of them have.
func (p *benchPolicy) pickRoles() {
	for _, role := range p.view.roles.Roles() {
		control := role.Permissions[0].Actions
		if len(p.roles) == benchRoles || len(control) == 0 || role.Permissions[0].Condition != "" {
			continue
		}
		p.roles = append(p.roles, role)
		for _, action := range control[:min(4, len(control))] {
			p.actions = append(p.actions, rbac.ControlAction(strings.ToLower(strings.ReplaceAll(action, "*", "things/read"))))
		}
	}
}

func (p *benchPolicy) load(t testing.TB) {
	b := newBuilder(p.view)
	for rest := p.records; len(rest) > 0; {
		n := min(1024, len(rest))
		if err := b.add(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	p.view = b.finish(store.Position{})
	p.dir, _ = p.view.Directory(testTenant)
}

// maskIndex is the yardstick: a map from principal and scope to the set of roles as bits, and one from action to the set of
// roles that have it. It knows no groups, deny assignments, conditions or reasons, and never changes.
type maskIndex struct {
	roles   map[string]uint64 // by principal|scope
	actions map[string]uint64
	above   map[string]string
}

func newMaskIndex(p *benchPolicy) *maskIndex {
	x := &maskIndex{roles: make(map[string]uint64, len(p.assignments)), actions: map[string]uint64{}, above: p.above}
	bit := map[guid.GUID]uint64{}
	for i, role := range p.roles {
		bit[role.ID] = 1 << i
		for _, action := range p.actions {
			if plainMatch(role.Permissions[0], action.String()) {
				x.actions[action.String()] |= 1 << i
			}
		}
	}
	for _, a := range p.assignments {
		x.roles[a.Principal.String()+"|"+string(a.Scope.Key())] |= bit[a.Role]
	}
	return x
}

func plainMatch(p rbac.Permission, action string) bool {
	any := func(list []string) bool {
		for _, pattern := range list {
			parts := strings.Split(strings.ToLower(pattern), "*")
			if len(parts) == 1 && action == parts[0] ||
				len(parts) == 2 && len(action) >= len(parts[0])+len(parts[1]) && strings.HasPrefix(action, parts[0]) && strings.HasSuffix(action, parts[1]) {
				return true
			}
		}
		return false
	}
	return any(p.Actions) && !any(p.NotActions)
}

// allowed walks up from the scope, which is in lower case, and ends with the first role that has the action.
func (x *maskIndex) allowed(principal, scope, action string) bool {
	roles := x.actions[action]
	var room [256]byte
	key := append(append(room[:0], principal...), '|')
	n := len(key)
	has := func(scope string) bool { return x.roles[string(append(key[:n], scope...))]&roles != 0 }
	if has(scope) {
		return true
	}
	if i := strings.Index(scope, "/providers/"); i > 0 {
		if scope = scope[:i]; has(scope) {
			return true
		}
	}
	if i := strings.Index(scope, "/resourcegroups/"); i > 0 {
		if scope = scope[:i]; has(scope) {
			return true
		}
	}
	return has(x.above[scope])
}

// benchCheck is one check as each side takes it.
type benchCheck struct {
	request                  rbac.Request
	principal, scope, action string
	want                     bool
}

// checks makes checks of which half are allowed.
func (p *benchPolicy) checks(x *maskIndex) []benchCheck {
	checks := make([]benchCheck, 0, benchChecks)
	for len(checks) < benchChecks {
		c := benchCheck{request: rbac.Request{Principal: pick(p, p.principals), Action: pick(p, p.actions), Scope: pick(p, p.resources)}}
		if want := len(checks)%2 == 0; want {
			a := pick(p, p.assignments)
			c.request.Principal = a.Principal
			for n := 0; n < 1000 && !rbac.Within(a.Scope, c.request.Scope); n++ {
				c.request.Scope = pick(p, p.resources)
			}
			if rbac.PathOf(a.Scope).Depth == 3 {
				c.request.Scope = a.Scope
			}
		}
		c.principal, c.scope, c.action = c.request.Principal.String(), string(c.request.Scope.Key()), c.request.Action.String()
		for n := 0; n < 100 && !x.allowed(c.principal, c.scope, c.action) && len(checks)%2 == 0; n++ {
			c.request.Action = pick(p, p.actions)
			c.action = c.request.Action.String()
		}
		if c.want = x.allowed(c.principal, c.scope, c.action); c.want == (len(checks)%2 == 0) {
			checks = append(checks, c)
		}
	}
	p.random.Shuffle(len(checks), func(i, j int) { checks[i], checks[j] = checks[j], checks[i] })
	for i := range checks { // what a check is asked stands in the cache, having just been read; what it looks up does not
		c := &checks[i]
		c.request.Scope = resource.ID(strings.Clone(string(c.request.Scope)))
		c.scope, c.principal = strings.Clone(c.scope), strings.Clone(c.principal)
	}
	return checks
}

func BenchmarkRoles(b *testing.B) {
	p := newBenchPolicy(b, benchAssignments)
	p.load(b)
	x := newMaskIndex(p)
	checks := p.checks(x)
	for _, c := range checks {
		if got := rbac.Check(p.dir, c.request); got.Allowed() != c.want {
			b.Fatalf("%s; the index says %v", got.Explain(), c.want)
		}
	}
	// Both sides in turns, so that what else the machine does hits them alike; the median of each.
	check := func() {
		for i := range checks {
			if c := &checks[i]; rbac.Check(p.dir, c.request).Allowed() != c.want {
				b.Fatal("wrong")
			}
		}
	}
	index := func() {
		for i := range checks {
			if c := &checks[i]; x.allowed(c.principal, c.scope, c.action) != c.want {
				b.Fatal("wrong")
			}
		}
	}
	if n := testing.AllocsPerRun(1, check); n > 0 {
		b.Errorf("%v allocations in %d checks", n, len(checks))
	}
	var checked, indexed []float64
	for b.Loop() {
		checked = append(checked, took(check)/benchChecks*1e9)
		indexed = append(indexed, took(index)/benchChecks*1e9)
	}
	b.ReportMetric(report(b, "ns/index", indexed)/report(b, "ns/check", checked), "x-index")
}

// report gives the median and the least of what was measured, the latter for machines that do other things, too.
func report(b *testing.B, unit string, measured []float64) (median float64) {
	slices.Sort(measured)
	median = measured[len(measured)/2]
	b.ReportMetric(median, unit)
	b.ReportMetric(measured[0], "least-"+unit)
	return median
}

func took(run func()) float64 {
	start := time.Now()
	run()
	return time.Since(start).Seconds()
}

func BenchmarkRoleLoad(b *testing.B) {
	p := newBenchPolicy(b, benchAssignments)
	empty := p.view
	var loads []float64
	for b.Loop() {
		p.view = empty
		loads = append(loads, 1000*took(func() { p.load(b) }))
	}
	report(b, "ms/load", loads)
	loaded := heap()
	p.view, p.dir = empty, nil
	before := heap()
	decoded := make([]*rbac.RoleAssignment, len(p.records))
	for i, r := range p.records {
		decoded[i], _ = decode[rbac.RoleAssignment](r)
	}
	records := heap() - before - float64(8*len(decoded))/(1<<20)
	b.ReportMetric(records, "MiB-records")
	b.ReportMetric(loaded-before-records, "MiB-beyond")
	runtime.KeepAlive(decoded)
	runtime.KeepAlive(p)
}

// heap returns how many MiB are reachable.
func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// One assignment more, from its record to the View that shows it, and one less.
func BenchmarkRoleWrite(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		p := newBenchPolicy(b, n)
		p.load(b)
		for _, deleted := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d/deleted=%v", n, deleted), func(b *testing.B) {
				more := make([]store.Record, 1000)
				for i := range more {
					a := p.assignments[i*len(p.assignments)/len(more)]
					if !deleted {
						a.ID = p.id()
					}
					more[i] = put(testTenant, a)
					more[i].Deleted = deleted
				}
				b.ReportAllocs()
				var times []float64 // of each by itself: what it takes until a View shows it
				for i := 0; b.Loop(); i++ {
					record := more[i%len(more):][:1]
					times = append(times, 1e9*took(func() {
						if _, err := p.view.apply(record, store.Position{}); err != nil {
							b.Fatal(err)
						}
					}))
				}
				report(b, "ns/write", times)
			})
		}
	}
}
