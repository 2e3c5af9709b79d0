package roles

import (
	"strings"
	"testing"
)

func small() Size { return Size{FanOut: 3, Principals: 50, Assignments: 1000, Checks: 1 << 10} }

func TestPolicy(t *testing.T) {
	p := New(small())
	index := NewIndex(p)
	p.Ask(index)
	allowed, secret, above := 0, 0, map[int]int{}
	for _, c := range p.Checks {
		if c.Want != index.Allowed(c.Principal, c.Scope, c.Action) {
			t.Fatalf("%+v", c)
		}
		if c.Want {
			allowed++
		}
		if strings.HasSuffix(c.Scope, "/secrets/db-password") {
			secret++
		}
	}
	for _, a := range p.Assignments {
		above[len(p.Parents(a.Scope))]++
	}
	n := len(p.Checks)
	if n != small().Checks || allowed != n/2 || secret < n/3 || secret > 2*n/3 || len(p.Vaults()) != 81 || len(p.Roles) != Roles || len(above) != 5 {
		t.Errorf("%d allowed, %d at secrets, %d vaults, %d roles, parents of assignments: %v", allowed, secret, len(p.Vaults()), len(p.Roles), above)
	}
}
