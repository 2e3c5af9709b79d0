package cli

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inborn-id/inborn/internal/apierr"
)

func newVaultCert(sh *shell) *cobra.Command {
	t := things{sh, "certificate", "certificates", "cert"}
	own := []*cobra.Command{newCertCreate(t), newCertImport(t), newCertShow(t), newCertExport(t), newCertPending(t),
		t.newUpdate("Change what a version of a certificate says of itself", "  inborn vault cert update tls --disable", false, t.showCert)}
	return family("cert", "Certificates of a vault: list, show, create, import, export, pending, update, versions, delete, recover, purge, backup, restore",
		slices.Concat(own, t.lasting())...)
}

func (t things) showCert(o vaultObject) error {
	rows := [][]string{{"thumbprint", o.Thumbprint}}
	if c, err := x509.ParseCertificate(o.DER); err == nil {
		rows = append(rows, []string{"subject", c.Subject.String()}, []string{"issuer", c.Issuer.String()}, []string{"names", strings.Join(c.DNSNames, ", ")})
	}
	return t.show(o, rows...)
}

func newCertCreate(t things) *cobra.Command {
	var key certKey
	var subject certX509
	var names []string
	var issuer string
	var flags attributeFlags
	c := t.command("create NAME --subject NAME", "Make a certificate with its key and secret, or a new version of one",
		"  inborn vault cert create tls --subject CN=orders.example --dns orders.example",
		func(ctx context.Context, v *inVault, name string) error {
			if len(names) > 0 {
				subject.Names = &certNames{names}
			}
			in := vaultChange{Policy: &certPolicy{Key: &key, Subject: &subject, Issuer: &certIssuer{issuer}}}
			if err := flags.into(&in); err != nil {
				return err
			}
			return t.createCert(ctx, v, name, in)
		})
	f := c.Flags()
	f.StringVar(&subject.Subject, "subject", "", "X.500 name, such as CN=orders.example")
	f.StringSliceVar(&names, "dns", nil, "host name that it is for (may be repeated)")
	f.IntVar(&subject.Months, "months", 12, "how long it is valid")
	f.StringVar(&issuer, "issuer", "Self", "Self for one that signs itself, Unknown for one that somebody else signs, or a name that the vault knows")
	f.StringVar(&key.Type, "key-type", "RSA", "RSA or EC")
	f.IntVar(&key.Size, "key-size", 0, "bits of an RSA key (default 2048)")
	f.StringVar(&key.Curve, "curve", "", "curve of an EC key (default P-256)")
	_ = c.MarkFlagRequired("subject")
	flags.add(c, false, false)
	return c
}

// createCert asks for a certificate. One that somebody else has to sign is not there yet: its request is printed.
func (t things) createCert(ctx context.Context, v *inVault, name string, in vaultChange) error {
	var pending certPending
	if err := v.ask(ctx, http.MethodPost, t.at(name)+"/create", in, &pending); err != nil {
		return err
	}
	if in.Policy.Issuer.Name != "Unknown" { // it is made by the time that it is asked for again
		if err := v.ask(ctx, http.MethodGet, t.at(name)+"/pending", nil, &pending); err != nil {
			return err
		}
	}
	if pending.Status == "completed" {
		o, err := t.get(ctx, v, name, "")
		if err != nil {
			return err
		}
		return t.showCert(o)
	}
	return t.printPending(pending)
}

// maxCertificate bounds a certificate with its key and chain, in bytes.
const maxCertificate = 192 << 10

func newCertImport(t things) *cobra.Command {
	var from, password string
	var flags attributeFlags
	c := t.command("import NAME", "Take a certificate with its private key, PFX or PEM, from standard input or a file into a vault",
		"  inborn vault cert import tls --from-file tls.pfx --password-file tls.password",
		func(ctx context.Context, v *inVault, name string) error {
			text, err := t.sh.readInput(from, "The certificate", maxCertificate)
			if err != nil {
				return err
			}
			value := string(text)
			if block, _ := pem.Decode(text); block == nil {
				value = base64.StdEncoding.EncodeToString(text)
			}
			in := vaultChange{Value: &value}
			if password != "" {
				secret, err := t.sh.readInput(password, "The password", maxPEM)
				if err != nil {
					return err
				}
				in.Password = strings.TrimRight(string(secret), "\r\n")
			}
			if err := flags.into(&in); err != nil {
				return err
			}
			var o vaultObject
			if err := v.ask(ctx, http.MethodPost, t.at(name)+"/import", in, &o); err != nil {
				return err
			}
			return t.showCert(o)
		})
	c.Flags().StringVar(&from, "from-file", "", "file that holds it")
	c.Flags().StringVar(&password, "password-file", "", "file that holds the password of a PFX, in one line")
	flags.add(c, false, false)
	return c
}

func newCertShow(t things) *cobra.Command {
	var version string
	c := t.command("show NAME", "Show a certificate", "", func(ctx context.Context, v *inVault, name string) error {
		o, err := t.get(ctx, v, name, version)
		if err != nil {
			return err
		}
		return t.showCert(o)
	})
	c.Flags().StringVar(&version, "version", "", "another version than the newest")
	return c
}

func newCertExport(t things) *cobra.Command {
	var version string
	c := t.command("export NAME", "Print a certificate in PEM, without its private key", "  inborn vault cert export tls > tls.pem",
		func(ctx context.Context, v *inVault, name string) error {
			o, err := t.get(ctx, v, name, version)
			if err != nil {
				return err
			}
			if len(o.DER) == 0 {
				return apierr.New(apierr.ObjectNotFound, "The certificate %s is not signed yet.", name).WithHelp("inborn vault cert show %s --vault %s", name, v.name)
			}
			_, err = t.sh.out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: o.DER}))
			return err
		})
	c.Long = "Print a certificate in PEM, without its private key, which the secret of the same name holds:\n\n  inborn vault secret get NAME"
	c.Flags().StringVar(&version, "version", "", "another version than the newest")
	return c
}
