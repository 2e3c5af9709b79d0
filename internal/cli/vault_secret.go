package cli

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/vault"
)

func newVaultSecret(sh *shell) *cobra.Command {
	t := things{sh, "secret", "secrets", "secret"}
	own := []*cobra.Command{newSecretSet(t), newSecretGet(t), newSecretShow(t),
		t.newUpdate("Change what a version of a secret says of itself; its value never changes",
			"  inborn vault secret update db-password --expires 2026-12-31", true, t.showSecret)}
	return family("secret", "Secrets of a vault: list, show, set, get, update, versions, delete, recover, purge, backup, restore", slices.Concat(own, t.lasting())...)
}

func newSecretSet(t things) *cobra.Command {
	var from string
	var flags attributeFlags
	c := t.command("set NAME", "Give a secret a value, which is its newest version from then on",
		"  printf %s \"$PASSWORD\" | inborn vault secret set db-password --vault kv-orders\n  inborn vault secret set tls-key --vault kv-orders --from-file key.pem",
		func(ctx context.Context, v *inVault, name string) error {
			text, err := t.sh.readInput(from, "The value of "+name, vault.MaxSecret)
			if err != nil {
				return err
			}
			if !utf8.Valid(text) {
				return apierr.New(apierr.ParameterInvalid, "The value is not text in UTF-8, as a secret has to be. Nothing was kept.").
					WithHelp("base64 -w0 FILE | inborn vault secret set %s --vault %s --content-type application/octet-stream", name, v.name)
			}
			value := string(text)
			in, made := vaultChange{Value: &value}, vaultObject{}
			if err := flags.into(&in); err != nil {
				return err
			}
			if err := v.ask(ctx, http.MethodPut, t.at(name), in, &made); err != nil {
				return err
			}
			t.sh.noteNewline(text)
			return t.showSecret(made)
		})
	c.Long = "Give a secret a value, which is its newest version from then on. The value is read from standard input to its end, or\n" +
		"from a file, and kept to the last byte: a newline at the end is part of it. At a terminal it is asked for and not shown."
	c.Flags().StringVar(&from, "from-file", "", "file that holds the value")
	flags.add(c, false, true)
	return c
}

func newSecretGet(t things) *cobra.Command {
	var version string
	c := t.command("get NAME", "Print the value of a secret, and nothing else", "  PASSWORD=$(inborn vault secret get db-password --vault kv-orders)",
		func(ctx context.Context, v *inVault, name string) error {
			o, err := t.get(ctx, v, name, version)
			if err != nil {
				return err
			}
			if t.sh.output == "json" {
				return t.sh.printJSON(o)
			}
			if o.Value == nil {
				return nil
			}
			return t.sh.raw([]byte(*o.Value))
		})
	c.Long = "Print the value of a secret as it is, without a newline behind it unless a person at a terminal reads it. With\n" +
		"--output json it comes with all that is known of the version."
	c.Flags().StringVar(&version, "version", "", "another version than the newest")
	return c
}

// get reads one version of an object; "" is the newest.
func (t things) get(ctx context.Context, v *inVault, name, version string) (o vaultObject, err error) {
	path := t.at(name)
	if version != "" {
		path += "/" + url.PathEscape(version)
	}
	err = v.ask(ctx, http.MethodGet, path, nil, &o)
	return o, err
}

func newSecretShow(t things) *cobra.Command {
	var version string
	c := t.command("show NAME", "Show what is known of a secret, but its value", "", func(ctx context.Context, v *inVault, name string) error {
		o, err := t.listed(ctx, v, name, version)
		if err != nil {
			return err
		}
		return t.showSecret(o)
	})
	c.Flags().StringVar(&version, "version", "", "another version than the newest")
	return c
}

// listed finds a version, or the newest, among all that are listed: so the value is not read, which the access log would
// tell of. Only where two are equally new, as times have no parts of seconds, the vault is asked for the newest itself.
func (t things) listed(ctx context.Context, v *inVault, name, version string) (found vaultObject, err error) {
	all, err := vaultPages[vaultObject](ctx, v, t.at(name)+"/versions")
	if err != nil {
		return found, err
	}
	var newest []vaultObject // that are equally new
	for _, o := range all {
		switch {
		case version == o.version():
			return o, nil
		case len(newest) == 0 || o.Attributes.Created > newest[0].Attributes.Created:
			newest = []vaultObject{o}
		case o.Attributes.Created == newest[0].Attributes.Created:
			newest = append(newest, o)
		}
	}
	if version == "" && len(newest) == 1 {
		return newest[0], nil
	}
	found, err = t.get(ctx, v, name, version)
	if e := (*refused)(nil); errors.As(err, &e) && e.inner == "SecretDisabled" {
		for _, o := range newest {
			if !o.Attributes.Enabled {
				return o, nil
			}
		}
	}
	return found, err
}

func (t things) showSecret(o vaultObject) error {
	o.Value = nil
	return t.show(o, []string{"content type", o.ContentType})
}
