package cli

import (
	"context"
	"crypto"
	_ "crypto/sha256" // the digests of signatures
	_ "crypto/sha512"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inborn-id/inborn/internal/apierr"
)

// Using keys: the vault sees digests and short texts, and hands out no key. Signatures and ciphertexts are printed in
// base64url, as they are on the wire.

const (
	maxSigned = 1 << 30 // of what is signed, whose digest is made here
	maxCrypt  = 4 << 10 // of what RSA takes at once it is far less
)

// keyUseFlags are the flags of the commands that use a key.
type keyUseFlags struct{ from, algorithm, version string }

// at is the path at which a version of a key is used, the newest if none is named.
func (f *keyUseFlags) at(t things, name, verb string) string {
	if f.version == "" {
		return t.at(name) + "/" + verb
	}
	return t.at(name) + "/" + url.PathEscape(f.version) + "/" + verb
}

// add adds the flags; without a choice of algorithms there is a default.
func (f *keyUseFlags) add(c *cobra.Command, choice string) {
	flags := c.Flags()
	flags.StringVar(&f.from, "from-file", "", "file to read in the place of standard input")
	flags.StringVar(&f.version, "version", "", "another version than the newest, such as the one before the key was rotated")
	if choice == "" {
		flags.StringVar(&f.algorithm, "algorithm", "RSA-OAEP-256", "RSA-OAEP-256, RSA-OAEP or RSA1_5")
		return
	}
	flags.StringVar(&f.algorithm, "algorithm", "", choice)
	_ = c.MarkFlagRequired("algorithm")
}

func newKeySign(t things) *cobra.Command {
	var f keyUseFlags
	c := t.command("sign NAME --algorithm ALG", "Sign what comes on standard input, or a file; the signature is printed in base64url",
		"  inborn vault key sign signing --algorithm ES256 --from-file release.tar", func(ctx context.Context, v *inVault, name string) error {
			digest, err := t.digest(&f)
			if err != nil {
				return err
			}
			return t.use(ctx, v, f.at(t, name, "sign"), keyUse{Algorithm: f.algorithm, Value: digest})
		})
	f.add(c, "RS256, PS256, ES256 and so on")
	return c
}

func newKeyVerify(t things) *cobra.Command {
	var f keyUseFlags
	var signature string
	c := t.command("verify NAME --algorithm ALG --signature TEXT", "Tell whether a signature is one of a key; the exit code is 0 for yes and 1 for no",
		"  inborn vault key verify signing --algorithm ES256 --signature \"$SIGNATURE\" --from-file release.tar",
		func(ctx context.Context, v *inVault, name string) error {
			digest, err := t.digest(&f)
			if err != nil {
				return err
			}
			var verdict keyVerdict
			in := keyUse{Algorithm: f.algorithm, Digest: digest, Value: strings.TrimSpace(signature)}
			if err := v.ask(ctx, http.MethodPost, f.at(t, name, "verify"), in, &verdict); err != nil {
				return err
			}
			if err := t.sh.print(verdict, [][]string{{"valid", fmt.Sprint(verdict.Value)}}); err != nil || verdict.Value {
				return err
			}
			if f.version == "" {
				t.sh.warn("it is none of the newest version; of another: " + apierr.Command("inborn vault key versions %s --vault %s", name, v.name) + ", --version")
			}
			return &exitError{code: exitFailed}
		})
	f.add(c, "RS256, PS256, ES256 and so on")
	c.Flags().StringVar(&signature, "signature", "", "the signature in base64url")
	_ = c.MarkFlagRequired("signature")
	return c
}

// newKeyInto makes the commands that encrypt a short text, or wrap another key, which is the same with another right.
func newKeyInto(t things, verb, path, short string) *cobra.Command {
	var f keyUseFlags
	c := t.command(verb+" NAME", short, "", func(ctx context.Context, v *inVault, name string) error {
		text, err := t.sh.readInput(f.from, "The text", maxCrypt)
		if err != nil {
			return err
		}
		return t.use(ctx, v, f.at(t, name, path), keyUse{Algorithm: f.algorithm, Value: base64.RawURLEncoding.EncodeToString(text)})
	})
	f.add(c, "")
	return c
}

// newKeyBack makes those that undo it.
func newKeyBack(t things, verb, path, short string) *cobra.Command {
	var f keyUseFlags
	c := t.command(verb+" NAME", short, "", func(ctx context.Context, v *inVault, name string) error {
		text, err := t.sh.readInput(f.from, "The text", maxCrypt)
		if err != nil {
			return err
		}
		var plain keyResult
		if err := v.ask(ctx, http.MethodPost, f.at(t, name, path), keyUse{Algorithm: f.algorithm, Value: strings.TrimSpace(string(text))}, &plain); err != nil {
			return err
		}
		if t.sh.output == "json" {
			return t.sh.printJSON(plain)
		}
		decoded, err := decodeBase64(plain.Value)
		if err != nil {
			return err
		}
		return t.sh.raw(decoded)
	})
	f.add(c, "")
	return c
}

// use does something with a key and prints what comes out.
func (t things) use(ctx context.Context, v *inVault, path string, in keyUse) error {
	var out keyResult
	if err := v.ask(ctx, http.MethodPost, path, in, &out); err != nil {
		return err
	}
	if t.sh.output == "json" {
		return t.sh.printJSON(out)
	}
	_, err := fmt.Fprintln(t.sh.out, out.Value)
	return err
}

// digest reads what is to be signed and returns its digest for an algorithm, in base64url.
func (t things) digest(f *keyUseFlags) (string, error) {
	var hash crypto.Hash
	switch {
	case strings.HasSuffix(f.algorithm, "256"):
		hash = crypto.SHA256
	case strings.HasSuffix(f.algorithm, "384"):
		hash = crypto.SHA384
	case strings.HasSuffix(f.algorithm, "512"):
		hash = crypto.SHA512
	default:
		return "", apierr.New(apierr.ParameterInvalid, "%s is none of the algorithms RS256 to RS512, PS256 to PS512 and ES256 to ES512.", f.algorithm)
	}
	text, err := t.sh.readInput(f.from, "What is signed", maxSigned)
	if err != nil {
		return "", err
	}
	h := hash.New()
	h.Write(text)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)), nil
}
