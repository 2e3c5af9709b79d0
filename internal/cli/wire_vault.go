package cli

import "time"

// vaultResource is a vault in Resource Manager.
type vaultResource struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Location   string            `json:"location"`
	Tags       map[string]string `json:"tags,omitempty"`
	Properties vaultProperties   `json:"properties"`
}

type vaultProperties struct {
	URI             string `json:"vaultUri,omitempty"`
	RBAC            bool   `json:"enableRbacAuthorization"`
	RetentionDays   int    `json:"softDeleteRetentionInDays,omitempty"`
	PurgeProtection bool   `json:"enablePurgeProtection,omitempty"`
	CreateMode      string `json:"createMode,omitempty"`
}

// deletedVault is one that waits for its end.
type deletedVault struct {
	ID         string                 `json:"id"`
	Name       string                 `json:"name"`
	Properties deletedVaultProperties `json:"properties"`
}

type deletedVaultProperties struct {
	VaultID         string    `json:"vaultId"`
	Location        string    `json:"location"`
	Deleted         time.Time `json:"deletionDate"`
	Purge           time.Time `json:"scheduledPurgeDate"`
	PurgeProtection bool      `json:"purgeProtectionEnabled"`
}

// vaultObject is a secret, key or certificate as the data plane shows it, alone or in a list.
type vaultObject struct {
	ID          string            `json:"id,omitempty"`  // of secrets and certificates
	KeyID       string            `json:"kid,omitempty"` // of keys in lists
	Value       *string           `json:"value,omitempty"`
	ContentType string            `json:"contentType,omitempty"`
	Key         *jwk              `json:"key,omitempty"`
	DER         []byte            `json:"cer,omitempty"`
	Thumbprint  string            `json:"x5t,omitempty"`
	Attributes  vaultAttributes   `json:"attributes"`
	Tags        map[string]string `json:"tags,omitempty"`
	Managed     bool              `json:"managed,omitempty"`
	Deleted     int64             `json:"deletedDate,omitempty"`
	Purge       int64             `json:"scheduledPurgeDate,omitempty"`
}

// vaultAttributes are times in seconds since 1970.
type vaultAttributes struct {
	Enabled   bool  `json:"enabled"`
	NotBefore int64 `json:"nbf,omitempty"`
	Expires   int64 `json:"exp,omitempty"`
	Created   int64 `json:"created,omitempty"`
	Updated   int64 `json:"updated,omitempty"`
}

// jwk is a key (RFC 7517); the private members are there when one is imported.
type jwk struct {
	ID         string   `json:"kid,omitempty"`
	Type       string   `json:"kty"`
	Curve      string   `json:"crv,omitempty"`
	Operations []string `json:"key_ops,omitempty"`
	N          string   `json:"n,omitempty"`
	E          string   `json:"e,omitempty"`
	X          string   `json:"x,omitempty"`
	Y          string   `json:"y,omitempty"`
	D          string   `json:"d,omitempty"`
	P          string   `json:"p,omitempty"`
	Q          string   `json:"q,omitempty"`
}

// vaultChange is what a command sends about an object; what is absent stays as it is.
type vaultChange struct {
	Value       *string           `json:"value,omitempty"`
	ContentType *string           `json:"contentType,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	Attributes  *attributesChange `json:"attributes,omitempty"`
	Type        string            `json:"kty,omitempty"`
	Size        int               `json:"key_size,omitempty"`
	Curve       string            `json:"crv,omitempty"`
	Operations  []string          `json:"key_ops,omitempty"`
	Key         *jwk              `json:"key,omitempty"`
	Password    string            `json:"pwd,omitempty"`
	Policy      *certPolicy       `json:"policy,omitempty"`
}

type attributesChange struct {
	Enabled   *bool  `json:"enabled,omitempty"`
	NotBefore *int64 `json:"nbf,omitempty"`
	Expires   *int64 `json:"exp,omitempty"`
}

// certPolicy is what certificate to make.
type certPolicy struct {
	Key     *certKey    `json:"key_props,omitempty"`
	Subject *certX509   `json:"x509_props"`
	Issuer  *certIssuer `json:"issuer"`
}

type certKey struct {
	Type  string `json:"kty"`
	Size  int    `json:"key_size,omitempty"`
	Curve string `json:"crv,omitempty"`
}

type certX509 struct {
	Subject string     `json:"subject,omitempty"`
	Months  int        `json:"validity_months,omitempty"`
	Names   *certNames `json:"sans,omitempty"`
}

type certNames struct {
	DNS []string `json:"dns_names,omitempty"`
}

type certIssuer struct {
	Name string `json:"name"`
}

// certPending is the operation that makes a certificate.
type certPending struct {
	Status  string `json:"status"`
	Details string `json:"status_details,omitempty"`
	Request []byte `json:"csr,omitempty"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// certMerge is what the issuer of a pending certificate has signed: the certificate and those above it.
type certMerge struct {
	Certificates [][]byte `json:"x5c"`
}

// vaultBlob is a backup.
type vaultBlob struct {
	Value string `json:"value"`
}

// keyUse is what is done with a key, and keyResult and keyVerdict what came out of it, in base64url.
type keyUse struct {
	Algorithm string `json:"alg"`
	Value     string `json:"value"`
	Digest    string `json:"digest,omitempty"`
}

type keyResult struct {
	KeyID string `json:"kid"`
	Value string `json:"value"`
}

type keyVerdict struct {
	Value bool `json:"value"`
}

// appliedManifest is a manifest with what it takes from where it was read.
type appliedManifest struct {
	Manifest string            `json:"manifest"`
	Values   map[string]string `json:"values"`
}

// accessEntry is one line of the access log of a vault (Inborn.Platform/accesses).
type accessEntry struct {
	At        time.Time `json:"at"`
	Caller    string    `json:"caller"`
	Principal string    `json:"principalId"`
	Operation string    `json:"operation"`
	Object    string    `json:"object,omitempty"`
	Status    int       `json:"status"`
	Reason    string    `json:"reason"`
	Request   string    `json:"requestId"`
}
