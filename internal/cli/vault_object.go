package cli

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/inborn-id/inborn/internal/apierr"
)

// things is what secrets, keys and certificates have in common for the command line.
type things struct {
	sh   *shell
	one  string // secret, key or certificate
	path string // the first segment of their paths
	word string // of the command: secret, key or cert
}

func (t things) at(name string) string      { return "/" + t.path + "/" + url.PathEscape(name) }
func (t things) deleted(name string) string { return "/deleted" + t.path + "/" + url.PathEscape(name) }

// command makes a command about one object of a vault.
func (t things) command(use, short, example string, run func(ctx context.Context, v *inVault, name string) error) *cobra.Command {
	var vault string
	c := &cobra.Command{Use: use, Short: short, Example: example, Args: exactly(1), ValidArgsFunction: t.complete(&vault),
		RunE: func(c *cobra.Command, args []string) error {
			v, err := t.sh.inVault(c.Context(), vault)
			if err != nil {
				return err
			}
			return run(c.Context(), v, args[0])
		}}
	t.sh.vaultFlag(c, &vault)
	return c
}

// complete offers the names of what is in the vault.
func (t things) complete(vault *string) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
		if v, err := t.sh.inVault(c.Context(), *vault); err == nil && len(args) == 0 {
			all, _ := vaultPages[vaultObject](c.Context(), v, "/"+t.path)
			for _, o := range all {
				names = append(names, o.name())
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// lasting are the commands that all kinds have: those about lists, deletion and backups.
func (t things) lasting() []*cobra.Command {
	return []*cobra.Command{
		t.newList(),
		t.command("versions NAME", "List the versions of a "+t.one, "", t.versions),
		t.command("delete NAME", "Delete a "+t.one+" with all its versions; recover undoes it until its end", "", t.delete),
		t.command("recover NAME", "Bring a deleted "+t.one+" back", "", t.recover),
		t.command("purge NAME", "End a deleted "+t.one+" for good", "", t.purge),
		t.newBackup(), t.newRestore(),
	}
}

// newUpdate changes what a version says of itself. Only secrets have a content type.
func (t things) newUpdate(short, example string, contentType bool, show func(vaultObject) error) *cobra.Command {
	var version string
	var flags attributeFlags
	c := t.command("update NAME", short, example, func(ctx context.Context, v *inVault, name string) error {
		var in vaultChange
		if err := flags.into(&in); err != nil {
			return err
		}
		var o vaultObject
		if err := v.ask(ctx, http.MethodPatch, t.at(name)+"/"+url.PathEscape(version), in, &o); err != nil {
			return err
		}
		return show(o)
	})
	c.Flags().StringVar(&version, "version", "", "another version than the newest")
	flags.add(c, true, contentType)
	return c
}

// segments of the id of an object: the name, and the version if there is one.
func (o vaultObject) segments() (name, version string) {
	id := o.ID
	if id == "" {
		id = o.KeyID
	}
	if id == "" && o.Key != nil {
		id = o.Key.ID
	}
	for _, kind := range []string{"/secrets/", "/keys/", "/certificates/"} {
		if _, rest, found := strings.Cut(id, kind); found {
			name, version, _ = strings.Cut(rest, "/")
			return name, version
		}
	}
	return "", ""
}

func (o vaultObject) name() string    { name, _ := o.segments(); return name }
func (o vaultObject) version() string { _, version := o.segments(); return version }

// day shows seconds since 1970; nothing for none.
func day(seconds int64) string {
	if seconds == 0 {
		return "-"
	}
	return time.Unix(seconds, 0).UTC().Format(time.RFC3339)
}

func (t things) newList() *cobra.Command {
	var vault string
	var deleted bool
	c := &cobra.Command{Use: "list", Short: "List the " + t.one + "s of a vault, without what is secret", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			v, err := t.sh.inVault(c.Context(), vault)
			if err != nil {
				return err
			}
			if deleted {
				return t.listDeleted(c.Context(), v)
			}
			return t.list(c.Context(), v)
		}}
	t.sh.vaultFlag(c, &vault)
	c.Flags().BoolVar(&deleted, "deleted", false, "those that were deleted and can be recovered")
	return c
}

func (t things) list(ctx context.Context, v *inVault) error {
	all, err := vaultPages[vaultObject](ctx, v, "/"+t.path)
	if err != nil {
		return err
	}
	rows := [][]string{{"NAME", "ENABLED", "EXPIRES", "UPDATED", "CONTENT TYPE"}}
	for _, o := range all {
		rows = append(rows, []string{o.name(), strconv.FormatBool(o.Attributes.Enabled), day(o.Attributes.Expires), day(o.Attributes.Updated), o.ContentType})
	}
	if len(all) == 0 && t.sh.output == "table" {
		t.sh.say("No %ss in %s.", t.one, v.name)
		return nil
	}
	return t.sh.print(all, rows)
}

func (t things) listDeleted(ctx context.Context, v *inVault) error {
	all, err := vaultPages[vaultObject](ctx, v, "/deleted"+t.path)
	if err != nil {
		return err
	}
	rows := [][]string{{"NAME", "DELETED", "ENDS"}}
	for _, o := range all {
		rows = append(rows, []string{o.name(), day(o.Deleted), day(o.Purge)})
	}
	if len(all) == 0 && t.sh.output == "table" {
		t.sh.say("No deleted %ss in %s.", t.one, v.name)
		return nil
	}
	return t.sh.print(all, rows)
}

func (t things) versions(ctx context.Context, v *inVault, name string) error {
	all, err := vaultPages[vaultObject](ctx, v, t.at(name)+"/versions")
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return apierr.New(apierr.ObjectNotFound, "There is no %s %q in %s.", t.one, name, v.name).WithHelp("inborn vault "+t.word+" list --vault %s", v.name)
	}
	rows := [][]string{{"VERSION", "ENABLED", "CREATED", "EXPIRES", "CONTENT TYPE"}}
	for _, o := range all {
		rows = append(rows, []string{o.version(), strconv.FormatBool(o.Attributes.Enabled), day(o.Attributes.Created), day(o.Attributes.Expires), o.ContentType})
	}
	return t.sh.print(all, rows)
}

func (t things) delete(ctx context.Context, v *inVault, name string) error {
	var gone vaultObject
	if err := v.ask(ctx, http.MethodDelete, t.at(name), nil, &gone); err != nil {
		return err
	}
	t.sh.say("deleted %s; until %s it can be had back: %s", name, day(gone.Purge), apierr.Command("inborn vault "+t.word+" recover %s --vault %s", name, v.name))
	return nil
}

func (t things) recover(ctx context.Context, v *inVault, name string) error {
	if err := v.ask(ctx, http.MethodPost, t.deleted(name)+"/recover", nil, nil); err != nil {
		return err
	}
	t.sh.say("recovered %s", name)
	return nil
}

func (t things) purge(ctx context.Context, v *inVault, name string) error {
	if err := v.ask(ctx, http.MethodDelete, t.deleted(name), nil, nil); err != nil {
		return err
	}
	t.sh.say("purged %s", name)
	return nil
}

func (t things) newBackup() *cobra.Command {
	var to string
	c := t.command("backup NAME --to FILE", "Write a "+t.one+" with all its versions to a file that only this Inborn can read", "",
		func(ctx context.Context, v *inVault, name string) error {
			var blob vaultBlob
			if err := v.ask(ctx, http.MethodPost, t.at(name)+"/backup", nil, &blob); err != nil {
				return err
			}
			f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return apierr.New(apierr.ParameterInvalid, "Cannot write %s: %v.", to, cause(err))
			}
			if _, err := f.WriteString(blob.Value); err != nil {
				f.Close()
				return err
			}
			t.sh.say("wrote %s", to)
			return f.Close()
		})
	c.Flags().StringVar(&to, "to", "", "file to write; it must not exist")
	_ = c.MarkFlagRequired("to")
	return c
}

// maxVaultBackup is the largest backup of one object, in bytes.
const maxVaultBackup = 48 << 20

func (t things) newRestore() *cobra.Command {
	c := t.command("restore FILE", "Put a "+t.one+" that was backed up into a vault, under the name it had", "",
		func(ctx context.Context, v *inVault, from string) error {
			text, err := t.sh.readInput(from, "The backup", maxVaultBackup)
			if err != nil {
				return err
			}
			var o vaultObject
			if err := v.ask(ctx, http.MethodPost, "/"+t.path+"/restore", vaultBlob{strings.TrimSpace(string(text))}, &o); err != nil {
				return err
			}
			t.sh.say("restored %s", o.name())
			return nil
		})
	c.ValidArgsFunction = nil // a file
	return c
}

// show prints one version of an object.
func (t things) show(o vaultObject, more ...[]string) error {
	name, version := o.segments()
	rows := append([][]string{{"name", name}, {"version", version}}, more...)
	rows = append(rows, []string{"enabled", strconv.FormatBool(o.Attributes.Enabled)}, []string{"not before", day(o.Attributes.NotBefore)},
		[]string{"expires", day(o.Attributes.Expires)}, []string{"created", day(o.Attributes.Created)}, []string{"updated", day(o.Attributes.Updated)})
	var tags []string
	for name, value := range o.Tags {
		tags = append(tags, name+"="+value)
	}
	return t.sh.print(o, append(rows, list("tags", sorted(tags), "-")...))
}
