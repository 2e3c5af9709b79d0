package server

import (
	"database/sql"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/manifest"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/vault"
)

const accessVault = resource.ID("/subscriptions/00000000-0000-4000-8000-00000000000b/resourceGroups/Default/providers/Microsoft.KeyVault/vaults/KV")

// accessLogOf is the log of one vault on a real store in dir.
func accessLogOf(t *testing.T, dir string, log *slog.Logger) (*accesses, *store.Store) {
	t.Helper()
	st, err := store.OpenSQLite(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	a := newAccesses(st, time.Now, log, rand.Int64N(1<<60))
	t.Cleanup(func() { a.close(); st.Close() })
	return a, st
}

// accessBy is the n-th use of the vault by a principal.
func accessBy(principal byte, n int) vault.Access {
	return vault.Access{Tenant: guid.GUID{1}, Vault: accessVault, At: time.UnixMicro(1_800_000_000_000_000 + int64(n)).UTC(), Request: guid.GUID{2, byte(n)},
		Principal: guid.GUID{principal}, Caller: fmt.Sprint("caller-", principal), Operation: "secrets/get", Object: fmt.Sprintf("secrets/Db-%d/v", n%3),
		Status: 200, Reason: fmt.Sprint("why ", n)}
}

func findAll(t *testing.T, a *accesses, which vault.AccessFilter, limit int) (all []vault.Access) {
	t.Helper()
	for {
		page, err := a.find(t.Context(), guid.GUID{1}, accessVault, which, limit)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
		if len(page) < limit {
			return all
		}
		which.Before = page[len(page)-1].Place
	}
}

func TestTheAccessLogIsReadInOrder(t *testing.T) {
	dir := t.TempDir()
	a, st := accessLogOf(t, dir, slog.New(slog.DiscardHandler))
	var want []vault.Access
	for n := range 3000 { // of several callers, whose rows overlap, in no order
		entry := accessBy(byte(n%7), n)
		want = append(want, entry)
	}
	for _, i := range []int{2, 0, 1} {
		for n := i; n < len(want); n += 3 {
			a.add(want[n])
		}
		time.Sleep(accessPause)
	}
	slices.Reverse(want)
	check := func(what string, got, want []vault.Access) {
		t.Helper()
		got = slices.Clone(got)
		for i := range got {
			got[i].Place = ""
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d entries, want %d", what, len(got), len(want))
		}
	}
	only := func(fits func(vault.Access) bool) []vault.Access {
		return slices.DeleteFunc(slices.Clone(want), func(e vault.Access) bool { return !fits(e) })
	}
	for _, limit := range []int{1, 7, 256, 1000, 5000} {
		if limit > 1 {
			check(fmt.Sprint("pages of ", limit), findAll(t, a, vault.AccessFilter{}, limit), want)
		}
		newest, err := a.find(t.Context(), guid.GUID{1}, accessVault, vault.AccessFilter{}, limit)
		if err != nil {
			t.Fatal(err)
		}
		check(fmt.Sprint("the newest ", limit), newest, want[:min(limit, len(want))])
	}
	since := want[500].At
	check("since", findAll(t, a, vault.AccessFilter{Since: since}, 100), want[:501])
	check("caller", findAll(t, a, vault.AccessFilter{Caller: "CALLER-3"}, 100), only(func(e vault.Access) bool { return e.Caller == "caller-3" }))
	check("principal", findAll(t, a, vault.AccessFilter{Caller: guid.GUID{3}.String()}, 100), only(func(e vault.Access) bool { return e.Caller == "caller-3" }))
	for _, name := range []string{"db-1", "secrets/DB-1", "Secrets/Db-1/V"} {
		check(name, findAll(t, a, vault.AccessFilter{Object: name}, 100), only(func(e vault.Access) bool { return e.Object == "secrets/Db-1/v" }))
	}
	for _, none := range []vault.AccessFilter{{Object: "keys/db-1"}, {Object: "db"}, {Object: "v"}, {Caller: "caller"}, {Since: want[0].At.Add(time.Second)}} {
		check("nothing", findAll(t, a, none, 100), nil)
	}
	for _, token := range []string{"1-2", "x", "1-2-3-4", "1-2-3 ", "+1-2-3", "1-2-99999999999999999999"} {
		if _, err := a.find(t.Context(), guid.GUID{1}, accessVault, vault.AccessFilter{Before: token}, 1); err == nil {
			t.Errorf("the token %q is taken", token)
		}
	}
	if other, err := a.find(t.Context(), guid.GUID{2}, accessVault, vault.AccessFilter{}, 10); err != nil || len(other) != 0 {
		t.Errorf("another tenant sees %v, %v", other, err)
	}

	// What was added before a stop is there after it.
	last := accessBy(9, 5000)
	a.add(last)
	a.close()
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	a, _ = accessLogOf(t, dir, slog.New(slog.DiscardHandler))
	check("after the stop", findAll(t, a, vault.AccessFilter{}, 1000), append([]vault.Access{last}, want...))
}

func TestAFloodLosesNoAccess(t *testing.T) {
	const callers, each = 16, 2000 // four times what may wait
	a, _ := accessLogOf(t, t.TempDir(), slog.New(slog.DiscardHandler))
	var adding sync.WaitGroup
	for c := range callers {
		adding.Go(func() {
			for n := range each {
				a.add(accessBy(byte(c), n))
			}
		})
	}
	adding.Wait()
	counts := map[string]int{}
	for _, e := range findAll(t, a, vault.AccessFilter{}, 1000) {
		counts[e.Caller+e.Operation]++
	}
	if len(counts) != callers {
		t.Errorf("entries of %d callers: %v", len(counts), counts)
	}
	for caller, n := range counts {
		if n != each {
			t.Errorf("%s has %d entries, not %d", caller, n, each)
		}
	}
}

// TestAFloodDrivesOutItsOwnEntriesOnly bounds the log, and the log says so.
func TestAFloodDrivesOutItsOwnEntriesOnly(t *testing.T) {
	a, _ := accessLogOf(t, t.TempDir(), slog.New(slog.DiscardHandler))
	a.keep = 2000
	a.now = func() time.Time { return accessBy(0, 10_000_000).At }
	for n := range 3000 {
		a.add(accessBy(1, n))
		if n%100 == 0 {
			a.add(accessBy(2, n))
		}
	}
	findAll(t, a, vault.AccessFilter{}, 1000)
	if err := a.trim(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := len(findAll(t, a, vault.AccessFilter{Caller: "caller-2"}, 1000)); left != 30 {
		t.Errorf("%d of the 30 entries of the other are left", left)
	}
	left := findAll(t, a, vault.AccessFilter{Caller: "caller-1"}, 1000)
	if len(left) < 1770 || len(left) > 1770+maxAccessPart || left[0].Reason != "why 2999" {
		t.Errorf("%d entries of the flood are left, the newest %q", len(left), left[0].Reason)
	}
	said := findAll(t, a, vault.AccessFilter{Caller: "Inborn"}, 1000)
	if len(said) != 1 || said[0].Operation != accessesTrimmed || !strings.Contains(said[0].Reason, fmt.Sprint("the ", 3000-len(left), " oldest entries of "+guid.GUID{1}.String())) {
		t.Errorf("the log says %+v", said)
	}
}

// TestALogThatCannotBeWritten has another process hold the file.
func TestALogThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	var log syncBuffer
	a, _ := accessLogOf(t, dir, slog.New(slog.NewTextHandler(&log, nil)))
	a.add(accessBy(1, 0))
	if len(findAll(t, a, vault.AccessFilter{}, 10)) != 1 {
		t.Fatal("the log does not work")
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "inborn-log.db")+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	hold, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	for n := range 2 * maxWaitingAccesses { // one batch on its way, and all that may wait
		a.mu.Lock()
		full := len(a.waiting) == maxWaitingAccesses
		a.mu.Unlock()
		if full {
			break
		}
		a.add(accessBy(1, n+1))
		if n == 0 {
			time.Sleep(3 * accessPause) // it is on its way, and gets stuck
		}
	}
	began := time.Now()
	a.add(accessBy(1, 1_000_000))
	if took := time.Since(began); took < accessPatience || took > accessPatience+2*time.Second {
		t.Errorf("an answer waited for %v", took)
	}
	if err := hold.Rollback(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(accessPause) {
		said := findAll(t, a, vault.AccessFilter{Caller: "Inborn"}, 10)
		if len(said) == 1 && said[0].Operation == accessesLost && strings.HasPrefix(said[0].Reason, "1 entries were lost") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the log does not tell of the loss: %+v", said)
		}
	}
	if n := len(findAll(t, a, vault.AccessFilter{Caller: "caller-1"}, 1000)); n < maxWaitingAccesses+2 {
		t.Errorf("%d entries, at least %d were added in time", n, maxWaitingAccesses+2)
	}
}

// TestEveryAccessToAVaultIsInItsLog asks over the network, also for what is refused, and after a restart.
func TestEveryAccessToAVaultIsInItsLog(t *testing.T) {
	config := Config{DataDir: shortDir(t), Manifest: parsed(t, declaredVault), Values: manifest.Values{"env:API_KEY": canaryValue}}
	w := startWorld(t, config)
	_, answer := w.ask(w.launch("f"), "https://vault.azure.net", nil)
	bearer, _ := answer["access_token"].(string)
	for name, want := range map[string]int{"api-key": 200, "db-password": 403} {
		if status, body := w.get("/vaults/kv-orders/secrets/"+name+"?api-version=7.4", bearer); status != want {
			t.Fatalf("%s: %d %v", name, status, body)
		}
	}
	path := string(resource.In(w.server.home.group, resource.TypeVault, "KV-Orders")) + "/providers/Inborn.Platform/accesses?api-version=2026-11-01"
	entries := func(query string) map[string]map[string]any {
		t.Helper()
		text, _, err := w.server.minter.administratorToken(t.Context(), "https://management.azure.com")
		if err != nil {
			t.Fatal(err)
		}
		status, body := w.get(path+query, text)
		if status != http.StatusOK {
			t.Fatalf("%d %v", status, body)
		}
		found := map[string]map[string]any{}
		for _, row := range body["value"].([]any) {
			entry := row.(map[string]any)
			found[entry["object"].(string)] = entry
		}
		if text := fmt.Sprint(body); strings.Contains(text, canaryValue) {
			t.Errorf("a secret is in the log: %s", text)
		}
		return found
	}
	for range 2 {
		all := entries("")
		read, refused := all["secrets/api-key"], all["secrets/db-password"]
		if len(all) != 2 || read["status"] != 200.0 || read["caller"] != "f" || !strings.HasPrefix(fmt.Sprint(read["reason"]), "role Key Vault Secrets User at ") ||
			refused["status"] != 403.0 || !strings.HasPrefix(fmt.Sprint(refused["reason"]), "PermissionMissing: ") {
			t.Errorf("the log has %v", all)
		}
		if id, err := guid.Parse(fmt.Sprint(refused["requestId"])); err != nil {
			t.Errorf("request id: %v", err)
		} else if trace, err := w.server.traces.find(t.Context(), w.server.home.tenant, id); err != nil || trace.Status != 403 {
			t.Errorf("it cannot be explained: %+v, %v", trace, err)
		}
		if only := entries("&object=api-key&caller=f&since=2020-01-01T00:00:00Z"); len(only) != 1 || only["secrets/api-key"] == nil {
			t.Errorf("of one secret: %v", only)
		}
		w.stop()
		w = startWorld(t, config)
	}
}
