package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/server"
)

// rekeyLook is how often a change of the master key is looked at.
const rekeyLook = 200 * time.Millisecond

func newRekey(sh *shell) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "rekey",
		Short: "Change the master key and encrypt everything with the new one",
		Long: "Change the master key of the running Inborn, to a new one or to the one in a file, and encrypt all signing keys and\n" +
			"secrets with it while Inborn goes on working. If anything is killed on the way, nothing is lost: the next start\n" +
			"goes on. The former key stays in a file beside the new one, because older backups need it.",
		Example: "  inborn vault rekey\n  inborn vault rekey --master-key /mnt/stick/new.key",
		Args:    exactly(0),
		RunE:    func(c *cobra.Command, _ []string) error { return sh.rekey(c.Context(), file) },
	}
	c.Flags().StringVar(&file, "master-key", "", "file of the master key to change to (default: a new key is made)")
	return c
}

func (sh *shell) rekey(ctx context.Context, file string) error {
	if file != "" {
		absolute, err := filepath.Abs(file) // it is the running Inborn that reads it
		if err != nil {
			return err
		}
		file = absolute
	}
	admin := server.NewAdmin(sh.data)
	now, err := admin.Rekey(ctx, file)
	if err != nil {
		return err
	}
	shown := progress{sh: sh, verb: "encrypted"}
	for now.Running && now.Error == "" {
		if now.Secrets > 0 && now.Done < now.Secrets {
			shown.show(now.Done, now.Secrets)
		}
		select {
		case <-time.After(rekeyLook):
		case <-ctx.Done():
			return apierr.New(apierr.StoreFailed, "The master key is still being changed; the running Inborn goes on with it.")
		}
		if now, err = admin.Rekeying(ctx); err != nil {
			return err
		}
	}
	if now.Error != "" {
		return apierr.New(apierr.StoreFailed, "The change of the master key is not at its end: %s The running Inborn tries again by"+
			" itself.", now.Error)
	}
	shown.show(now.Done, now.Secrets)
	return sh.showRekeyed(now)
}

func (sh *shell) showRekeyed(now server.Rekeying) error {
	rows := [][]string{{"master key", now.MasterKey}, {"former key", now.Former}, {"kept in", now.Kept},
		{"secrets", strconv.Itoa(now.Secrets)}}
	if err := sh.print(now, rows); err != nil {
		return err
	}
	if now.Unopened > 0 {
		fmt.Fprintf(sh.err, "inborn: %d secrets did not open with any key before and were left as they are, such as %s.\n",
			now.Unopened, printable(now.Example))
	}
	sh.say("\nBackups made before now need the former key: keep it where you keep those, and delete it with them.")
	return nil
}
