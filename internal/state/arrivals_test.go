package state

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/bench/roles"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/store"
)

// Whether assignments come all at once, in chunks or one by one, onto nothing or onto others: the tables are the same.
func TestAssignmentsArriveInAnyPortion(t *testing.T) {
	size := roles.Size{FanOut: 3, Principals: 20, Assignments: 1200}
	p := roles.New(size)
	base := newDraft(t).view
	var records []store.Record
	for _, a := range p.Assignments {
		records = append(records, put(testTenant, a))
	}
	for i := range 100 { // all at one scope and of one principal, with ids that people choose
		a := p.Assignments[0]
		a.ID, a.Role = guid.MustParse(fmt.Sprintf("00000000-0000-4000-8000-%012d", i)), p.Roles[i%roles.Roles].ID
		records = append(records, put(testTenant, a))
	}
	want := describeAssignments(take(t, base, records, 1), p)
	for _, portion := range []int{2, 255, 256, 1024, len(records)} {
		if got := describeAssignments(take(t, base, records, portion), p); got != want {
			t.Errorf("in portions of %d the tables differ", portion)
		}
	}
	half := take(t, base, records[:len(records)/2], len(records))
	if got := describeAssignments(take(t, half, records, len(records)), p); got != want {
		t.Error("with half of them there already the tables differ")
	}
	broken := slices.Clone(records)
	broken[700].Body = []byte(`{"ID":"x"}`)
	if _, err := base.apply(broken, store.Position{}); err == nil {
		t.Error("a record that cannot be read is passed over")
	}
}

// take applies records in portions, each to the View that the one before led to.
func take(t *testing.T, v *View, records []store.Record, portion int) *View {
	t.Helper()
	for chunk := range slices.Chunk(records, portion) {
		next, err := v.apply(chunk, store.Position{})
		if err != nil {
			t.Fatal(err)
		}
		v = next
	}
	return v
}

// describeAssignments lists what is found by scope, by principal and by id.
func describeAssignments(v *View, p *roles.Policy) string {
	d, _ := v.Directory(testTenant)
	var s strings.Builder
	for _, scope := range p.Scopes() {
		for a := range d.AssignmentsAt(scope) {
			byID, ok := d.RoleAssignment(a.ID)
			fmt.Fprintln(&s, scope, *a, ok && byID == a)
		}
	}
	for _, principal := range p.Principals {
		grants := d.Grants(principal)
		fmt.Fprintln(&s, principal, grants.Len())
		for a := range grants.All() {
			fmt.Fprintln(&s, " ", *a, rbac.MarkOf(a.Scope))
		}
	}
	return s.String()
}
