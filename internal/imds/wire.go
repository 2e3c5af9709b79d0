package imds

import "github.com/inborn-id/inborn/internal/guid"

// identityFailure is a refusal by the identity endpoints of IMDS, in the form of OAuth.
type identityFailure struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// tokenServiceFailure is a refusal by the token service, which IMDS passes through.
type tokenServiceFailure struct {
	Error       string    `json:"error"`
	Description string    `json:"error_description"`
	Codes       []int     `json:"error_codes"`
	Timestamp   string    `json:"timestamp"`
	Trace       guid.GUID `json:"trace_id"`
	Correlation guid.GUID `json:"correlation_id"`
	URI         string    `json:"error_uri"`
}

// metadataFailure is a refusal by the rest of IMDS.
type metadataFailure struct {
	Error string `json:"error"`
}

// appServiceFailure is a refusal by the endpoint of App Service.
type appServiceFailure struct {
	Status      int       `json:"statusCode"`
	Message     string    `json:"message"`
	Correlation guid.GUID `json:"correlationId"`
}

type infoBody struct {
	Tenant guid.GUID `json:"tenantId"`
}

type versionsBody struct {
	Versions []string `json:"apiVersions"`
}
