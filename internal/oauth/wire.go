package oauth

import "github.com/inborn-id/inborn/internal/guid"

// configuration is the discovery document (OpenID Connect Discovery 1.0, section 3, with the additions of Entra).
type configuration struct {
	Token             string   `json:"token_endpoint"`
	JWKS              string   `json:"jwks_uri"`
	ResponseModes     []string `json:"response_modes_supported"`
	SubjectTypes      []string `json:"subject_types_supported"`
	SigningAlgorithms []string `json:"id_token_signing_alg_values_supported"`
	ResponseTypes     []string `json:"response_types_supported"`
	Issuer            string   `json:"issuer"`
	RequestURI        bool     `json:"request_uri_parameter_supported"`
	UserInfo          string   `json:"userinfo_endpoint"`
	Authorization     string   `json:"authorization_endpoint"`
	Device            string   `json:"device_authorization_endpoint"`
	RegionScope       string   `json:"tenant_region_scope"`
}

// instances is the answer of instance discovery.
type instances struct {
	Document string             `json:"tenant_discovery_endpoint"`
	Version  string             `json:"api-version"`
	Metadata []instanceMetadata `json:"metadata"`
}

// instanceMetadata is one cloud: where to send requests, under which name to cache tokens, and all its names.
type instanceMetadata struct {
	Network string   `json:"preferred_network"`
	Cache   string   `json:"preferred_cache"`
	Aliases []string `json:"aliases"`
}

// realmWire is the answer of the user realm. Its readers want all of it when the account is managed.
type realmWire struct {
	Version  string `json:"ver"`
	Account  string `json:"account_type"`
	Domain   string `json:"domain_name,omitempty"`
	Instance string `json:"cloud_instance_name"`
	Audience string `json:"cloud_audience_urn"`
}

// failure is an error of the token service (RFC 6749, section 5.2, with the additions of Entra). error_codes are numbers
// because clients decode them as such.
type failure struct {
	Error         string    `json:"error"`
	Description   string    `json:"error_description"`
	Codes         []int     `json:"error_codes"`
	Timestamp     string    `json:"timestamp"`
	TraceID       guid.GUID `json:"trace_id"`
	CorrelationID guid.GUID `json:"correlation_id"`
	URI           string    `json:"error_uri"`
}
