package state

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/inborn-id/inborn/bench/roles"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/store"
)

// The figures of what roles cost in a View, on the policy of bench/roles. `go run ./bench -only rbac` runs them and judges;
// what other engines take for a check is measured there, too.

// benchWorld is the policy and the Views with it.
type benchWorld struct {
	*roles.Policy
	tree    *View          // without the assignments
	records []store.Record // of the assignments
	view    *View
}

func newBenchWorld(t testing.TB, assignments int) *benchWorld {
	size := roles.Full()
	size.Assignments = assignments
	w := &benchWorld{Policy: roles.New(size)}
	catalog, err := directory.FirstParty()
	if err != nil {
		t.Fatal(err)
	}
	builtIn, err := rbac.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	records := []store.Record{put(w.Tenant, directory.Tenant{ID: w.Tenant, Name: "bench.example"})}
	for _, g := range w.Groups {
		records = append(records, put(w.Tenant, g))
	}
	for i := range w.Subscriptions {
		records = append(records, put(w.Tenant, w.Subscriptions[i]), put(w.Tenant, w.Placements[i]))
	}
	w.tree = applied(t, newView(catalog, builtIn), records)
	for _, a := range w.Assignments {
		w.records = append(w.records, put(w.Tenant, a))
	}
	w.view = applied(t, w.tree, w.records)
	return w
}

// applied is the View that records lead to, taken in as they are when all is loaded.
func applied(t testing.TB, v *View, records []store.Record) *View {
	b := newBuilder(v)
	for chunk := range slices.Chunk(records, 1024) {
		if err := b.add(chunk); err != nil {
			t.Fatal(err)
		}
	}
	return b.finish(store.Position{})
}

// BenchmarkRoleCheck is for the profiler; make bench measures checks beside the index and other engines.
func BenchmarkRoleCheck(b *testing.B) {
	w := newBenchWorld(b, roles.Full().Assignments)
	w.Ask(roles.NewIndex(w.Policy))
	dir, _ := w.view.Directory(w.Tenant)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if c := &w.Checks[i%len(w.Checks)]; rbac.Check(dir, c.Request).Allowed() != c.Want {
			b.Fatalf("%+v", c)
		}
	}
}

// BenchmarkRoleLoad loads all assignments from their records, and tells what they hold of memory beyond the objects
// themselves.
func BenchmarkRoleLoad(b *testing.B) {
	w := newBenchWorld(b, roles.Full().Assignments)
	w.view = nil
	var loads []float64
	for b.Loop() {
		runtime.GC()
		loads = append(loads, 1000*took(func() { w.view = applied(b, w.tree, w.records) }))
	}
	report(b, "ms/load", loads)
	loaded := heap()
	w.view = nil
	before := heap()
	decoded := make([]*rbac.RoleAssignment, len(w.records))
	for i, r := range w.records {
		decoded[i], _ = decode[rbac.RoleAssignment](r)
	}
	records := heap() - before - float64(8*len(decoded))/(1<<20)
	b.ReportMetric(records, "MiB-records")
	b.ReportMetric(loaded-before-records, "MiB-beyond")
	runtime.KeepAlive(decoded)
	runtime.KeepAlive(w)
}

// heap returns how many MiB are reachable.
func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// BenchmarkRoleWrite puts one assignment more, from its record to the View that shows it, and one less, where there are
// 1,000 and 100,000, in turns.
func BenchmarkRoleWrite(b *testing.B) {
	few, many := newBenchWorld(b, 1000), newBenchWorld(b, roles.Full().Assignments)
	for _, deleted := range []bool{false, true} {
		b.Run(fmt.Sprintf("deleted=%v", deleted), func(b *testing.B) {
			among := func(w *benchWorld) func(int) float64 {
				more := w.changes(deleted)
				return func(i int) float64 { return 1e9 * took(func() { w.write(b, more[i%len(more)]) }) }
			}
			ofFew, ofMany := among(few), among(many)
			var fewTook, manyTook, ratios []float64
			for i := 0; b.Loop(); i++ {
				x, y := ofFew(i), ofMany(i)
				fewTook, manyTook, ratios = append(fewTook, x), append(manyTook, y), append(ratios, y/x)
			}
			report(b, "ns/1000", fewTook)
			report(b, "ns/100000", manyTook)
			b.ReportMetric(median(ratios), "x")
		})
	}
}

// changes are records of assignments that are new, or that take existing ones away.
func (w *benchWorld) changes(deleted bool) []store.Record {
	more := make([]store.Record, 1000)
	for i := range more {
		a := w.Assignments[i*len(w.Assignments)/len(more)]
		if !deleted {
			a.ID = w.ID()
		}
		more[i] = put(w.Tenant, a)
		more[i].Deleted = deleted
	}
	return more
}

func (w *benchWorld) write(b *testing.B, r store.Record) {
	if _, err := w.view.apply([]store.Record{r}, store.Position{}); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkRoleOfGroup gives a role to a group of 100,000 members and to one of a single member, in turns, and checks each
// time whether a member has it.
func BenchmarkRoleOfGroup(b *testing.B) {
	w := newBenchWorld(b, 1000)
	ofOne, one := w.group(b, 1)
	ofAll, all := w.group(b, 100_000)
	var alone, crowd, ratios []float64
	for i := 0; b.Loop(); i++ {
		x := w.give(b, ofOne, one[0])
		y := w.give(b, ofAll, all[i%len(all)])
		alone, crowd, ratios = append(alone, x), append(crowd, y), append(ratios, y/x)
	}
	report(b, "ns/1", alone)
	report(b, "ns/100000", crowd)
	b.ReportMetric(median(ratios), "x")
}

// group makes a group with members.
func (w *benchWorld) group(b *testing.B, members int) (group guid.GUID, ids []guid.GUID) {
	group = w.ID()
	records := []store.Record{put(w.Tenant, directory.Group{ID: group, DisplayName: fmt.Sprint("group of ", members)})}
	for range members {
		ids = append(ids, w.ID())
		records = append(records, put(w.Tenant, directory.Membership{Group: group, Member: ids[len(ids)-1]}))
	}
	w.view = applied(b, w.view, records)
	return group, ids
}

var benchReader = guid.MustParse("acdd72a7-3385-48ef-bd42-f606fba81ae7")

// give gives Reader to a group and returns how many nanoseconds it took until a member could read.
func (w *benchWorld) give(b *testing.B, group, member guid.GUID) float64 {
	a := w.Assignments[0]
	a.ID, a.Principal, a.PrincipalType, a.Role, a.Scope = w.ID(), group, rbac.TypeGroup, benchReader, w.Vaults()[0]
	record := []store.Record{put(w.Tenant, a)}
	request := rbac.Request{Principal: member, Action: rbac.ControlAction("Microsoft.KeyVault/vaults/read"), Scope: a.Scope}
	return 1e9 * took(func() {
		v, err := w.view.apply(record, store.Position{})
		if err != nil {
			b.Fatal(err)
		}
		if dir, _ := v.Directory(w.Tenant); !rbac.Check(dir, request).Allowed() {
			b.Fatal("a member has nothing of it")
		}
	})
}

// report gives the median and the least of what was measured, the latter for machines that do other things, too.
func report(b *testing.B, unit string, measured []float64) {
	b.ReportMetric(median(measured), unit)
	b.ReportMetric(slices.Min(measured), "least-"+unit)
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

func took(run func()) float64 {
	start := time.Now()
	run()
	return time.Since(start).Seconds()
}
