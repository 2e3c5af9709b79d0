package graph

import (
	"net/http"
	"path"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/serve"
)

// spelling is how Graph says one thing. Programs match the code and, because the codes are few, the message, too.
type spelling struct {
	status  int
	code    string
	message string // "%s" is the error's target; "" is the error's own message
}

// spellings is from the Graph error reference and from bodies that clients are written against (azuread provider, az).
var spellings = map[apierr.Code]spelling{
	apierr.TokenMissing:      {http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token is empty."},
	apierr.TokenMalformed:    {http.StatusUnauthorized, "InvalidAuthenticationToken", "CompactToken parsing failed with error code: 80049217"},
	apierr.TokenAudience:     {http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token validation failure. Invalid audience."},
	apierr.TokenIssuer:       {http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token validation failure. Invalid issuer."},
	apierr.TokenSignature:    {http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token validation failure. Invalid signature."},
	apierr.TokenExpired:      {http.StatusUnauthorized, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired."},
	apierr.TokenNotYetValid:  {http.StatusUnauthorized, "InvalidAuthenticationToken", "Lifetime validation failed, the token is not yet valid."},
	apierr.CallerUnknown:     {http.StatusUnauthorized, "Authorization_IdentityNotFound", "The identity of the calling application could not be established."},
	apierr.PermissionMissing: {http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."},
	apierr.ManagedElsewhere:  {http.StatusForbidden, "Authorization_RequestDenied", ""},

	apierr.ObjectNotFound: {http.StatusNotFound, "Request_ResourceNotFound",
		"Resource '%s' does not exist or one of its queried reference-property objects are not present."},
	apierr.AssignmentExists: {http.StatusBadRequest, "Request_BadRequest", "Permission being assigned already exists on the object"},
	apierr.AppRoleUnknown:   {http.StatusBadRequest, "Request_BadRequest", "Permission being assigned was not found on application '%s'."},
	apierr.ReferenceInvalid: {http.StatusBadRequest, "Request_BadRequest", "Not a valid reference update."},
	apierr.QueryUnsupported: {http.StatusBadRequest, "Request_UnsupportedQuery", ""},

	apierr.RequestMalformed: {http.StatusBadRequest, "BadRequest", ""},
	apierr.PathUnknown:      {http.StatusBadRequest, "BadRequest", "Resource not found for the segment '%s'."},
	apierr.MethodNotAllowed: {http.StatusMethodNotAllowed, "Request_BadRequest", "Specified HTTP method is not allowed for the request target."},
	apierr.BodyTooLarge:     {http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", ""},
}

// byKind is for codes that have no row of their own.
var byKind = map[apierr.Kind]spelling{
	apierr.Internal:        {http.StatusInternalServerError, "InternalServerError", ""},
	apierr.Invalid:         {http.StatusBadRequest, "Request_BadRequest", ""},
	apierr.Unauthenticated: {http.StatusUnauthorized, "InvalidAuthenticationToken", ""},
	apierr.Forbidden:       {http.StatusForbidden, "Authorization_RequestDenied", ""},
	apierr.NotFound:        {http.StatusNotFound, "Request_ResourceNotFound", ""},
	apierr.Conflict:        {http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue", ""},
	apierr.Precondition:    {http.StatusPreconditionFailed, "PreconditionFailed", ""},
	apierr.Throttled:       {http.StatusTooManyRequests, "TooManyRequests", ""},
	apierr.Unavailable:     {http.StatusServiceUnavailable, "ServiceUnavailable", ""},
}

// spell writes e as Graph does.
func (h *Handler) spell(w http.ResponseWriter, r *http.Request, e *apierr.Error) int {
	s, ok := spellings[e.Code]
	if !ok {
		s = byKind[e.Kind]
	}
	if s.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="", client_id="00000003-0000-0000-c000-000000000000"`)
	}
	w.Header().Set("Content-Type", "application/json")
	body := failureBody{Error: failure{
		Code:    s.code,
		Message: s.words(e),
		Inner: innerError{
			Date:            h.Now().UTC().Format("2006-01-02T15:04:05"),
			RequestID:       serve.RequestID(r).String(),
			ClientRequestID: clientRequestID(r),
		},
	}}
	_ = serve.WriteJSON(w, s.status, body) // a failure always has a JSON form
	return s.status
}

func (s spelling) words(e *apierr.Error) string {
	target := e.Target
	if e.Code == apierr.PathUnknown {
		target = path.Base(target) // Graph names the segment, not the path
	}
	if s.message == "" {
		return e.Message
	}
	return strings.Replace(s.message, "%s", target, 1)
}
