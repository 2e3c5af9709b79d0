package state

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/store"
)

var (
	tenant = guid.MustParse("11111111-0000-4000-8000-000000000000")
	ann    = Actor{ID: guid.MustParse("22222222-0000-4000-8000-000000000000"), Name: "ann", RequestID: "request-1"}
)

// sqliteStore opens the data directory; several handles may share it here, unlike in production.
func sqliteStore(t testing.TB, dir string) *store.Store {
	t.Helper()
	os.Remove(filepath.Join(dir, "inborn.lock"))
	s, err := store.OpenSQLite(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// openLive opens a replica that is closed with the test; adjust may be nil.
func openLive(t testing.TB, s *store.Store, lockPath bool, adjust func(*Options)) *Live {
	t.Helper()
	catalog, err := directory.FirstParty()
	if err != nil {
		t.Fatal(err)
	}
	options := Options{Now: time.Now, Random: rand.Reader, PollInterval: 10 * time.Millisecond}
	if adjust != nil {
		adjust(&options)
	}
	l, err := open(context.Background(), s, catalog, options, lockPath)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func seldom(o *Options) { o.PollInterval = time.Hour }

func createTenant(*View, *Env) (Batch, error) {
	return Batch{Records: []store.Record{put(tenant, directory.Tenant{ID: tenant, Name: "contoso.example"})}}, nil
}

// createGroup refuses a name that is taken, which the directory itself would allow: names are what these tests race for.
func createGroup(name string) Decide {
	return func(v *View, env *Env) (Batch, error) {
		if _, taken := groupNamed(v, name); taken {
			return Batch{}, apierr.New(apierr.ObjectExists, "%s exists.", name)
		}
		g := directory.Group{ID: env.NewID(), DisplayName: name, Created: env.Now}
		return Batch{Records: []store.Record{put(tenant, g)}, Events: []Event{{tenant, "Add group", g.ID.String(), name}}}, nil
	}
}

func deleteGroup(name string) Decide {
	return func(v *View, env *Env) (Batch, error) {
		g, ok := groupNamed(v, name)
		if !ok {
			return Batch{}, apierr.New(apierr.ObjectNotFound, "%s does not exist.", name)
		}
		return Batch{Records: []store.Record{remove(tenant, *g)}, Events: []Event{{tenant, "Delete group", g.ID.String(), name}}}, nil
	}
}

func renameGroup(from, to string) Decide {
	return func(v *View, env *Env) (Batch, error) {
		old, ok := groupNamed(v, from)
		if !ok {
			return Batch{}, apierr.New(apierr.ObjectNotFound, "%s does not exist.", from)
		}
		if _, taken := groupNamed(v, to); taken {
			return Batch{}, apierr.New(apierr.ObjectExists, "%s exists.", to)
		}
		g := *old
		g.DisplayName = to
		return Batch{Records: []store.Record{put(tenant, g)}, Events: []Event{{tenant, "Update group", g.ID.String(), to}}}, nil
	}
}

func groupNamed(v *View, name string) (*directory.Group, bool) {
	d, ok := v.Directory(tenant)
	if !ok {
		return nil, false
	}
	for g := range d.GroupsNamed(name) {
		return g, true
	}
	return nil, false
}

func mustUpdate(t testing.TB, l *Live, decide Decide) *View {
	t.Helper()
	v, err := l.Update(t.Context(), ann, decide)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestUpdateIsSeenStoredAndAudited(t *testing.T) {
	dir := t.TempDir()
	s := sqliteStore(t, dir)
	l := openLive(t, s, true, nil)
	changed := l.Changed()
	mustUpdate(t, l, createTenant)
	select {
	case <-changed:
	default:
		t.Error("Changed is still open after an update")
	}
	v := mustUpdate(t, l, createGroup("admins"))
	if _, ok := groupNamed(v, "admins"); !ok || v.At().Seq != 2 || l.View() != v {
		t.Errorf("view at %+v has the group: %v", v.At(), ok)
	}
	if _, err := l.Update(t.Context(), ann, createGroup("admins")); !apierr.Is(err, apierr.ObjectExists) {
		t.Errorf("the same name again = %v", err)
	}
	if v := mustUpdate(t, l, func(*View, *Env) (Batch, error) { return Batch{}, nil }); v.At().Seq != 2 {
		t.Errorf("an empty batch moved the head to %+v", v.At())
	}
	other := openLive(t, sqliteStore(t, dir), true, nil)
	if _, ok := groupNamed(other.View(), "admins"); !ok || other.View().At() != l.View().At() {
		t.Errorf("loaded view at %+v", other.View().At())
	}
	var events []store.Event
	if err := s.Events(t.Context(), tenant, 0, func(e store.Event) error { events = append(events, e); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(events) != 1 || events[0].Actor != ann.ID.String() || events[0].Action != "Add group" ||
		string(events[0].Body) != `{"ActorName":"ann","RequestID":"request-1","Detail":"admins"}` {
		t.Errorf("events %+v", events)
	}
}

func TestManyUpdatesShareCommits(t *testing.T) {
	l := openLive(t, sqliteStore(t, t.TempDir()), true, nil)
	mustUpdate(t, l, createTenant)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			name := fmt.Sprint("group", i/2) // two race for each name
			v, err := l.Update(t.Context(), ann, createGroup(name))
			if err != nil && !apierr.Is(err, apierr.ObjectExists) {
				t.Error(err)
			}
			if err == nil {
				if _, ok := groupNamed(v, name); !ok {
					t.Errorf("%s is not in the view its creator got", name)
				}
			}
		})
	}
	wg.Wait()
	if at := l.View().At(); at.Seq != 101 {
		t.Errorf("head at %d after 1 + 100 updates", at.Seq)
	}
}

// A replica that has not heard of a change must not refuse, nor commit, by what it knew before.
func TestStaleReplicaDecidesAgain(t *testing.T) {
	for _, lockPath := range []bool{true, false} {
		dir := t.TempDir()
		a := openLive(t, sqliteStore(t, dir), lockPath, seldom)
		mustUpdate(t, a, createTenant)
		b := openLive(t, sqliteStore(t, dir), lockPath, seldom)
		mustUpdate(t, a, createGroup("x"))
		if _, err := b.Update(t.Context(), ann, createGroup("x")); !apierr.Is(err, apierr.ObjectExists) {
			t.Errorf("a taken name on a stale replica = %v", err)
		}
		mustUpdate(t, a, createGroup("y"))
		mustUpdate(t, b, deleteGroup("y"))
		mustUpdate(t, b, createGroup("z"))
		runs, ids, times := 0, map[guid.GUID]bool{}, map[time.Time]bool{}
		mustUpdate(t, a, func(v *View, env *Env) (Batch, error) {
			runs++
			times[env.Now] = true
			b, err := createGroup("w")(v, env)
			ids[env.NewID()] = true
			return b, err
		})
		if runs != 2 || len(ids) != 1 || len(times) != 1 {
			t.Errorf("%d runs with %d ids and %d times, want 2, 1, 1", runs, len(ids), len(times))
		}
	}
}

func TestReplicaFollows(t *testing.T) {
	dir := t.TempDir()
	a := openLive(t, sqliteStore(t, dir), true, nil)
	b := openLive(t, sqliteStore(t, dir), true, nil)
	mustUpdate(t, a, createTenant)
	v := mustUpdate(t, a, createGroup("x"))
	for changed := b.Changed(); b.View().At() != v.At(); changed = b.Changed() {
		select {
		case <-changed:
		case <-time.After(50 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("b never followed")
		}
	}
	if _, ok := groupNamed(b.View(), "x"); !ok {
		t.Error("b is at the position without its records")
	}
}

func TestUpdateFailures(t *testing.T) {
	l := openLive(t, sqliteStore(t, t.TempDir()), true, nil)
	mustUpdate(t, l, createTenant)
	_, err := l.Update(t.Context(), ann, func(*View, *Env) (Batch, error) { panic("oops") })
	if err == nil || !strings.Contains(err.Error(), "oops") {
		t.Errorf("a panic = %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Update(ctx, ann, createGroup("late")); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that is gone = %v", err)
	}
	bad := store.Record{Key: store.Key{Tenant: tenant, Kind: kindGroup, ID: "x"}, Body: []byte("{")}
	if _, err := l.Update(t.Context(), ann, func(*View, *Env) (Batch, error) {
		return Batch{Records: []store.Record{bad}}, nil
	}); err == nil {
		t.Error("a record that cannot be decoded was committed")
	}
	mustUpdate(t, l, createGroup("x")) // none of these stopped the goroutine
	l.Close()
	if _, err := l.Update(t.Context(), ann, createGroup("y")); !apierr.Is(err, apierr.StoreFailed) {
		t.Errorf("after Close = %v", err)
	}
}

func TestStaleWhenTheStoreIsGone(t *testing.T) {
	dir := t.TempDir()
	s := sqliteStore(t, dir)
	l := openLive(t, s, true, func(o *Options) { o.MaxStaleness = 100 * time.Millisecond })
	mustUpdate(t, l, createTenant)
	if err := l.Stale(); err != nil {
		t.Errorf("at first: %v", err)
	}
	file, away := filepath.Join(dir, "inborn.db"), filepath.Join(dir, "away.db")
	for range 2 { // the second time shows that recovery wound the clock up again
		if err := os.Rename(file, away); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, "the view to be stale", func() bool { return apierr.Is(l.Stale(), apierr.StateStale) })
		if _, err := l.Update(t.Context(), ann, createGroup("x")); !apierr.Is(err, apierr.StoreFailed) {
			t.Errorf("Update without the file = %v", err)
		}
		if err := os.Rename(away, file); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, "the view to recover", func() bool { return l.Stale() == nil })
	}
}

// The operator puts a backup in place of the running database: the View must show the backup.
func TestReplacedFileIsLoadedAgain(t *testing.T) {
	old, dir := t.TempDir(), t.TempDir()
	first := sqliteStore(t, old)
	l := openLive(t, first, true, nil)
	mustUpdate(t, l, createTenant)
	mustUpdate(t, l, createGroup("kept"))
	l.Close()
	first.Close()
	copyFile(t, filepath.Join(old, "inborn.db"), filepath.Join(dir, "inborn.db"))

	l = openLive(t, sqliteStore(t, dir), true, nil)
	for i := range 5 {
		mustUpdate(t, l, createGroup(fmt.Sprint("lost", i)))
	}
	copyFile(t, filepath.Join(old, "inborn.db"), filepath.Join(dir, "backup.db"))
	if err := os.Rename(filepath.Join(dir, "backup.db"), filepath.Join(dir, "inborn.db")); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the backup to show", func() bool { _, lost := groupNamed(l.View(), "lost4"); return !lost })
	if _, ok := groupNamed(l.View(), "kept"); !ok {
		t.Error("what was in the backup is missing")
	}
	mustUpdate(t, l, createGroup("after"))
	l.Close()
	l = openLive(t, sqliteStore(t, dir), true, nil)
	_, kept := groupNamed(l.View(), "kept")
	_, lost := groupNamed(l.View(), "lost0")
	_, after := groupNamed(l.View(), "after")
	if !kept || lost || !after {
		t.Errorf("after a restart: kept %v, lost %v, after %v", kept, lost, after)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func waitUntil(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 500 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("waited 5 s for %s", what)
}
