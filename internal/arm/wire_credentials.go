package arm

import (
	"strings"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/resource"
)

// credentialWire is a federated identity credential (Microsoft.ManagedIdentity, 2024-11-30), both ways.
type credentialWire struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Type       string          `json:"type"`
	Properties credentialProps `json:"properties"`
}

type credentialProps struct {
	Issuer    string   `json:"issuer"`
	Subject   string   `json:"subject"`
	Audiences []string `json:"audiences"`
}

func credentialOut(identity resource.ID, f *directory.FederatedCredential) credentialWire {
	return credentialWire{ID: string(identity) + "/federatedIdentityCredentials/" + f.Name, Name: f.Name, Type: typeCredential,
		Properties: credentialProps{Issuer: f.Issuer, Subject: f.Subject, Audiences: f.Audiences}}
}

func lower(s string) string { return strings.ToLower(s) }
