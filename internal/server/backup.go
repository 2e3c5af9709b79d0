package server

import (
	"cmp"
	"context"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/envelope"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/store"
)

// Backups makes, checks and restores backups of the embedded database. It works on files alone, beside a running Inborn
// or without one: whoever may read the data directory may do so, and nobody else.
type Backups struct {
	Now    func() time.Time
	Random io.Reader
}

// Create copies what is committed in the data directory dir to file, checks the copy, and only then gives it that name.
func (b Backups) Create(ctx context.Context, dir, file string, force bool) (BackupInfo, error) {
	dir, file, err := absolute(dir, file)
	if err != nil {
		return BackupInfo{}, err
	}
	draft, err := store.CreateBackup(ctx, dir, file, force, b.Now())
	if err != nil {
		return BackupInfo{}, err
	}
	info, err := b.Verify(ctx, draft.Path, nil, nil)
	if err != nil {
		draft.Discard()
		return BackupInfo{}, err
	}
	info.File = file
	return info, draft.Keep()
}

// Verify reads a whole backup and says what is in it, or why it cannot be relied on. With the files of master keys it
// also opens every secret; opened is told how far that is.
func (b Backups) Verify(ctx context.Context, file string, masterKeys []string, opened func(done, total int)) (BackupInfo, error) {
	backup, err := store.OpenBackup(ctx, file)
	if err != nil {
		return BackupInfo{}, err
	}
	defer backup.Close()
	master, err := loadAll(masterKeys)
	if err != nil {
		return BackupInfo{}, err
	}
	return b.check(ctx, backup, master, opened)
}

// loadAll returns the keys in all the files as one, nil for no files.
func loadAll(files []string) (*envelope.Master, error) {
	var all *envelope.Master
	for _, file := range files {
		m, err := envelope.Load(file)
		if err != nil {
			return nil, apierr.New(apierr.StoreFailed, "The secrets cannot be opened: %v.", err).Because(err)
		}
		if all != nil {
			m = m.Opening(all)
		}
		all = m
	}
	return all, nil
}

// check is everything that is asked of a backup: that it is sound, that a server would start on it, and what is in it.
func (b Backups) check(ctx context.Context, backup *store.Backup, master *envelope.Master,
	opened func(done, total int)) (BackupInfo, error) {
	contents, err := backup.Check(ctx)
	if err != nil {
		return BackupInfo{}, err
	}
	live, err := b.live(ctx, backup.Store)
	if err != nil {
		return BackupInfo{}, err
	}
	defer live.Close()
	view := live.View()
	if view.At() != contents.Position {
		return BackupInfo{}, unsound(backup.Path, "it loads at %d and not at its head, %d", view.At().Seq, contents.Position.Seq)
	}
	info := BackupInfo{File: backup.Path, Made: backup.Made, Bytes: backup.Size,
		Epoch: contents.Position.Epoch, Position: contents.Position.Seq,
		Objects: contents.Objects, Events: contents.Events, Tenants: []string{}}
	for _, dir := range view.Directories() {
		info.Tenants = append(info.Tenants, dir.Tenant().Name)
	}
	return info, b.checkSecrets(ctx, backup, master, opened, &info)
}

// live loads the state as a server does at its start.
func (b Backups) live(ctx context.Context, from *store.Store) (*state.Live, error) {
	catalog, err := directory.FirstParty()
	if err != nil {
		return nil, err
	}
	return state.Open(ctx, from, catalog, state.Options{Now: b.Now, Random: b.Random, PollInterval: time.Hour})
}

// checkSecrets counts the secrets by the master key that they need, and opens them if there is one.
func (b Backups) checkSecrets(ctx context.Context, backup *store.Backup, master *envelope.Master,
	opened func(done, total int), info *BackupInfo) error {
	total, err := backup.CountCiphers(ctx)
	if err != nil {
		return err
	}
	needs := map[string]int{}
	var last store.Cipher
	for {
		page, err := backup.Ciphers(ctx, last, rekeyPage)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		for _, c := range page {
			id := envelope.KeyID(c.Ciphertext)
			if id == "" {
				return unsound(backup.Path, "the secret %s of the tenant %s has no form", c.ID, c.Tenant)
			}
			needs[id]++
			if master != nil {
				if err := openSecret(backup.Path, master, c); err != nil {
					return err
				}
				info.Opened++
			}
		}
		last, info.Secrets = page[len(page)-1], info.Secrets+len(page)
		if master != nil {
			opened(info.Secrets, total)
		}
	}
	info.MasterKeys = sortedKeys(needs)
	return nil
}

func openSecret(path string, master *envelope.Master, c store.Cipher) error {
	if id := envelope.KeyID(c.Ciphertext); !master.Holds(id) {
		return apierr.New(apierr.StoreFailed, "The backup %s needs the master key %s, which is not in the files given: name its file"+
			" with --master-key as well.", path, id)
	}
	if _, err := master.Decrypt(state.CipherContext(c.Tenant, c.ID), c.Ciphertext); err != nil {
		return unsound(path, "the secret %s of the tenant %s does not open; it was changed, or belongs to another record",
			c.ID, c.Tenant).Because(err)
	}
	return nil
}

func unsound(path, format string, args ...any) *apierr.Error {
	return apierr.New(apierr.StoreFailed, "%s is damaged: "+format+".", append([]any{path}, args...)...)
}

// sortedKeys lists the master keys that are needed, the one with the most secrets first.
func sortedKeys(needs map[string]int) []BackupKeyInfo {
	keys := []BackupKeyInfo{}
	for id, secrets := range needs {
		keys = append(keys, BackupKeyInfo{ID: id, Secrets: secrets})
	}
	slices.SortFunc(keys, func(a, b BackupKeyInfo) int { return cmp.Or(b.Secrets-a.Secrets, strings.Compare(a.ID, b.ID)) })
	return keys
}

func absolute(dir, file string) (string, string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", "", err
	}
	file, err = filepath.Abs(file)
	return dir, file, err
}
