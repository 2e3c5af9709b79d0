package arm

import (
	"errors"
	"net/http"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/serve"
)

// shade is a wire code for a case that Resource Manager tells apart where Inborn has one code. It travels as the cause
// of the error; the status stays that of the code.
type shade string

// Error makes a shade a cause.
func (s shade) Error() string { return string(s) }

const (
	locationRequired          shade = "LocationRequired"
	invalidResourceLocation   shade = "InvalidResourceLocation"
	invalidResourceName       shade = "InvalidResourceName"
	missingIdentityIDs        shade = "MissingIdentityIds"
	invalidIdentityValues     shade = "InvalidIdentityValues"
	linkedAuthorizationFailed shade = "LinkedAuthorizationFailed"
)

// spelling is how Resource Manager says something; what is zero is said as for the kind.
type spelling struct {
	status int
	code   string
}

// byCode returns the spelling of codes that have one of their own (Resource Manager, common error codes).
func byCode(code apierr.Code) spelling {
	switch code {
	case apierr.TokenMissing:
		return spelling{code: "AuthenticationFailed"}
	case apierr.TokenExpired:
		return spelling{code: "ExpiredAuthenticationToken"}
	case apierr.TokenAudience:
		return spelling{code: "InvalidAuthenticationTokenAudience"}
	case apierr.TokenIssuer:
		return spelling{code: "InvalidAuthenticationTokenTenant"}
	case apierr.PermissionMissing:
		return spelling{code: "AuthorizationFailed"}
	case apierr.APIVersionMissing:
		return spelling{code: "MissingApiVersionParameter"}
	case apierr.APIVersionInvalid:
		return spelling{code: "InvalidApiVersionParameter"}
	case apierr.RequestMalformed:
		return spelling{code: "InvalidRequestContent"}
	case apierr.BodyTooLarge:
		return spelling{http.StatusRequestEntityTooLarge, "RequestEntityTooLarge"}
	case apierr.MethodNotAllowed:
		return spelling{http.StatusMethodNotAllowed, "HttpMethodNotAllowed"}
	case apierr.HostUnknown:
		return spelling{http.StatusMisdirectedRequest, "InvalidHost"}
	case apierr.QueryUnsupported:
		return spelling{code: "UnsupportedQuery"}
	case apierr.PathUnknown:
		return spelling{code: "InvalidResourceType"}
	case apierr.ResourceIDInvalid:
		return spelling{code: "InvalidResourceId"}
	case apierr.SubscriptionNotFound:
		return spelling{code: "SubscriptionNotFound"}
	case apierr.ResourceGroupNotFound:
		return spelling{code: "ResourceGroupNotFound"}
	case apierr.ResourceNotFound:
		return spelling{code: "ResourceNotFound"}
	case apierr.ParentNotFound:
		return spelling{code: "ParentResourceNotFound"}
	case apierr.IdentityToAssignNotFound:
		return spelling{code: "FailedIdentityOperation"}
	case apierr.ReferenceInvalid:
		return spelling{code: "InvalidResourceReference"}
	case apierr.ManifestInvalid:
		return spelling{code: "ManifestInvalid"}
	case apierr.ProviderNotRegistered:
		return spelling{code: "MissingSubscriptionRegistration"}
	case apierr.VaultDeleted:
		return spelling{code: "ConflictError"}
	case apierr.VaultNameTaken:
		return spelling{code: "VaultAlreadyExists"}
	default:
		return byRoleCode(code)
	}
}

// byRoleCode spells the refusals of Microsoft.Authorization and Microsoft.Management.
func byRoleCode(code apierr.Code) spelling {
	switch code {
	case apierr.RoleDefinitionDoesNotExist, apierr.RoleDefinitionNotFound:
		return spelling{code: "RoleDefinitionDoesNotExist"}
	case apierr.ConditionInvalid:
		return spelling{code: "InvalidCondition"}
	case apierr.RoleDefinitionWithSameNameExists, apierr.RoleDefinitionHasAssignments, apierr.RoleDefinitionUpdateNotPermitted,
		apierr.RoleAssignmentNotFound, apierr.RoleAssignmentExists, apierr.RoleAssignmentUpdateNotPermitted, apierr.LastOwnerAssignment,
		apierr.PrincipalNotFound, apierr.UnmatchedPrincipalType, apierr.DenyAssignmentNotFound,
		apierr.ManagementGroupNotFound, apierr.ManagementGroupNotEmpty, apierr.LockNotFound, apierr.ScopeLocked:
		return spelling{code: code.String()}
	default:
		return spelling{}
	}
}

// byKind returns the spelling of everything else.
func byKind(kind apierr.Kind) spelling {
	switch kind {
	case apierr.Invalid:
		return spelling{http.StatusBadRequest, "BadRequest"}
	case apierr.Unauthenticated:
		return spelling{http.StatusUnauthorized, "InvalidAuthenticationToken"}
	case apierr.Forbidden:
		return spelling{http.StatusForbidden, "Forbidden"}
	case apierr.NotFound:
		return spelling{http.StatusNotFound, "NotFound"}
	case apierr.Conflict:
		return spelling{http.StatusConflict, "Conflict"}
	case apierr.Precondition:
		return spelling{http.StatusPreconditionFailed, "PreconditionFailed"}
	case apierr.Throttled:
		return spelling{http.StatusTooManyRequests, "TooManyRequests"}
	case apierr.Unavailable:
		return spelling{http.StatusServiceUnavailable, "ServiceUnavailable"}
	default:
		return spelling{http.StatusInternalServerError, "InternalServerError"}
	}
}

func spellingOf(e *apierr.Error) spelling {
	s, fallback := byCode(e.Code), byKind(e.Kind)
	if s.status == 0 {
		s.status = fallback.status
	}
	if s.code == "" {
		s.code = fallback.code
	}
	var shade shade
	if errors.As(e.Err, &shade) {
		s.code = string(shade)
	}
	return s
}

// spell writes e in the error form of Resource Manager. Whatever would fix it stands in details, where az prints it.
func (a *api) spell(w http.ResponseWriter, r *http.Request, e *apierr.Error) int {
	s := spellingOf(e)
	body := errorWire{Error: errorBody{Code: s.code, Message: e.Message, Target: e.Target}}
	if e.Code == apierr.ProviderNotRegistered { // azcore registers the target of the first detail and tries again
		body.Error.Details = append(body.Error.Details, errorBody{Code: s.code, Message: e.Message, Target: e.Target})
	}
	if e.Help != "" && e.Code != apierr.PermissionMissing { // which tells what there is; the trace has it, for those who may see it
		body.Error.Details = append(body.Error.Details, errorBody{Code: "Help", Message: e.Help})
	}
	h := w.Header()
	h.Set("x-ms-failure-cause", "gateway")
	h.Set("x-ms-error-code", s.code)
	if s.status == http.StatusInternalServerError {
		body.Error.Message += " The request id is " + serve.RequestID(r).String() + "."
	}
	_ = serve.WriteJSON(w, s.status, body) // text only: it can always be encoded
	return s.status
}
