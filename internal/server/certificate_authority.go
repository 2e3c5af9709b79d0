package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/vault"
)

// certificateAuthority is the platform's authority for certificates of vaults. It is made when it is first asked for, and
// another takes its place before it ends, or when there are hosts that it is not for. All servers on one store have the same
// one. It has nothing to do with the authority of the TLS listener, which is in files and signs for the platform itself.
type certificateAuthority struct {
	live   *state.Live
	store  *store.Store
	master *masterKey
	now    func() time.Time
	random io.Reader
	hosts  vault.Hosts

	mu    sync.Mutex
	keyID string           // of ready
	ready *vault.Authority // opened; nil if none was asked for yet
}

// platformLabels are the names that the platform has, or may come to have, below its domain.
func platformLabels() []string {
	return []string{"login", "graph", "management", "portal", "vault", "blob", "queue", "table", "file"}
}

// workloadHosts says for which hosts certificates are signed: those of this machine, of the domain, and of the domains that
// whoever started the server allows; and of these, none that a client would take for the platform itself.
func workloadHosts(domain string, allowed []string) vault.Hosts {
	hosts := vault.Hosts{Below: []string{"localhost"}, Reserved: []string{"vault.localhost"}}
	for _, name := range allowed {
		hosts.Below = append(hosts.Below, strings.ToLower(name))
	}
	if domain = strings.ToLower(domain); domain != "" {
		hosts.Below = append(hosts.Below, domain)
		for _, label := range platformLabels() {
			hosts.Reserved = append(hosts.Reserved, label+"."+domain)
		}
	}
	slices.Sort(hosts.Below)
	slices.Sort(hosts.Reserved)
	hosts.Below = slices.Compact(hosts.Below)
	return hosts
}

// get returns the authority. When another server makes one at the same time, one of them is used by both.
func (a *certificateAuthority) get(ctx context.Context) (*vault.Authority, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for ctx.Err() == nil {
		record, ok := a.live.View().CertificateAuthority()
		next := a.hosts
		if ok {
			authority, err := a.open(ctx, record)
			if errors.Is(err, errNoKey) && a.replaced(ctx, record) {
				continue
			}
			if err != nil {
				return nil, err
			}
			var due bool
			if next, due = a.hosts.Successor(authority.Certificate, a.now()); !due {
				return authority, nil
			}
		}
		if err := a.make(ctx, record, next); err != nil {
			return nil, err
		}
	}
	return nil, ctx.Err()
}

// open reads the authority of a record, once.
func (a *certificateAuthority) open(ctx context.Context, record *state.CertificateAuthority) (*vault.Authority, error) {
	if a.keyID == record.KeyID {
		return a.ready, nil
	}
	id := state.AuthorityCipher(record.KeyID)
	cipher, found, err := a.store.Cipher(ctx, guid.GUID{}, id)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("the certificate authority %s: %w", record.KeyID, errNoKey)
	}
	key, err := a.master.Decrypt(state.CipherContext(guid.GUID{}, id), cipher.Ciphertext)
	if err != nil {
		return nil, fmt.Errorf("the certificate authority %s: %w", record.KeyID, err)
	}
	authority, err := vault.OpenAuthority(record.Certificate, key, a.hosts)
	if err == nil {
		a.keyID, a.ready = record.KeyID, authority
	}
	return authority, err
}

var errNoKey = errors.New("its private key is not in the store")

// replaced brings the View to the newest state and reports whether it has another authority than was seen.
func (a *certificateAuthority) replaced(ctx context.Context, seen *state.CertificateAuthority) bool {
	view, err := a.live.Update(ctx, state.Actor{Name: "Inborn"}, func(*state.View, *state.Env) (state.Batch, error) { return state.Batch{}, nil })
	if err != nil {
		return false
	}
	now, ok := view.CertificateAuthority()
	return ok && now.KeyID != seen.KeyID
}

// make puts a new authority in the place of the one that was seen, nil for none, unless another server was faster.
func (a *certificateAuthority) make(ctx context.Context, seen *state.CertificateAuthority, hosts vault.Hosts) error {
	made, err := vault.NewAuthority(a.random, a.now(), hosts)
	if err != nil {
		return err
	}
	key, err := made.KeyDER()
	if err != nil {
		return err
	}
	sum := sha256.Sum256(made.Certificate.RawSubjectPublicKeyInfo)
	id := hex.EncodeToString(sum[:16])
	sealed, err := a.master.Encrypt(state.CipherContext(guid.GUID{}, state.AuthorityCipher(id)), key)
	if err != nil {
		return err
	}
	_, err = a.live.Update(ctx, state.Actor{Name: "Inborn"}, func(v *state.View, env *state.Env) (state.Batch, error) {
		now, ok := v.CertificateAuthority()
		if ok != (seen != nil) || ok && now.KeyID != seen.KeyID {
			return state.Batch{}, nil
		}
		return state.AuthorityChange(v, state.CertificateAuthority{KeyID: id, Certificate: made.Certificate.Raw, Created: env.Now}, sealed), nil
	})
	return err
}
