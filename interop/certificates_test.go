package interop

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azcertificates"
)

// The Go and npm clients of certificates make, import, merge and delete certificates with the identities of
// testdata/keys.yaml, in the places where those of keys work (keys_test.go).

// certifier is the Go program. Its keeper makes the vault and says what is wrong.
type certifier struct {
	*keeper
	certificates *azcertificates.Client
}

// certifyAlone is the main function of the program in a sandbox.
func certifyAlone([]string) error {
	var place keysPlace
	if err := json.NewDecoder(os.Stdin).Decode(&place); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), keysWithin)
	defer cancel()
	c, err := newCertifier(ctx, place, http.DefaultClient)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(c.run())
}

func newCertifier(ctx context.Context, place keysPlace, client *http.Client) (*certifier, error) {
	c := &certifier{keeper: &keeper{ctx: ctx, place: place, http: client}}
	options := &azcertificates.ClientOptions{}
	if place.Lead != "" {
		options.Transport = client
	}
	var err error
	if c.owner, err = azidentity.NewManagedIdentityCredential(nil); err != nil {
		return nil, err
	}
	c.certificates, err = azcertificates.NewClient(place.Vault, c.owner, options)
	return c, err
}

func (c *certifier) run() []managerReport {
	return c.take([]keeperStep{
		{"a vault", c.makeVault},
		{"self-signed", c.selfSigned},
		{"of the platform", c.ofThePlatform},
		{"imported", c.importPEM},
		{"policy", c.changePolicy},
		{"merged", c.merge},
		{"an operation", c.operations},
		{"issuers and contacts", c.issuersAndContacts},
		{"deletion", c.deleteAndRestore},
	})
}

// ecPolicy is a policy with a quick key.
func ecPolicy(issuer string, hosts ...string) *azcertificates.CertificatePolicy {
	p := &azcertificates.CertificatePolicy{
		IssuerParameters:          &azcertificates.IssuerParameters{Name: &issuer},
		KeyProperties:             &azcertificates.KeyProperties{KeyType: pointer(azcertificates.KeyTypeEC), Curve: pointer(azcertificates.CurveNameP256)},
		X509CertificateProperties: &azcertificates.X509CertificateProperties{Subject: pointer("CN=DefaultPolicy"), SubjectAlternativeNames: &azcertificates.SubjectAlternativeNames{}},
	}
	for _, host := range hosts {
		p.X509CertificateProperties.SubjectAlternativeNames.DNSNames = append(p.X509CertificateProperties.SubjectAlternativeNames.DNSNames, &host)
	}
	return p
}

// create makes a certificate and waits for it.
func (c *certifier) create(name string, p *azcertificates.CertificatePolicy) (got azcertificates.GetCertificateResponse, err error) {
	begun, err := c.certificates.CreateCertificate(c.ctx, name, azcertificates.CreateCertificateParameters{CertificatePolicy: p}, nil)
	if err != nil {
		return got, err
	}
	c.check(len(begun.CSR) > 0 && !*begun.CancellationRequested && begun.Error == nil && *begun.RequestID != "" && *begun.Status == "inProgress" && *begun.StatusDetails != "", "%s began as %+v", name, begun)
	op, err := c.certificates.GetCertificateOperation(c.ctx, name, nil)
	if err != nil {
		return got, err
	}
	c.check(*op.Status == "completed" && *op.Target == c.place.Vault+"/certificates/"+name, "%s: %+v", name, op)
	return c.certificates.GetCertificate(c.ctx, name, "", nil)
}

func (c *certifier) selfSigned() error {
	p := &azcertificates.CertificatePolicy{IssuerParameters: &azcertificates.IssuerParameters{Name: pointer("self")},
		X509CertificateProperties: &azcertificates.X509CertificateProperties{Subject: pointer("CN=DefaultPolicy")}}
	got, err := c.create("self", p)
	if err != nil {
		return err
	}
	leaf, err := x509.ParseCertificate(got.CER)
	if err != nil {
		return err
	}
	c.check(leaf.Subject.String() == "CN=DefaultPolicy" && got.ID.Name() == "self" && string(*got.KID) == c.place.Vault+"/keys/self/"+got.ID.Version() &&
		string(*got.SID) == c.place.Vault+"/secrets/self/"+got.ID.Version() && leaf.NotAfter.Equal(*got.Attributes.Expires) && len(got.X509Thumbprint) == 20, "%+v", got)
	updated, err := c.certificates.UpdateCertificate(c.ctx, "self", "", azcertificates.UpdateCertificateParameters{Tags: map[string]*string{"a": pointer("b")},
		CertificateAttributes: &azcertificates.CertificateAttributes{Expires: pointer(time.Date(2030, 1, 1, 1, 1, 1, 0, time.UTC))}}, nil)
	c.check(err != nil || *updated.Tags["a"] == "b" && updated.Attributes.Expires.Equal(leaf.NotAfter), "updated to %+v", updated)
	if err != nil {
		return err
	}
	_, err = c.certificates.CreateCertificate(c.ctx, "bad", azcertificates.CreateCertificateParameters{CertificatePolicy: ecPolicy("Nobody")}, nil)
	c.refused("an issuer that is none", err, 400, "BadParameter", "")
	return nil
}

func (c *certifier) ofThePlatform() error {
	got, err := c.create("platform", ecPolicy("Inborn", "orders.localhost"))
	if err != nil {
		return err
	}
	leaf, err := x509.ParseCertificate(got.CER)
	if err != nil {
		return err
	}
	c.check(leaf.VerifyHostname("orders.localhost") == nil && leaf.Issuer.String() != leaf.Subject.String(), "issued by %s", leaf.Issuer)
	for _, host := range []string{"www.example.com", "kv.vault.localhost", "*.localhost"} {
		_, err := c.certificates.CreateCertificate(c.ctx, "no", azcertificates.CreateCertificateParameters{CertificatePolicy: ecPolicy("Inborn", host)}, nil)
		c.refused(host, err, 400, "BadParameter", "")
	}
	return nil
}

// outsideAuthority makes a certificate authority, or, of a request, a certificate by one.
func outsideAuthority() (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "outside"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	ca, err := x509.ParseCertificate(der)
	return ca, key, err
}

func (c *certifier) importPEM() error {
	ca, key, err := outsideAuthority()
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})) + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}))
	got, err := c.certificates.ImportCertificate(c.ctx, "imported", azcertificates.ImportCertificateParameters{Base64EncodedCertificate: &text,
		CertificateAttributes: &azcertificates.CertificateAttributes{Enabled: pointer(false)},
		CertificatePolicy:     &azcertificates.CertificatePolicy{SecretProperties: &azcertificates.SecretProperties{ContentType: pointer("application/x-pem-file")}}}, nil)
	if err != nil {
		return err
	}
	c.check(bytes.Equal(got.CER, ca.Raw) && !*got.Attributes.Enabled && *got.Policy.IssuerParameters.Name == "Unknown", "%+v", got)
	return nil
}

func (c *certifier) changePolicy() error {
	if _, err := c.create("policy", ecPolicy("Self", "localhost")); err != nil {
		return err
	}
	changed, err := c.certificates.UpdateCertificatePolicy(c.ctx, "policy", azcertificates.CertificatePolicy{KeyProperties: &azcertificates.KeyProperties{
		KeyType: pointer(azcertificates.KeyTypeEC), Curve: pointer(azcertificates.CurveNameP384), KeySize: pointer(int32(384)), Exportable: pointer(true), ReuseKey: pointer(false)}}, nil)
	if err != nil {
		return err
	}
	c.check(*changed.KeyProperties.Curve == azcertificates.CurveNameP384 && *changed.IssuerParameters.Name == "Self" &&
		*changed.X509CertificateProperties.SubjectAlternativeNames.DNSNames[0] == "localhost" && len(changed.LifetimeActions) == 1, "%+v", changed)
	return nil
}

func (c *certifier) merge() error {
	ca, key, err := outsideAuthority()
	if err != nil {
		return err
	}
	begun, err := c.certificates.CreateCertificate(c.ctx, "merged", azcertificates.CreateCertificateParameters{CertificatePolicy: ecPolicy("Unknown", "www.example.com")}, nil)
	if err != nil {
		return err
	}
	_, err = c.certificates.CreateCertificate(c.ctx, "merged", azcertificates.CreateCertificateParameters{CertificatePolicy: ecPolicy("Self")}, nil)
	c.refused("another one meanwhile", err, 409, "Forbidden", "inProgress")
	_, err = c.certificates.MergeCertificate(c.ctx, "merged", azcertificates.MergeCertificateParameters{X509Certificates: [][]byte{ca.Raw}}, nil)
	c.refused("the certificate of another key", err, 400, "BadParameter", "")
	request, err := x509.ParseCertificateRequest(begun.CSR)
	if err != nil {
		return err
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(2), RawSubject: request.RawSubject, ExtraExtensions: request.Extensions,
		NotBefore: time.Date(2030, 1, 1, 1, 1, 0, 0, time.UTC), NotAfter: time.Date(2040, 1, 1, 1, 1, 0, 0, time.UTC)}, ca, request.PublicKey, key)
	if err != nil {
		return err
	}
	merged, err := c.certificates.MergeCertificate(c.ctx, "merged", azcertificates.MergeCertificateParameters{X509Certificates: [][]byte{der, ca.Raw}}, nil)
	if err != nil {
		return err
	}
	c.check(bytes.Equal(merged.CER, der) && merged.Policy != nil && merged.KID != nil, "%+v", merged)
	return nil
}

func (c *certifier) operations() error {
	if _, err := c.certificates.CreateCertificate(c.ctx, "waiting", azcertificates.CreateCertificateParameters{CertificatePolicy: ecPolicy("Unknown")}, nil); err != nil {
		return err
	}
	if _, err := c.certificates.UpdateCertificateOperation(c.ctx, "waiting", azcertificates.UpdateCertificateOperationParameter{CancellationRequested: pointer(true)}, nil); err != nil {
		return err
	}
	op, err := c.certificates.GetCertificateOperation(c.ctx, "waiting", nil)
	if err != nil {
		return err
	}
	c.check(*op.CancellationRequested && *op.Status == "inProgress", "%+v", op)
	if _, err := c.certificates.DeleteCertificateOperation(c.ctx, "waiting", nil); err != nil {
		return err
	}
	_, err = c.certificates.GetCertificateOperation(c.ctx, "waiting", nil)
	c.refused("when it is deleted", err, 404, "PendingCertificateNotFound", "")
	return nil
}

func (c *certifier) issuersAndContacts() error {
	admins := []*azcertificates.AdministratorContact{{FirstName: pointer("First"), LastName: pointer("Last"), Email: pointer("foo@bar"), Phone: pointer("42")}}
	set, err := c.certificates.SetIssuer(c.ctx, "issuer", azcertificates.SetIssuerParameters{Provider: pointer("Test"), Attributes: &azcertificates.IssuerAttributes{Enabled: pointer(true)},
		Credentials: &azcertificates.IssuerCredentials{AccountID: pointer("keyvaultuser")}, OrganizationDetails: &azcertificates.OrganizationDetails{AdminContacts: admins}}, nil)
	if err != nil {
		return err
	}
	got, err := c.certificates.GetIssuer(c.ctx, "issuer", nil)
	if err != nil {
		return err
	}
	c.check(*got.ID == *set.ID && *got.OrganizationDetails.AdminContacts[0].Email == "foo@bar" && *got.Credentials.AccountID == "keyvaultuser", "%+v", got)
	if _, err := c.certificates.UpdateIssuer(c.ctx, "issuer", azcertificates.UpdateIssuerParameters{Attributes: &azcertificates.IssuerAttributes{Enabled: pointer(false)}}, nil); err != nil {
		return err
	}
	gone, err := c.certificates.DeleteIssuer(c.ctx, "issuer", nil)
	c.check(err != nil || !*gone.Attributes.Enabled, "%+v", gone)
	if err != nil {
		return err
	}
	if _, err := c.certificates.SetContacts(c.ctx, azcertificates.Contacts{ContactList: []*azcertificates.Contact{{Email: pointer("one@localhost"), Name: pointer("One"), Phone: pointer("1")}}}, nil); err != nil {
		return err
	}
	contacts, err := c.certificates.GetContacts(c.ctx, nil)
	if err != nil {
		return err
	}
	c.check(len(contacts.ContactList) == 1 && *contacts.ContactList[0].Email == "one@localhost", "%+v", contacts)
	if _, err = c.certificates.DeleteContacts(c.ctx, nil); err != nil {
		return err
	}
	_, err = c.certificates.GetContacts(c.ctx, nil)
	c.refused("without contacts", err, 404, "ContactsNotFound", "")
	return nil
}

func (c *certifier) deleteAndRestore() error {
	backup, err := c.certificates.BackupCertificate(c.ctx, "self", nil)
	if err != nil {
		return err
	}
	deleted, err := c.certificates.DeleteCertificate(c.ctx, "self", nil)
	if err != nil {
		return err
	}
	recovered, err := c.certificates.RecoverDeletedCertificate(c.ctx, "self", nil)
	if err != nil {
		return err
	}
	c.check(*recovered.ID == *deleted.ID && bytes.Equal(recovered.CER, deleted.CER), "%+v", recovered)
	if _, err := c.certificates.DeleteCertificate(c.ctx, "self", nil); err != nil {
		return err
	}
	if _, err := c.certificates.PurgeDeletedCertificate(c.ctx, "self", nil); err != nil {
		return err
	}
	restored, err := c.certificates.RestoreCertificate(c.ctx, azcertificates.RestoreCertificateParameters{CertificateBackup: backup.Value}, nil)
	c.check(err != nil || *restored.ID == *deleted.ID, "%+v", restored)
	return err
}

func TestCertificatesInTheSandbox(t *testing.T) {
	needSandbox(t)
	t.Run("azcertificates", func(t *testing.T) {
		var reports []managerReport
		keysBox().runJSON(t, inSandbox("kv-go"), []string{shared.self, clientArgument, "certificates"}, &reports)
		checkReports(t, reports)
	})
	t.Run("npm @azure/keyvault-certificates", func(t *testing.T) {
		needPackages(t)
		needOpenSSL(t)
		var reports []managerReport
		keysBox().runJSON(t, inSandbox("kv-js"), []string{"node", "js/certificates.mjs"}, &reports)
		checkReports(t, reports)
	})
}

func TestCertificatesInADomain(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	d, at := withDomain(t)
	env := d.variables(t)
	t.Run("azcertificates", func(t *testing.T) {
		for name, value := range env {
			t.Setenv(name, value)
		}
		ctx, cancel := context.WithTimeout(t.Context(), keysWithin)
		defer cancel()
		place := at("kv-go")
		c, err := newCertifier(ctx, place, led(t, d.CA, place.Lead))
		if err != nil {
			t.Fatal(err)
		}
		checkReports(t, c.run())
	})
	t.Run("npm @azure/keyvault-certificates", func(t *testing.T) {
		needPackages(t)
		needOpenSSL(t)
		var reports []managerReport
		nodeJSON(t, env, at("kv-js"), &reports, "js/certificates.mjs")
		checkReports(t, reports)
	})
}

func needOpenSSL(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		unavailable(t, "%v", err)
	}
}
