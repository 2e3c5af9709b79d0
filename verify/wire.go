package verify

import (
	"encoding/json"
	"errors"
	"fmt"
)

// metadata is what we read of a discovery document (OpenID Connect Discovery 1.0, section 3).
type metadata struct {
	Issuer  string `json:"issuer"`
	KeysURL string `json:"jwks_uri"`
}

func readMetadata(body []byte) (metadata, error) {
	var doc metadata
	if err := json.Unmarshal(body, &doc); err != nil {
		return metadata{}, fmt.Errorf("not readable as JSON: %w", err)
	}
	if doc.Issuer == "" || doc.KeysURL == "" {
		return metadata{}, errors.New("issuer or jwks_uri is missing")
	}
	return doc, nil
}

// refusal is the body of an answer that refuses a request.
type refusal struct {
	Error   string `json:"error,omitempty"` // as in WWW-Authenticate
	Code    string `json:"code"`
	Message string `json:"message"`
}
