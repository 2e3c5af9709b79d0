package vault

import "strings"

// Permission is one operation of the data plane, as something that is allowed or not. A role allows it by its data action,
// an access policy by one of its words.
type Permission uint8

// The permissions. Names are the kind and the operation; a deleted object and a version are read with permissions of the
// object's kind, too.
const (
	SecretsGet Permission = iota + 1
	SecretsList
	SecretsSet
	SecretsUpdate
	SecretsDelete
	SecretsGetDeleted
	SecretsRecover
	SecretsBackup
	SecretsRestore
	SecretsPurge

	KeysGet
	KeysList
	KeysCreate
	KeysImport
	KeysUpdate
	KeysDelete
	KeysRecover
	KeysBackup
	KeysRestore
	KeysPurge
	KeysEncrypt
	KeysDecrypt
	KeysWrap
	KeysUnwrap
	KeysSign
	KeysVerify
	KeysRotate
	KeysGetRotationPolicy
	KeysSetRotationPolicy

	CertificatesGet
	CertificatesList
	CertificatesCreate
	CertificatesImport
	CertificatesUpdate
	CertificatesDelete
	CertificatesRecover
	CertificatesBackup
	CertificatesRestore
	CertificatesPurge
	CertificatesManageContacts
	CertificatesGetIssuers
	CertificatesListIssuers
	CertificatesSetIssuers
	CertificatesDeleteIssuers

	permissionEnd
)

// permissions says of each what it is called in roles and in access policies (wire facts: the data actions of
// Microsoft.KeyVault; the permissions that the reference of each operation of the data plane names). A data action is
// written without its namespace and vaults/.
var permissions = [permissionEnd]struct {
	kind   Kind
	action string
	words  string // any of them
}{
	SecretsGet:        {Secrets, "secrets/getSecret/action", "get"},
	SecretsList:       {Secrets, "secrets/readMetadata/action", "list"},
	SecretsSet:        {Secrets, "secrets/setSecret/action", "set"},
	SecretsUpdate:     {Secrets, "secrets/update/action", "set"},
	SecretsDelete:     {Secrets, "secrets/delete", "delete"},
	SecretsGetDeleted: {Secrets, "secrets/readMetadata/action", "get"}, // it comes without its value
	SecretsRecover:    {Secrets, "secrets/recover/action", "recover"},
	SecretsBackup:     {Secrets, "secrets/backup/action", "backup"},
	SecretsRestore:    {Secrets, "secrets/restore/action", "restore"},
	SecretsPurge:      {Secrets, "secrets/purge/action", "purge"},

	KeysGet:               {Keys, "keys/read", "get"},
	KeysList:              {Keys, "keys/read", "list"},
	KeysCreate:            {Keys, "keys/create/action", "create"},
	KeysImport:            {Keys, "keys/import/action", "import"},
	KeysUpdate:            {Keys, "keys/update/action", "update"},
	KeysDelete:            {Keys, "keys/delete", "delete"},
	KeysRecover:           {Keys, "keys/recover/action", "recover"},
	KeysBackup:            {Keys, "keys/backup/action", "backup"},
	KeysRestore:           {Keys, "keys/restore/action", "restore"},
	KeysPurge:             {Keys, "keys/purge/action", "purge"},
	KeysEncrypt:           {Keys, "keys/encrypt/action", "encrypt"},
	KeysDecrypt:           {Keys, "keys/decrypt/action", "decrypt"},
	KeysWrap:              {Keys, "keys/wrap/action", "wrapKey"},
	KeysUnwrap:            {Keys, "keys/unwrap/action", "unwrapKey"},
	KeysSign:              {Keys, "keys/sign/action", "sign"},
	KeysVerify:            {Keys, "keys/verify/action", "verify"},
	KeysRotate:            {Keys, "keys/rotate/action", "rotate"},
	KeysGetRotationPolicy: {Keys, "keyrotationpolicies/read", "getRotationPolicy"},
	KeysSetRotationPolicy: {Keys, "keyrotationpolicies/write", "setRotationPolicy"},

	CertificatesGet:            {Certificates, "certificates/read", "get"},
	CertificatesList:           {Certificates, "certificates/read", "list"},
	CertificatesCreate:         {Certificates, "certificates/create/action", "create"}, // and merge
	CertificatesImport:         {Certificates, "certificates/import/action", "import"},
	CertificatesUpdate:         {Certificates, "certificates/update/action", "update"}, // and its policy and pending operation
	CertificatesDelete:         {Certificates, "certificates/delete", "delete"},
	CertificatesRecover:        {Certificates, "certificates/recover/action", "recover"},
	CertificatesBackup:         {Certificates, "certificates/backup/action", "backup"},
	CertificatesRestore:        {Certificates, "certificates/restore/action", "restore"},
	CertificatesPurge:          {Certificates, "certificates/purge/action", "purge"},
	CertificatesManageContacts: {Certificates, "certificatecontacts/write", "manageContacts"},
	CertificatesGetIssuers:     {Certificates, "certificatecas/read", "getIssuers manageIssuers"},
	CertificatesListIssuers:    {Certificates, "certificatecas/read", "listIssuers manageIssuers"},
	CertificatesSetIssuers:     {Certificates, "certificatecas/write", "setIssuers manageIssuers"},
	CertificatesDeleteIssuers:  {Certificates, "certificatecas/delete", "deleteIssuers manageIssuers"},
}

// Permissions lists all permissions.
func Permissions() []Permission {
	all := make([]Permission, 0, permissionEnd-1)
	for p := SecretsGet; p < permissionEnd; p++ {
		all = append(all, p)
	}
	return all
}

// Kind returns the kind of things that p is for.
func (p Permission) Kind() Kind { return permissions[p].kind }

// DataAction returns what roles call p, such as Microsoft.KeyVault/vaults/secrets/getSecret/action.
func (p Permission) DataAction() string { return "Microsoft.KeyVault/vaults/" + permissions[p].action }

// Word returns what access policies call p, such as wrapKey.
func (p Permission) Word() string {
	word, _, _ := strings.Cut(permissions[p].words, " ")
	return word
}

// String returns kind and word, as the service's reference does: keys/wrapKey.
func (p Permission) String() string { return string(p.Kind()) + "/" + p.Word() }

// in reports whether the words of an access policy, in any case, hold one of p or "all".
func (p Permission) in(words []string) bool {
	for _, word := range words {
		if strings.EqualFold(word, "all") {
			return true
		}
		for one := range strings.FieldsSeq(permissions[p].words) {
			if strings.EqualFold(word, one) {
				return true
			}
		}
	}
	return false
}
