package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func newVaultKey(sh *shell) *cobra.Command {
	t := things{sh, "key", "keys", "key"}
	own := []*cobra.Command{newKeyCreate(t), newKeyImport(t), newKeyShow(t), newKeyUpdate(t),
		t.command("rotate NAME", "Make a new version of a key, of the same kind", "", func(ctx context.Context, v *inVault, name string) error {
			return t.keyFrom(ctx, v, http.MethodPost, t.at(name)+"/rotate", nil)
		}),
		newKeySign(t), newKeyVerify(t),
		newKeyInto(t, "encrypt", "encrypt", "Encrypt a short text from standard input or a file; what comes out is printed in base64url"),
		newKeyBack(t, "decrypt", "decrypt", "Decrypt what encrypt has printed, from standard input or a file"),
		newKeyInto(t, "wrap", "wrapkey", "Encrypt another key from standard input or a file; what comes out is printed in base64url"),
		newKeyBack(t, "unwrap", "unwrapkey", "Decrypt what wrap has printed, from standard input or a file")}
	return family("key", "Keys of a vault: list, show, create, import, update, rotate, sign, verify, encrypt, decrypt, wrap, unwrap, versions, "+
		"delete, recover, purge, backup, restore", slices.Concat(own, t.lasting())...)
}

// keyFrom sends a request that is answered with a key, and shows it.
func (t things) keyFrom(ctx context.Context, v *inVault, method, path string, in any) error {
	var o vaultObject
	if err := v.ask(ctx, method, path, in, &o); err != nil {
		return err
	}
	return t.showKey(o)
}

func (t things) showKey(o vaultObject) error {
	if o.Key == nil {
		return fmt.Errorf("the answer holds no key")
	}
	kind := o.Key.Type
	if o.Key.Curve != "" {
		kind += " " + o.Key.Curve
	} else if modulus, err := decodeBase64(o.Key.N); err == nil {
		kind += fmt.Sprintf(" %d", 8*len(modulus))
	}
	return t.show(o, []string{"type", kind}, []string{"operations", strings.Join(o.Key.Operations, ", ")})
}

func newKeyCreate(t things) *cobra.Command {
	var in vaultChange
	var flags attributeFlags
	c := t.command("create NAME --type TYPE", "Make a key, or a new version of one",
		"  inborn vault key create signing --type EC --curve P-256\n  inborn vault key create wrapping --type RSA --size 3072",
		func(ctx context.Context, v *inVault, name string) error {
			if err := flags.into(&in); err != nil {
				return err
			}
			return t.keyFrom(ctx, v, http.MethodPost, t.at(name)+"/create", in)
		})
	c.Flags().StringVar(&in.Type, "type", "", "RSA or EC")
	c.Flags().IntVar(&in.Size, "size", 0, "bits of an RSA key: 2048, 3072 or 4096 (default 2048)")
	c.Flags().StringVar(&in.Curve, "curve", "", "curve of an EC key: P-256, P-384 or P-521 (default P-256)")
	c.Flags().StringSliceVar(&in.Operations, "operation", nil, "what may be done with it, such as sign (default: all that the type can do; may be repeated)")
	_ = c.MarkFlagRequired("type")
	flags.add(c, false, false)
	return c
}

func newKeyImport(t things) *cobra.Command {
	var from string
	var operations []string
	var flags attributeFlags
	c := t.command("import NAME", "Take a private key in PEM from standard input or a file into a vault, which does not give it back",
		"  openssl genrsa 2048 | inborn vault key import signing --vault kv-orders",
		func(ctx context.Context, v *inVault, name string) error {
			text, err := t.sh.readInput(from, "The private key", maxPEM)
			if err != nil {
				return err
			}
			key, err := readPrivateKey(text)
			if err != nil {
				return usage("%s.", capital(err.Error()))
			}
			key.Operations = operations
			in := vaultChange{Key: key}
			if err := flags.into(&in); err != nil {
				return err
			}
			return t.keyFrom(ctx, v, http.MethodPut, t.at(name), in)
		})
	c.Flags().StringVar(&from, "from-file", "", "file that holds the key")
	c.Flags().StringSliceVar(&operations, "operation", nil, "what may be done with it (default: all that the type can do; may be repeated)")
	flags.add(c, false, false)
	return c
}

func newKeyShow(t things) *cobra.Command {
	var version string
	var asPEM bool
	example := "  inborn vault key show signing --pem > signing.pem"
	c := t.command("show NAME", "Show a key and its public half", example, func(ctx context.Context, v *inVault, name string) error {
		o, err := t.get(ctx, v, name, version)
		if err != nil {
			return err
		}
		if !asPEM {
			return t.showKey(o)
		}
		text, err := publicPEM(o.Key)
		if err != nil {
			return err
		}
		_, err = t.sh.out.Write(text)
		return err
	})
	c.Flags().StringVar(&version, "version", "", "another version than the newest")
	c.Flags().BoolVar(&asPEM, "pem", false, "print the public half in PEM")
	return c
}

func newKeyUpdate(t things) *cobra.Command {
	var version string
	var operations []string
	var flags attributeFlags
	c := t.command("update NAME", "Change what a version of a key says of itself and what may be done with it", "  inborn vault key update signing --disable",
		func(ctx context.Context, v *inVault, name string) error {
			in := vaultChange{Operations: operations}
			if err := flags.into(&in); err != nil {
				return err
			}
			return t.keyFrom(ctx, v, http.MethodPatch, t.at(name)+"/"+url.PathEscape(version), in)
		})
	c.Flags().StringVar(&version, "version", "", "another version than the newest")
	c.Flags().StringSliceVar(&operations, "operation", nil, "what may be done with it from now on (may be repeated)")
	flags.add(c, true, false)
	return c
}
