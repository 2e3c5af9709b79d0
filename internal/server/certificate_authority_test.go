package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/envelope"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/vault"
)

// authorities are those of some servers on one store, each with its own View of it.
func authorities(t *testing.T, now func() time.Time, domains ...string) (all []*certificateAuthority) {
	t.Helper()
	st, err := store.OpenSQLite(t.Context(), shortDir(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	key, err := envelope.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	master := &masterKey{random: rand.Reader}
	master.current.Store(key)
	catalog, err := directory.FirstParty()
	if err != nil {
		t.Fatal(err)
	}
	for _, domain := range domains {
		live, err := state.Open(context.Background(), st, catalog, state.Options{Now: now, Random: rand.Reader})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { live.Close() })
		all = append(all, &certificateAuthority{live: live, store: st, master: master, now: now, random: rand.Reader, hosts: workloadHosts(domain, nil)})
	}
	return all
}

func mustGet(t *testing.T, a *certificateAuthority) *vault.Authority {
	t.Helper()
	got, err := a.get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestServersShareOneAuthority: whoever asks first at the same time, all get one, and it is stored once and sealed.
func TestServersShareOneAuthority(t *testing.T) {
	all := authorities(t, time.Now, "corp.example", "corp.example", "corp.example")
	got := make([]*vault.Authority, 12)
	var done sync.WaitGroup
	for i := range got {
		done.Go(func() {
			var err error
			if got[i], err = all[i%3].get(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	if t.Failed() {
		t.FailNow()
	}
	for _, a := range got {
		if !bytes.Equal(a.Certificate.Raw, got[0].Certificate.Raw) {
			t.Fatal("there are two authorities")
		}
	}
	kept, err := all[0].store.Ciphers(t.Context(), store.Cipher{}, 10)
	if err != nil || len(kept) != 1 {
		t.Fatalf("%d ciphertexts, %v", len(kept), err)
	}
	private, err := got[0].KeyDER()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(kept[0].Ciphertext, private[len(private)-32:]) {
		t.Error("the private key is readable")
	}
	if _, err := all[0].master.Decrypt(state.CipherContext(guid.GUID{}, kept[0].ID), kept[0].Ciphertext); err != nil {
		t.Error(err)
	}
	if _, err := all[0].master.Decrypt(state.CipherContext(guid.GUID{}, "elsewhere"), kept[0].Ciphertext); err == nil {
		t.Error("it opens in another place")
	}
}

// TestAuthorityIsSucceeded: another one comes before it ends, and when a server has hosts that it is not for. Servers that
// were told of different domains do not take turns at that.
func TestAuthorityIsSucceeded(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	all := authorities(t, func() time.Time { return now }, "one.example", "two.example")
	first := mustGet(t, all[0])
	now = now.AddDate(7, 11, 0)
	if !bytes.Equal(mustGet(t, all[0]).Certificate.Raw, first.Certificate.Raw) {
		t.Error("it was succeeded too early")
	}
	now = now.AddDate(0, 2, 0)
	second := mustGet(t, all[0])
	if bytes.Equal(second.Certificate.Raw, first.Certificate.Raw) || second.Certificate.NotAfter.Before(now.AddDate(9, 11, 0)) {
		t.Error("it was not succeeded")
	}
	both := mustGet(t, all[1])
	if !slices.Contains(both.Certificate.PermittedDNSDomains, "one.example") || !slices.Contains(both.Certificate.PermittedDNSDomains, "two.example") {
		t.Errorf("it is for %v", both.Certificate.PermittedDNSDomains)
	}
	all[0].replaced(t.Context(), &state.CertificateAuthority{}) // it follows
	for range 3 {
		for _, a := range all {
			if !bytes.Equal(mustGet(t, a).Certificate.Raw, both.Certificate.Raw) {
				t.Fatal("two servers take turns")
			}
		}
	}
	policy := func(host string) *vault.CertificatePolicy {
		return &vault.CertificatePolicy{X509: vault.X509Properties{Names: vault.Names{DNS: []string{host}}}}
	}
	if err := mustGet(t, all[0]).Check(policy("www.two.example")); err == nil {
		t.Error("a server signs for hosts that only another was told of")
	}
	if err := mustGet(t, all[1]).Check(policy("www.two.example")); err != nil {
		t.Error(err)
	}
	kept, err := all[0].store.Ciphers(t.Context(), store.Cipher{}, 10)
	if err != nil || len(kept) != 1 {
		t.Errorf("%d private keys are kept, %v", len(kept), err)
	}
}

func TestWorkloadHosts(t *testing.T) {
	hosts := workloadHosts("Corp.example", []string{"APPS.example", "corp.example"})
	a := &vault.Authority{Hosts: hosts}
	for host, ok := range map[string]bool{"orders.corp.example": true, "x.apps.example": true, "localhost": true, "login.apps.example": true,
		"login.corp.example": false, "kv.vault.corp.example": false, "management.corp.example": false, "kv.vault.localhost": false, "*.corp.example": false,
		"www.example.com": false, "example": false} {
		err := a.Check(&vault.CertificatePolicy{X509: vault.X509Properties{Names: vault.Names{DNS: []string{host}}}})
		if (err == nil) != ok {
			t.Errorf("%s: %v", host, err)
		}
	}
	if hosts := workloadHosts("", nil); strings.Join(hosts.Below, " ") != "localhost" {
		t.Errorf("without a domain it is %v", hosts.Below)
	}
}

// TestAuthorityWithoutItsKey says what is missing instead of making another one.
func TestAuthorityWithoutItsKey(t *testing.T) {
	all := authorities(t, time.Now, "corp.example", "corp.example")
	mustGet(t, all[0])
	record, _ := all[0].live.View().CertificateAuthority()
	if _, err := all[0].live.Update(t.Context(), state.Actor{}, func(*state.View, *state.Env) (state.Batch, error) {
		return state.Batch{Ciphers: []store.Cipher{{ID: state.AuthorityCipher(record.KeyID)}}}, nil
	}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * time.Millisecond)
	if !all[1].replaced(t.Context(), &state.CertificateAuthority{KeyID: "another"}) { // and it follows
		t.Error("the View does not follow")
	}
	if _, err := all[1].get(t.Context()); err == nil || !strings.Contains(err.Error(), record.KeyID) {
		t.Errorf("it says %v", err)
	}
}
