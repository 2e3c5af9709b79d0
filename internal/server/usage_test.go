package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/arm"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/manifest"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/store"
)

// usageStart is a full hour.
var usageStart = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// movableClock is a clock that tests move.
type movableClock struct{ seconds atomic.Int64 }

func (c *movableClock) now() time.Time {
	return usageStart.Add(time.Duration(c.seconds.Load()) * time.Second)
}
func (c *movableClock) move(by time.Duration) { c.seconds.Add(int64(by.Seconds())) }
func thing(n int) guid.GUID                   { return guid.Derive(guid.GUID{1}, fmt.Sprint("thing", n)) }
func site(n int) resource.ID {
	return resource.ID(fmt.Sprintf("/subscriptions/s/resourceGroups/g/providers/a/b/n%d", n))
}
func need(action string, at resource.ID) rbac.Need {
	return rbac.NeedOf(rbac.Decision{Action: rbac.ControlAction(action), Scope: at})
}

func memoryUsage(t testing.TB) (*usage, *movableClock) {
	t.Helper()
	st, err := store.OpenMemory(context.Background(), t.Name())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	clock := &movableClock{}
	return newUsage(st, clock.now, slog.New(slog.DiscardHandler)), clock
}

// kept reads what is known of a tenant.
func (u *usage) kept(t testing.TB, tenant guid.GUID) arm.LastUse {
	t.Helper()
	last, err := u.lastUse(context.Background(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	return last
}

func (u *usage) neededFor(t testing.TB, tenant, id guid.GUID) string {
	t.Helper()
	needs, err := u.needsOf(context.Background(), tenant, id)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, n := range needs.List {
		all = append(all, fmt.Sprintf("%s %v %s", n.Action, n.Data, n.Scope))
	}
	return strings.Join(all, ", ")
}

func TestUsesAreKeptToTheHour(t *testing.T) {
	u, clock := memoryUsage(t)
	clock.move(25 * time.Minute)
	u.token(thing(0), thing(1))
	if last := u.kept(t, thing(0)); !last.Identities[thing(1)].Equal(usageStart) || len(last.Assignments) != 0 || !last.Since.Equal(usageStart) {
		t.Errorf("%+v", last)
	}
	clock.move(30 * time.Minute) // the same hour
	u.token(thing(0), thing(1))
	if u.size.Load() != 0 {
		t.Error("what was heard in this hour already waits again")
	}
	clock.move(2 * time.Hour)
	u.token(thing(0), thing(1))
	u.needed(thing(0), thing(2), need("A/b/READ", site(1)))
	u.needed(thing(0), thing(2), need("a/b/read", site(2)))
	u.needed(thing(0), thing(2), rbac.Need{Action: "a/b/read", Data: true, Scope: site(1)})
	u.needed(thing(9), thing(2), need("a/b/read", site(1))) // another tenant
	last := u.kept(t, thing(0))
	if want := usageStart.Add(2 * time.Hour); !last.Identities[thing(1)].Equal(want) || !last.Assignments[thing(2)].Equal(want) || len(last.Assignments) != 1 {
		t.Errorf("%+v", last)
	}
	if got, want := u.neededFor(t, thing(0), thing(2)), "a/b/read false "+string(site(1))+", a/b/read false "+string(site(2))+", a/b/read true "+string(site(1)); got != want {
		t.Errorf("needed for %s, want %s", got, want)
	}
	clock.move(24 * time.Hour)
	u.needed(thing(0), thing(2), need("a/b/read", "/subscriptions/s/resourceGroups/g"))
	u.kept(t, thing(0))
	if got, want := u.neededFor(t, thing(0), thing(2)), "a/b/read true "+string(site(1))+", a/b/read false /subscriptions/s/resourceGroups/g"; got != want {
		t.Errorf("a day later needed for %s, want %s", got, want)
	}
	if last := u.kept(t, thing(9)); len(last.Identities) != 0 || len(last.Assignments) != 1 {
		t.Errorf("the other tenant has %+v", last)
	}
}

func TestUsesOfManyAtOnce(t *testing.T) {
	u, clock := memoryUsage(t)
	const hearers, things, rounds = 8, 50, 40
	var wg sync.WaitGroup
	for h := range hearers {
		wg.Go(func() {
			for round := range rounds {
				for n := range things {
					u.token(thing(0), thing(n))
					u.needed(thing(0), thing(n), need(fmt.Sprintf("a/b%d/read", h), site(n)))
				}
				if h == 0 && round%8 == 0 {
					clock.move(time.Hour)
				}
			}
		})
	}
	wg.Go(func() {
		for range 20 {
			if err := u.write(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	last := u.kept(t, thing(0))
	if len(last.Identities) != things || len(last.Assignments) != things || u.size.Load() != 0 {
		t.Errorf("%d identities, %d assignments, %d wait", len(last.Identities), len(last.Assignments), u.size.Load())
	}
	for n := range things {
		if got := strings.Count(u.neededFor(t, thing(0), thing(n)), "/read"); got != hearers {
			t.Errorf("thing %d was needed for %d actions, want %d", n, got, hearers)
		}
		if want := usageStart.Add(5 * time.Hour); !last.Identities[thing(n)].Equal(want) {
			t.Errorf("thing %d was used at %v, want %v", n, last.Identities[thing(n)], want)
		}
	}
}

func TestUsesThatWaitAreBounded(t *testing.T) {
	u, _ := memoryUsage(t)
	for n := range maxWaiting + 1000 {
		u.token(thing(0), guid.GUID{0: byte(n), 1: byte(n >> 8), 2: byte(n >> 16)})
	}
	if size := u.size.Load(); size != maxWaiting {
		t.Errorf("%d wait", size)
	}
	taken := u.take()
	if len(taken) != maxWaiting || u.size.Load() != 0 {
		t.Errorf("%d taken, %d left", len(taken), u.size.Load())
	}
	late := maxWaiting + 999
	u.token(thing(0), guid.GUID{0: byte(late), 1: byte(late >> 8), 2: byte(late >> 16)}) // had no room, and comes again in the same hour
	if u.size.Load() != 1 {
		t.Error("what had no room counts as heard")
	}
}

func TestUsesThatCouldNotBeWrittenWaitAgain(t *testing.T) {
	u, _ := memoryUsage(t)
	u.token(thing(0), thing(1))
	u.needed(thing(0), thing(2), need("a/b/read", site(1)))
	for n := range 100 {
		u.needed(thing(0), thing(3), need(fmt.Sprintf("a/b%d/read", n), "/subscriptions/s")) // too many to tell
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if err := u.write(gone); err == nil {
		t.Error("a write that was not done is no error")
	}
	if last := u.kept(t, thing(0)); len(last.Identities) != 1 || len(last.Assignments) != 2 {
		t.Errorf("%+v", last)
	}
	if got := u.neededFor(t, thing(0), thing(2)); got != "a/b/read false "+string(site(1)) {
		t.Error(got)
	}
	if needs, err := u.needsOf(context.Background(), thing(0), thing(3)); err != nil || !needs.More {
		t.Errorf("%+v, %v", needs, err)
	}
	u.store.Close()
	u.token(thing(0), thing(5))
	if err := u.write(context.Background()); err == nil {
		t.Error("no error after the end of the store")
	}
}

func TestUsesInAStoreThatCannotBeRead(t *testing.T) {
	for _, body := range []string{"{", `{"more":true}`, `{"needs":"x"}`} {
		if needs := readUse([]byte(body)); !needs.More {
			t.Errorf("%s: %+v", body, needs)
		}
	}
	if needs := readUse(nil); needs.More || needs.List != nil {
		t.Errorf("%+v", needs)
	}
	merged, err := mergeUses("", []byte("{"), []byte(`{"needs":[{"action":"a/b/read","scope":"/"}]}`))
	if err != nil || string(merged) != `{"more":true}` {
		t.Errorf("%s, %v", merged, err)
	}
}

// TestLastUseSurvivesARestart has tokens and decisions of a whole server, and a clock that is moved between two of its lives.
func TestLastUseSurvivesARestart(t *testing.T) {
	clock := &movableClock{}
	dir := shortDir(t)
	w := startWorld(t, Config{DataDir: dir, Now: clock.now})
	w.client.Transport.(*http.Transport).TLSClientConfig.Time = clock.now
	tenant, group := w.server.home.tenant, w.server.home.group
	id1, _ := w.dir().Identity(resource.In(group, resource.TypeIdentity, "id1"))
	id2, _ := w.dir().Identity(resource.In(group, resource.TypeIdentity, "id2"))
	var given, idle rbac.RoleAssignment
	w.change(func(d *state.Draft) (err error) {
		if given, err = d.PutRoleAssignment(rbac.RoleAssignment{Scope: group, Role: rbac.Contributor, Principal: id1.PrincipalID}); err != nil {
			return err
		}
		idle, err = d.PutRoleAssignment(rbac.RoleAssignment{Scope: group, Role: rbac.Reader, Principal: id2.PrincipalID})
		return err
	})
	header := w.launch("one")
	clock.move(50 * time.Minute)
	status, body := w.ask(header, "https://management.azure.com", url.Values{"client_id": {id1.ClientID.String()}})
	if status != http.StatusOK {
		t.Fatal(status, body)
	}
	clock.move(20 * time.Minute)
	bearer := body["access_token"].(string)
	if status, body := w.get(string(group)+"?api-version=2022-09-01", bearer); status != http.StatusOK {
		t.Fatal(status, body)
	}
	if status, _ := w.get("/subscriptions/"+group.Subscription()+"?api-version=2022-09-01", bearer); status != http.StatusForbidden {
		t.Fatal(status)
	}
	check := func(when string) {
		t.Helper()
		last := w.server.usage.kept(t, tenant)
		if !last.Since.Equal(usageStart) || !last.Identities[id1.PrincipalID].Equal(usageStart) ||
			!last.Assignments[given.ID].Equal(usageStart.Add(time.Hour)) || len(last.Identities) != 1 || len(last.Assignments) != 1 {
			t.Errorf("%s: %+v", when, last)
		}
		got := w.server.usage.neededFor(t, tenant, given.ID)
		if want := "microsoft.resources/subscriptions/resourcegroups/read false " + string(group); got != want {
			t.Errorf("%s: needed for %q, want %q", when, got, want)
		}
		if got := w.server.usage.neededFor(t, tenant, idle.ID); got != "" {
			t.Errorf("%s: %q", when, got)
		}
	}
	w.stop() // and not before: what waits is written at the end
	clock.move(100 * 24 * time.Hour)
	w = startWorld(t, Config{DataDir: dir, Now: clock.now, Manifest: &manifest.Manifest{}})
	check("after the restart")

	sweep := func() {
		t.Helper()
		if err := w.server.usage.sweep(t.Context(), w.server.live.View()); err != nil {
			t.Fatal(err)
		}
	}
	sweep()
	check("after a sweep")
	w.change(func(d *state.Draft) error { return d.DeleteIdentity(id1.ID) })
	w.server.usage.token(tenant, id1.PrincipalID) // its last token
	clock.move(29 * 24 * time.Hour)
	sweep()
	if last := w.server.usage.kept(t, tenant); len(last.Identities) != 1 || len(last.Assignments) != 0 {
		t.Errorf("29 days after it was deleted: %+v", last)
	}
	clock.move(2 * 24 * time.Hour)
	sweep()
	if last := w.server.usage.kept(t, tenant); len(last.Identities) != 0 || !last.Since.Equal(usageStart) {
		t.Errorf("31 days after it was deleted: %+v", last)
	}
}

// TestTheAdministratorLeavesNoUse asks as the command line does: it is Owner without an assignment.
func TestTheAdministratorLeavesNoUse(t *testing.T) {
	w := startWorld(t, Config{})
	token, err := NewAdmin(w.config.DataDir).Token(t.Context(), "https://management.azure.com")
	if err != nil {
		t.Fatal(err)
	}
	if status, body := w.get(string(w.server.home.group)+"?api-version=2022-09-01", token.AccessToken); status != http.StatusOK {
		t.Fatal(status, body)
	}
	if last := w.server.usage.kept(t, w.server.home.tenant); len(last.Assignments) != 0 || len(last.Identities) != 0 {
		t.Errorf("%+v", last)
	}
}
