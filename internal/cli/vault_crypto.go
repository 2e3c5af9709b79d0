package cli

import (
	"context"
	"crypto"
	_ "crypto/sha256" // the digests of signatures
	_ "crypto/sha512"
	"encoding/base64"
	"fmt"
	"net/http"
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

func newKeySign(t things) *cobra.Command {
	var from, algorithm string
	c := t.command("sign NAME --algorithm ALG", "Sign what comes on standard input, or a file; the signature is printed in base64url",
		"  inborn vault key sign signing --algorithm ES256 --from-file release.tar", func(ctx context.Context, v *inVault, name string) error {
			digest, err := t.digest(from, algorithm)
			if err != nil {
				return err
			}
			return t.use(ctx, v, name, "sign", keyUse{Algorithm: algorithm, Value: digest})
		})
	t.cryptFlags(c, &from, &algorithm, "RS256, PS256, ES256 and so on")
	return c
}

func newKeyVerify(t things) *cobra.Command {
	var from, algorithm, signature string
	c := t.command("verify NAME --algorithm ALG --signature TEXT", "Tell whether a signature is one of a key; the exit code is 0 for yes and 1 for no", "",
		func(ctx context.Context, v *inVault, name string) error {
			digest, err := t.digest(from, algorithm)
			if err != nil {
				return err
			}
			var verdict keyVerdict
			in := keyUse{Algorithm: algorithm, Digest: digest, Value: strings.TrimSpace(signature)}
			if err := v.ask(ctx, http.MethodPost, t.at(name)+"/verify", in, &verdict); err != nil {
				return err
			}
			if err := t.sh.print(verdict, [][]string{{"valid", fmt.Sprint(verdict.Value)}}); err != nil || verdict.Value {
				return err
			}
			return &exitError{code: exitFailed}
		})
	t.cryptFlags(c, &from, &algorithm, "RS256, PS256, ES256 and so on")
	c.Flags().StringVar(&signature, "signature", "", "the signature in base64url")
	_ = c.MarkFlagRequired("signature")
	return c
}

func newKeyCrypt(t things, encrypt bool) *cobra.Command {
	verb, short := "encrypt", "Encrypt a short text from standard input or a file; what comes out is printed in base64url"
	if !encrypt {
		verb, short = "decrypt", "Decrypt what encrypt has printed, from standard input or a file"
	}
	var from, algorithm string
	c := t.command(verb+" NAME", short, "", func(ctx context.Context, v *inVault, name string) error {
		text, err := t.sh.readInput(from, "The text", maxCrypt)
		if err != nil {
			return err
		}
		if encrypt {
			return t.use(ctx, v, name, verb, keyUse{Algorithm: algorithm, Value: base64.RawURLEncoding.EncodeToString(text)})
		}
		var plain keyResult
		if err := v.ask(ctx, http.MethodPost, t.at(name)+"/decrypt", keyUse{Algorithm: algorithm, Value: strings.TrimSpace(string(text))}, &plain); err != nil {
			return err
		}
		decoded, err := decodeBase64(plain.Value)
		if err != nil {
			return err
		}
		return t.sh.raw(decoded)
	})
	t.cryptFlags(c, &from, &algorithm, "")
	return c
}

// cryptFlags adds the flags of commands that use a key; without a choice of algorithms there is a default.
func (t things) cryptFlags(c *cobra.Command, from, algorithm *string, choice string) {
	c.Flags().StringVar(from, "from-file", "", "file to read in the place of standard input")
	if choice == "" {
		c.Flags().StringVar(algorithm, "algorithm", "RSA-OAEP-256", "RSA-OAEP-256, RSA-OAEP or RSA1_5")
		return
	}
	c.Flags().StringVar(algorithm, "algorithm", "", choice)
	_ = c.MarkFlagRequired("algorithm")
}

// use does something with a key and prints what comes out.
func (t things) use(ctx context.Context, v *inVault, name, verb string, in keyUse) error {
	var out keyResult
	if err := v.ask(ctx, http.MethodPost, t.at(name)+"/"+verb, in, &out); err != nil {
		return err
	}
	if t.sh.output == "json" {
		return t.sh.printJSON(out)
	}
	_, err := fmt.Fprintln(t.sh.out, out.Value)
	return err
}

// digest reads what is to be signed and returns its digest for an algorithm, in base64url.
func (t things) digest(from, algorithm string) (string, error) {
	var hash crypto.Hash
	switch {
	case strings.HasSuffix(algorithm, "256"):
		hash = crypto.SHA256
	case strings.HasSuffix(algorithm, "384"):
		hash = crypto.SHA384
	case strings.HasSuffix(algorithm, "512"):
		hash = crypto.SHA512
	default:
		return "", apierr.New(apierr.ParameterInvalid, "%s is none of the algorithms RS256 to RS512, PS256 to PS512 and ES256 to ES512.", algorithm)
	}
	text, err := t.sh.readInput(from, "What is signed", maxSigned)
	if err != nil {
		return "", err
	}
	h := hash.New()
	h.Write(text)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)), nil
}
