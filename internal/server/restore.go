package server

import (
	"context"
	"path/filepath"
	"time"

	"github.com/inborn-id/inborn/internal/envelope"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/store"
)

// Restore checks the backup in file and puts it into the data directory dir, as the start of a history of its own: the
// audit log of each tenant says so. The master key is no part of a backup; what is missing of it is said.
func (b Backups) Restore(ctx context.Context, file, dir string, force bool) (RestoredInfo, error) {
	dir, file, err := absolute(dir, file)
	if err != nil {
		return RestoredInfo{}, err
	}
	backup, err := store.OpenBackup(ctx, file)
	if err != nil {
		return RestoredInfo{}, err
	}
	defer backup.Close()
	info, err := b.check(ctx, backup, nil, nil)
	if err != nil {
		return RestoredInfo{}, err
	}
	restored, err := backup.Restore(ctx, dir, force, b.Now(), masterKeyFile+"*", "ca.pem", "ca-key.pem", adminSocket, publicSocket)
	if err != nil {
		return RestoredInfo{}, err
	}
	result := RestoredInfo{Backup: info, DataDir: dir}
	if err := b.record(ctx, restored, &result); err != nil {
		restored.Discard()
		return RestoredInfo{}, err
	}
	if result.Aside, err = restored.Keep(); err != nil {
		return RestoredInfo{}, err
	}
	result.compareKeys()
	return result, nil
}

// record writes the restore into the audit logs, which makes it the first commit of the new history, and checks the result.
func (b Backups) record(ctx context.Context, restored *store.Restored, result *RestoredInfo) error {
	live, err := b.live(ctx, restored.Store)
	if err != nil {
		return err
	}
	defer live.Close()
	_, err = live.Update(ctx, state.Actor{Name: "Inborn"}, func(v *state.View, _ *state.Env) (batch state.Batch, _ error) {
		for _, dir := range v.Directories() {
			batch.Events = append(batch.Events, state.Event{Tenant: dir.Tenant().ID, Action: "Restore backup", Target: dir.Tenant().ID.String(),
				Detail: "as of " + result.Backup.Made.Format(time.RFC3339)})
		}
		return batch, nil
	})
	if err != nil {
		return err
	}
	contents, err := restored.Check(ctx)
	result.Epoch, result.Position = contents.Position.Epoch, contents.Position.Seq
	return err
}

// compareKeys finds out which master keys the restored data needs that are not in the directory. One that cannot be read
// is not there, as far as the next start is concerned; that one says why.
func (r *RestoredInfo) compareKeys() {
	r.Missing = []string{}
	master, _, err := envelope.Present(filepath.Join(r.DataDir, masterKeyFile))
	if err == nil {
		r.Present = master.ID()
	}
	for _, key := range r.Backup.MasterKeys {
		if err != nil || !master.Holds(key.ID) {
			r.Missing = append(r.Missing, key.ID)
		}
	}
}
