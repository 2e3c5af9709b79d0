package imds

import (
	"net/http"

	"github.com/inborn-id/inborn/internal/apierr"
)

// spelling is how a refusal is written. The status is the same in all forms.
type spelling struct {
	status     int
	word       string // IMDS identity endpoints: the member error
	text       string // IMDS identity endpoints: the member error_description; empty: the message of the error
	appService string // App Service: the member message; empty: text
	aadsts     int    // the number of the token service's own error, whose body IMDS passes through; 0: not one of those
	retry      string // Retry-After in seconds; empty: none
}

const (
	identityNotFound  = "Identity not found"
	noIdentity        = "No Managed Identity found for specified ClientId/ResourceId/PrincipalId."
	severalIdentities = "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request"
)

// spell finds the spelling of a code, or else that of its kind. Sources: section A.4 and B.2 of the wire specification;
// rule R7 for the statuses, which must not make a client try again what cannot succeed.
func spell(e *apierr.Error) spelling {
	switch e.Code {
	case apierr.MetadataHeaderMissing:
		return spelling{status: http.StatusBadRequest, word: "bad_request_102", text: "Required metadata header not specified"}
	case apierr.CallerNotDirect, apierr.HostUnknown:
		return spelling{status: http.StatusBadRequest, word: "bad_request"}
	case apierr.MethodNotAllowed:
		return spelling{status: http.StatusMethodNotAllowed, word: "method_not_allowed"}
	case apierr.PathUnknown:
		return spelling{status: http.StatusNotFound, word: "not_found"}
	case apierr.IdentityNotFound, apierr.WorkloadUnknown:
		return spelling{status: http.StatusBadRequest, word: "invalid_request", text: identityNotFound, appService: noIdentity}
	case apierr.IdentityAmbiguous:
		return spelling{status: http.StatusBadRequest, word: "invalid_request", text: severalIdentities}
	case apierr.AudienceUnknown:
		return spelling{status: http.StatusBadRequest, word: "invalid_resource", aadsts: 500011}
	case apierr.AudienceDisabled:
		return spelling{status: http.StatusBadRequest, word: "invalid_resource", aadsts: 500014}
	case apierr.RoleRequired:
		return spelling{status: http.StatusBadRequest, word: "invalid_grant", aadsts: 501051}
	case apierr.CallerUnknown:
		return spelling{status: http.StatusBadRequest, word: "unauthorized_client", aadsts: 7000112}
	case apierr.TenantUnknown:
		return spelling{status: http.StatusBadRequest, word: "invalid_request", aadsts: 90002}
	}
	return byKind(e.Kind)
}

func byKind(k apierr.Kind) spelling {
	switch k {
	case apierr.Invalid, apierr.NotFound, apierr.Conflict, apierr.Precondition:
		return spelling{status: http.StatusBadRequest, word: "invalid_request"}
	case apierr.Unauthenticated:
		return spelling{status: http.StatusUnauthorized, word: "unauthorized_client"}
	case apierr.Forbidden:
		return spelling{status: http.StatusForbidden, word: "access_denied"}
	case apierr.Throttled:
		return spelling{status: http.StatusTooManyRequests, word: "too_many_requests", retry: "1"}
	case apierr.Unavailable:
		return spelling{status: http.StatusServiceUnavailable, word: "service_unavailable", retry: "1"}
	default:
		return spelling{status: http.StatusInternalServerError, word: "server_error"}
	}
}
