package server

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"sync/atomic"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/envelope"
	"github.com/inborn-id/inborn/internal/store"
)

// masterKey is the master key in use. It can be changed while the server runs: see rekeying.
type masterKey struct {
	path    string // its file; "" if the key is in memory only
	random  io.Reader
	current atomic.Pointer[envelope.Master]
}

// Encrypt seals with the key of the moment.
func (m *masterKey) Encrypt(context []string, plaintext []byte) ([]byte, error) {
	return m.current.Load().Encrypt(context, plaintext, m.random)
}

// Decrypt opens what the key of the moment, or one that it replaced, has sealed.
func (m *masterKey) Decrypt(context []string, ciphertext []byte) ([]byte, error) {
	return m.current.Load().Decrypt(context, ciphertext)
}

// rewrap brings a ciphertext to the key of the moment.
func (m *masterKey) rewrap(context []string, ciphertext []byte) ([]byte, error) {
	return m.current.Load().Rewrap(context, ciphertext, m.random)
}

// openMaster makes a master key for a new data directory only: where something is encrypted already, another key would
// be of no use. It comes before anything is changed, so that a start with the wrong key leaves no trace.
func (s *Server) openMaster(ctx context.Context) error {
	s.rekeying = &rekeying{master: s.master, store: s.store, live: s.live, log: s.log, wake: make(chan struct{}, 1)}
	if s.master.path == "" {
		master, err := envelope.Generate(s.config.Random)
		s.master.current.Store(master)
		return err
	}
	first, err := s.store.Ciphers(ctx, store.Cipher{}, 1)
	if err != nil {
		return err
	}
	if len(first) == 0 {
		if _, err := envelope.Open(s.master.path, s.config.Random); err != nil {
			return err
		}
	}
	master, former, err := envelope.Present(s.master.path)
	if errors.Is(err, fs.ErrNotExist) && len(first) > 0 {
		return s.masterLost("is missing", envelope.KeyID(first[0].Ciphertext), err)
	}
	if err != nil {
		return err
	}
	if len(first) > 0 {
		if id := envelope.KeyID(first[0].Ciphertext); id != "" && !master.Holds(id) {
			return s.masterLost("holds the key "+master.ID(), id, nil)
		}
	}
	s.master.current.Store(master)
	s.rekeying.now.MasterKey = master.ID()
	if !master.Alone() {
		s.rekeying.resume(former)
	}
	return nil
}

// masterLost is the sentence for a start without the master key id, which the data needs.
func (s *Server) masterLost(fact, id string, err error) error {
	return apierr.New(apierr.StoreFailed, "The master key file %s %s, but what is encrypted in %s needs the master key %s: put that file"+
		" back, or name it with --master-key. Nothing was changed; without that key the secrets cannot be read.",
		s.master.path, fact, s.config.DataDir, id).Because(err)
}
