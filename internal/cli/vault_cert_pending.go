package cli

import (
	"context"
	"encoding/pem"
	"net/http"

	"github.com/spf13/cobra"
)

// newCertPending are the commands about a certificate that is being made: one that somebody else signs waits for that.
func newCertPending(t things) *cobra.Command {
	return family("pending", "A certificate that somebody else signs: show its request, merge what was signed, delete the operation",
		t.command("show NAME", "Print the request for a certificate, or how its operation ended", "  inborn vault cert pending show tls > tls.csr", t.showPending),
		newCertMerge(t),
		t.command("delete NAME", "Give up making a certificate, and make room for another try", "", t.deletePending),
	)
}

func (t things) showPending(ctx context.Context, v *inVault, name string) error {
	var pending certPending
	if err := v.ask(ctx, http.MethodGet, t.at(name)+"/pending", nil, &pending); err != nil {
		return err
	}
	return t.printPending(pending)
}

// printPending prints what is to be signed while the operation waits for that, else how it ended.
func (t things) printPending(p certPending) error {
	if t.sh.output == "json" {
		return t.sh.printJSON(p)
	}
	if p.Status != "inProgress" {
		details := p.Details
		if p.Error != nil {
			details = p.Error.Message
		}
		return t.sh.print(p, [][]string{{"status", p.Status}, {"details", details}})
	}
	_, err := t.sh.out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: p.Request}))
	return err
}

func newCertMerge(t things) *cobra.Command {
	var from string
	c := t.command("merge NAME", "Complete a certificate with what its issuer has signed: PEM, the certificate first and then its chain",
		"  inborn vault cert pending merge tls --from-file tls.pem",
		func(ctx context.Context, v *inVault, name string) error {
			text, err := t.sh.readInput(from, "The certificate", maxCertificate)
			if err != nil {
				return err
			}
			var in certMerge
			for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
				if block.Type == "CERTIFICATE" {
					in.Certificates = append(in.Certificates, block.Bytes)
				}
			}
			if len(in.Certificates) == 0 {
				return usage("There is no certificate in PEM in what was read.")
			}
			var o vaultObject
			if err := v.ask(ctx, http.MethodPost, t.at(name)+"/pending/merge", in, &o); err != nil {
				return err
			}
			return t.showCert(o)
		})
	c.Flags().StringVar(&from, "from-file", "", "file that holds it")
	return c
}

func (t things) deletePending(ctx context.Context, v *inVault, name string) error {
	if err := v.ask(ctx, http.MethodDelete, t.at(name)+"/pending", nil, nil); err != nil {
		return err
	}
	t.sh.say("gave up the pending certificate %s", name)
	return nil
}
