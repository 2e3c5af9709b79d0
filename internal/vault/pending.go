package vault

import "time"

// A certificate that waits for its issuer has a version already, as the service does: without a certificate, disabled, and
// the newest only if there is no other. Its half, the private key, is moved to the key that belongs to the certificate when
// that is merged.

// InProgress reports whether p waits for an issuer outside.
func (p *Pending) InProgress() bool { return p != nil && p.Status == PendingInProgress }

// IsPending reports whether v is of a certificate that is not there: its operation is pending, or ended without it.
func (v *Version) IsPending() bool { return v.Kind == Certificates && len(v.Certificate) == 0 }

// Expected returns the attributes of a version that is not there yet, if it is asked for at now: nbf and exp as the
// certificate would have them if it were made at once (wire fact: those of a pending certificate).
func (p *CertificatePolicy) Expected(now time.Time) Attributes {
	return Attributes{NotBefore: now.UTC().Add(-backdate), Expires: addMonths(now.UTC(), p.X509.Months)}
}
