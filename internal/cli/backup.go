package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/server"
)

func newBackup(sh *shell) *cobra.Command {
	c := family("backup", "Back up the embedded database: create, verify, restore",
		newBackupCreate(sh), newBackupVerify(sh), newBackupRestore(sh))
	c.Long = "Back up the database of a data directory, check a backup, or restore one into a new directory.\n\n" +
		"A backup is one SQLite file. What is secret in it is encrypted, and the key to that, master.key in the data\n" +
		"directory, is not in it: keep a copy of that file in another place than the backups.\n\n" +
		"An Inborn on PostgreSQL is backed up with the tools of PostgreSQL, such as pg_dump."
	return c
}

func newBackupCreate(sh *shell) *cobra.Command {
	var to string
	var force bool
	c := &cobra.Command{
		Use:   "create",
		Short: "Copy the database, while Inborn runs or not, and check the copy",
		Example: "  inborn backup create\n" +
			"  inborn backup create --data /var/lib/inborn --to /mnt/backup/inborn.db",
		Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error { return sh.backupCreate(c.Context(), to, force) },
	}
	c.Flags().StringVar(&to, "to", "", "file or directory to write to (default: inborn-TIME.db in the current directory)")
	c.Flags().BoolVar(&force, "force", false, "replace the file if it exists")
	return c
}

func newBackupVerify(sh *shell) *cobra.Command {
	var keys []string
	c := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check a backup and show what is in it",
		Example: "  inborn backup verify inborn.db\n" +
			"  inborn backup verify inborn.db --master-key /mnt/stick/master.key",
		Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error { return sh.backupVerify(c.Context(), args[0], keys) },
	}
	c.Flags().StringArrayVar(&keys, "master-key", nil, "file of the master key: open every secret as well (may be repeated)")
	return c
}

func newBackupRestore(sh *shell) *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:   "restore FILE --data DIR",
		Short: "Put a backup into an empty or new data directory",
		Long: "Check a backup and put it into an empty or new data directory, which no Inborn may be using. Sign-in sessions\n" +
			"and codes are not restored; everything else is as it was when the backup was made.",
		Example: "  inborn backup restore inborn.db --data /var/lib/inborn",
		Args:    exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			if !c.Flag("data").Changed {
				return usage("Say with --data into which data directory.")
			}
			return sh.backupRestore(c.Context(), args[0], force)
		},
	}
	c.Flags().BoolVar(&force, "force", false, "move the database that is there aside")
	return c
}

// backups is how this program makes and reads backups. A database that is no directory is one of PostgreSQL's.
func (sh *shell) backups() (server.Backups, error) {
	if scheme, _, found := strings.Cut(sh.data, "://"); found {
		return server.Backups{}, apierr.New(apierr.ParameterInvalid, "inborn backup is for the database in a data directory, and --data"+
			" names one by %s: back that up with the tools of PostgreSQL.", scheme).WithHelp("pg_dump --format=custom --file=inborn.dump DATABASE")
	}
	return server.Backups{Now: time.Now, Random: rand.Reader}, nil
}

func (sh *shell) backupCreate(ctx context.Context, to string, force bool) error {
	b, err := sh.backups()
	if err != nil {
		return err
	}
	name := "inborn-" + time.Now().UTC().Format("20060102T150405Z") + ".db"
	if info, err := os.Stat(to); to == "" || err == nil && info.IsDir() {
		to = filepath.Join(to, name)
	}
	info, err := b.Create(ctx, sh.data, to, force)
	if err != nil {
		return err
	}
	if err := sh.showBackup(info); err != nil {
		return err
	}
	sh.say("\nThe master key is not in it: keep a copy of that file in another place, or nobody can read the secrets.")
	return nil
}

func (sh *shell) backupVerify(ctx context.Context, file string, keys []string) error {
	b, err := sh.backups()
	if err != nil {
		return err
	}
	shown := progress{sh: sh, verb: "opened"}
	info, err := b.Verify(ctx, file, keys, shown.show)
	if err != nil {
		return err
	}
	if err := sh.showBackup(info); err != nil {
		return err
	}
	if len(keys) == 0 {
		sh.say("\nThe backup is sound. Its secrets were not opened: that needs --master-key.")
	} else {
		sh.say("\nThe backup is sound, and all its secrets open.")
	}
	return nil
}

func (sh *shell) backupRestore(ctx context.Context, file string, force bool) error {
	b, err := sh.backups()
	if err != nil {
		return err
	}
	done, err := b.Restore(ctx, file, sh.data, force)
	if err != nil {
		return err
	}
	if sh.output == "json" {
		err = sh.printJSON(done)
	} else {
		err = sh.showBackup(done.Backup)
	}
	if err != nil {
		return err
	}
	sh.say("\nRestored into %s as of %s.", done.DataDir, done.Backup.Made.Format(time.RFC3339))
	if done.Aside != "" {
		sh.say("The database that was there is now %s.", done.Aside)
	}
	sh.remindOfKeys(done)
	return nil
}

// remindOfKeys says which master keys have to be put into a restored directory before it is of use.
func (sh *shell) remindOfKeys(done server.RestoredInfo) {
	if len(done.Missing) == 0 {
		return
	}
	there := ""
	if done.Present != "" {
		there = fmt.Sprintf(" What is there now is the key %s.", done.Present)
	}
	sh.say("Before you start Inborn, put the file of the master key %s there as master.key: without it the secrets cannot be read.%s",
		strings.Join(done.Missing, " and "), there)
}

func (sh *shell) showBackup(info server.BackupInfo) error {
	keys := []string{}
	for _, key := range info.MasterKeys {
		keys = append(keys, fmt.Sprintf("%s (%d secrets)", key.ID, key.Secrets))
	}
	return sh.print(info, [][]string{
		{"backup", info.File},
		{"made", info.Made.Format(time.RFC3339)},
		{"size", size(info.Bytes)},
		{"position", fmt.Sprintf("%d (epoch %d)", info.Position, info.Epoch)},
		{"tenants", fmt.Sprintf("%d: %s", len(info.Tenants), strings.Join(info.Tenants, ", "))},
		{"objects", fmt.Sprint(info.Objects)},
		{"audit events", fmt.Sprint(info.Events)},
		{"secrets", fmt.Sprint(info.Secrets)},
		{"needs master key", strings.Join(keys, ", ")},
	})
}

// size is a number of bytes for people.
func size(bytes int64) string {
	for _, unit := range []struct {
		name string
		of   int64
	}{{"GB", 1 << 30}, {"MB", 1 << 20}} {
		if bytes >= unit.of {
			return fmt.Sprintf("%.1f %s", float64(bytes)/float64(unit.of), unit.name)
		}
	}
	return fmt.Sprintf("%d kB", (bytes+1023)/1024)
}
