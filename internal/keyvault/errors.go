package keyvault

import (
	"errors"
	"net/http"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/vault"
)

// spelling is how the service says one thing. The inner code is the one that tells most.
type spelling struct {
	status int
	code   string
	inner  string
}

// spellings is from the reference of the data plane and from error bodies that its clients are written against.
var spellings = map[apierr.Code]spelling{
	apierr.PermissionMissing:     {http.StatusForbidden, "Forbidden", "ForbiddenByRbac"},
	apierr.SecretDisabled:        {http.StatusForbidden, "Forbidden", "SecretDisabled"},
	apierr.KeyDisabled:           {http.StatusForbidden, "Forbidden", "KeyDisabled"},
	apierr.KeyNotYetValid:        {http.StatusForbidden, "Forbidden", "KeyNotYetValid"},
	apierr.KeyExpired:            {http.StatusForbidden, "Forbidden", "KeyExpired"},
	apierr.KeyOperationForbidden: {http.StatusForbidden, "Forbidden", "KeyOperationForbidden"},
	apierr.PurgeProtected:        {http.StatusForbidden, "Forbidden", "PurgeProtectionEnabled"},
	apierr.VaultObjectManaged:    {http.StatusForbidden, "Forbidden", "SecretManagedByKeyVault"},
	apierr.VaultObjectNotFound:   {http.StatusNotFound, "SecretNotFound", ""},
	apierr.VaultObjectDeleted:    {http.StatusConflict, "Conflict", "ObjectIsDeletedButRecoverable"},
	apierr.VaultObjectExists:     {http.StatusConflict, "Conflict", ""},
	apierr.PendingExists:         {http.StatusConflict, "Forbidden", ""},
	apierr.PendingNotFound:       {http.StatusNotFound, "PendingCertificateNotFound", ""},
	apierr.IssuerNotFound:        {http.StatusNotFound, "CertificateIssuerNotFound", ""},
	apierr.ContactsNotFound:      {http.StatusNotFound, "ContactsNotFound", ""},
	apierr.PendingOver:           {http.StatusForbidden, "Forbidden", ""},
	apierr.BodyTooLarge:          {http.StatusRequestEntityTooLarge, "BadParameter", ""},
	apierr.MethodNotAllowed:      {http.StatusMethodNotAllowed, "BadParameter", ""},
}

// byKind is for codes that have no row of their own.
var byKind = map[apierr.Kind]spelling{
	apierr.Internal:        {http.StatusInternalServerError, "InternalServerError", ""},
	apierr.Invalid:         {http.StatusBadRequest, "BadParameter", ""},
	apierr.Unauthenticated: {http.StatusUnauthorized, "Unauthorized", ""},
	apierr.Forbidden:       {http.StatusForbidden, "Forbidden", "AccessDenied"},
	apierr.NotFound:        {http.StatusNotFound, "NotFound", ""},
	apierr.Conflict:        {http.StatusConflict, "Conflict", ""},
	apierr.Precondition:    {http.StatusPreconditionFailed, "PreconditionFailed", ""},
	apierr.Throttled:       {http.StatusTooManyRequests, "Throttled", ""},
	apierr.Unavailable:     {http.StatusServiceUnavailable, "ServiceUnavailable", ""},
}

// Causes that choose between several spellings of one code.
var (
	errVault       = errors.New("the vault does not exist")
	errPolicy      = errors.New("access policies decide")
	errKey         = errors.New("it is a key")
	errCertificate = errors.New("it is a certificate")
)

// kindError is the cause by which a refusal shows what kind of object it is about.
func kindError(kind vault.Kind) error {
	switch kind {
	case vault.Keys:
		return errKey
	case vault.Certificates:
		return errCertificate
	default:
		return nil
	}
}

// title is the kind's word for one, as names of codes begin.
func title(kind vault.Kind) string {
	switch kind {
	case vault.Keys:
		return "Key"
	case vault.Certificates:
		return "Certificate"
	default:
		return "Secret"
	}
}

func spellingOf(e *apierr.Error) spelling {
	s, ok := spellings[e.Code]
	if !ok {
		s = byKind[e.Kind]
	}
	return s
}

// spell writes e as Key Vault does.
func spell(w http.ResponseWriter, _ *http.Request, e *apierr.Error) int {
	s := spellingOf(e)
	switch {
	case errors.Is(e.Err, errVault):
		s.code = "VaultNotFound"
	case errors.Is(e.Err, errPolicy):
		s.inner = "ForbiddenByPolicy"
	case errors.Is(e.Err, errKey) && e.Code == apierr.VaultObjectManaged:
		s.inner = "KeyManagedByKeyVault"
	case errors.Is(e.Err, errKey):
		s.code = "KeyNotFound"
	case errors.Is(e.Err, errCertificate):
		s.code = "CertificateNotFound"
	}
	body := failureWire{Error: failure{Code: s.code, Message: e.Message}}
	if s.inner != "" {
		body.Error.Inner = &innerFailure{Code: s.inner}
	}
	_ = serve.WriteJSON(w, s.status, body) // a failure always has a JSON form
	return s.status
}
