package server

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

// benchDirectory has 1,000 principals with 10 roles each, spread over 100 resource groups, and requests that are allowed.
func benchDirectory(b *testing.B, u *usage) (*state.Directory, []rbac.Request) {
	b.Helper()
	catalog, err := directory.FirstParty()
	if err != nil {
		b.Fatal(err)
	}
	live, err := state.Open(context.Background(), u.store, catalog, state.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { live.Close() })
	sub := guid.MustParse("4f0d2a6b-5f63-4c5c-8a44-6c6a5fd0c9a1")
	var requests []rbac.Request
	_, err = live.Update(context.Background(), state.Actor{}, func(v *state.View, env *state.Env) (state.Batch, error) {
		d := state.NewDraft(v, env, thing(0))
		d.CreateTenant(directory.Tenant{ID: thing(0), Name: "contoso.example", IssuerV1: "https://sts.windows.net/x/", IssuerV2: "https://x/v2.0"})
		if err := d.PutSubscription(resource.Subscription{ID: sub, Name: "dev"}); err != nil {
			return state.Batch{}, err
		}
		for n := range 100 {
			if err := d.PutResourceGroup(resource.GroupID(sub.String(), fmt.Sprint("group", n)), "local"); err != nil {
				return state.Batch{}, err
			}
		}
		for n := range 1000 {
			for k := range 10 {
				group := resource.GroupID(sub.String(), fmt.Sprint("group", (n+10*k)%100))
				if _, err := d.PutRoleAssignment(rbac.RoleAssignment{Scope: group, Role: rbac.Contributor, Principal: thing(n), PrincipalType: rbac.TypeServicePrincipal}); err != nil {
					return state.Batch{}, err
				}
			}
			group := resource.GroupID(sub.String(), fmt.Sprint("group", n%100))
			requests = append(requests, rbac.Request{Principal: thing(n), Action: rbac.ControlAction("Microsoft.Web/sites/write"),
				Scope: resource.In(group, "Microsoft.Web/sites", fmt.Sprint("site", n%7))})
		}
		return d.Batch(), nil
	})
	if err != nil {
		b.Fatal(err)
	}
	dir, _ := live.View().Directory(thing(0))
	return dir, requests
}

// BenchmarkDecisions compares decisions with decisions that are remembered.
func BenchmarkDecisions(b *testing.B) {
	u, _ := memoryUsage(b)
	u.now = time.Now
	dir, requests := benchDirectory(b, u)
	tenant := thing(0)
	for _, c := range []struct {
		name string
		used func(tenant, assignment guid.GUID, need rbac.Need)
	}{{"check", nil}, {"check and remember", u.needed}} {
		decide := func(i int) {
			d := rbac.Check(dir, requests[i%len(requests)])
			if !d.Allowed() {
				b.Error(d.Explain())
			}
			if c.used != nil {
				c.used(tenant, d.Assignment.ID, rbac.NeedOf(d))
			}
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				decide(i)
				i++
			}
		})
		b.Run(c.name+" in parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					decide(i)
				}
			})
		})
	}
}

// BenchmarkTokenUse is what a token costs beside its signature.
func BenchmarkTokenUse(b *testing.B) {
	u, _ := memoryUsage(b)
	u.now = time.Now
	b.ReportAllocs()
	tenant, principal := thing(0), thing(1)
	for b.Loop() {
		u.token(tenant, principal)
	}
}

// BenchmarkFirstUse is what the first use in an hour costs, which has to wait to be written.
func BenchmarkFirstUse(b *testing.B) {
	u, clock := memoryUsage(b)
	tenant, id, what := thing(0), thing(2), need("Microsoft.Web/sites/read", site(1))
	b.ReportAllocs()
	for b.Loop() {
		clock.move(time.Hour)
		u.needed(tenant, id, what)
	}
}

// BenchmarkKnownUse is what each further use in an hour costs.
func BenchmarkKnownUse(b *testing.B) {
	u, _ := memoryUsage(b)
	u.now = time.Now
	tenant, id, what := thing(0), thing(2), need("Microsoft.Web/sites/read", "/subscriptions/4f0d2a6b-5f63-4c5c-8a44-6c6a5fd0c9a1/resourceGroups/orders/providers/Microsoft.Web/sites/site")
	b.ReportAllocs()
	for b.Loop() {
		u.needed(tenant, id, what)
	}
}
