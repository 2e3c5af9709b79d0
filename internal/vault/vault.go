// Package vault holds what a key vault keeps and decides what may be done with it: secrets, keys and certificates with their
// versions, attributes, policies and life cycle, and the cryptography of keys. It is pure but for the algorithms of crypto:
// it knows no clock, stores nothing and speaks no protocol.
//
//	object    a named secret, key or certificate; what all its versions share
//	version   one value of it, with attributes of its own; the newest one is what a name without version means
//	half      the secret half of a version, which never is part of it: a secret's value, or a private key as PKCS #8 in DER.
//	          Whoever stores versions keeps the halves encrypted elsewhere
//	managed   said of the key and the secret that come with each certificate and have its name
//
// What is refused is an apierr; the wire API spells it. Nothing secret is in any error's text.
package vault

import (
	"time"

	"github.com/inborn-id/inborn/internal/resource"
)

// Object is a named secret, key or certificate of a vault: the head of its versions.
type Object struct {
	Vault   resource.ID
	Kind    Kind
	Name    string // as created; compared by NameKey
	Current string // id of the newest version
	Created time.Time

	Deleted time.Time // zero: it is not
	Purge   time.Time // when a deleted one ends for good
	Due     time.Time // when a new version is to be made; zero for never

	Managed  bool               // a key or secret that belongs to the certificate of the same name
	Rotation *RotationPolicy    // of keys; nil: DefaultRotation
	Policy   *CertificatePolicy // of certificates
	Pending  *Pending           // of certificates: the operation that makes the next version; nil: none, or its end was deleted
	Told     string             // of certificates: the version of whose end the contacts were told
}

// IsDeleted reports whether the object is deleted and waits for its end, so that it can only be recovered or purged.
func (o *Object) IsDeleted() bool { return !o.Deleted.IsZero() }

// IsOver reports whether a deleted object has ended by itself at now.
func (o *Object) IsOver(now time.Time) bool { return o.IsDeleted() && !now.Before(o.Purge) }

// Version is one version of an object. Its half is not part of it.
type Version struct {
	Vault resource.ID
	Kind  Kind
	Name  string
	ID    string // 32 digits of hexadecimal
	Attributes

	ContentType string // of secrets; of the secret that belongs to a certificate its form, PKCS #12 or PEM
	Tags        map[string]string
	Key         *PublicKey // of keys and certificates
	Certificate []byte     // DER; of certificates
	Chain       [][]byte   // DER; of certificates: the issuers above, the nearest first
	Managed     bool       // as in Object
}

// Pending is the operation that makes the next version of a certificate. For an issuer outside it waits until the signed
// certificate is merged; otherwise it is done as soon as it begins.
type Pending struct {
	ID        string // request id, 32 digits of hexadecimal
	Version   string // that is made
	Issuer    string
	Request   []byte     // certificate signing request, PKCS #10 in DER
	Key       *PublicKey // of the version that is made; its half is stored under that version
	Status    string     // PendingInProgress and so on
	Message   string     // why it failed
	Cancel    bool       // cancellation was asked for
	Requested time.Time
	Disabled  bool // the version that is made is not enabled
}

// The states of a Pending (wire fact: the status of a certificate operation).
const (
	PendingInProgress = "inProgress"
	PendingCompleted  = "completed"
	PendingCancelled  = "cancelled"
	PendingFailed     = "failed"
)

// Contacts are whom the vault's certificate life cycle concerns. There is one of them for a vault.
type Contacts struct {
	Vault resource.ID
	List  []Contact
}

// Contact is one person.
type Contact struct{ Email, Name, Phone string }

// Issuer is a certificate issuer that a vault knows by name. Certificates of one whose provider is not here wait for a
// merge.
type Issuer struct {
	Vault        resource.ID
	Name         string
	Provider     string
	Account      string // its password is a half
	Organization string // its id at the provider
	Admins       []Administrator
	Enabled      bool
	Created      time.Time
	Updated      time.Time
}

// Administrator is whom a provider may call.
type Administrator struct{ FirstName, LastName, Email, Phone string }
