package graph

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

// firstPartyTenant is the tenant that Graph names as the owner of Microsoft's own applications ("Microsoft Services").
const firstPartyTenant = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"

type principal = *directory.ServicePrincipal

// principalKind is microsoft.graph.servicePrincipal (Graph v1.0 reference): applications and managed identities as
// principals of the tenant. What an application's principal shows of the application comes from there.
func principalKind() *kind[principal] {
	return &kind[principal]{
		name:       "servicePrincipal",
		set:        "servicePrincipals",
		properties: principalProperties(),
		find:       principalOfPath,
		walk:       byID((*state.Directory).ServicePrincipals),
		pinned: func(d *state.Directory, property, value string) []principal {
			id := parseID(value)
			switch {
			case property == "id":
				return one(visible(d)(id))
			case property == "appId", property == "servicePrincipalNames" && !id.IsZero(): // the other names are URIs
				return one(d.ServicePrincipalByAppID(id))
			case property == "displayName":
				return all(d.ServicePrincipalsNamed(value))
			}
			return nil
		},
		key:       func(sp principal) []byte { return sp.ID[:] },
		keyLength: len(guid.GUID{}),
	}
}

func principalProperties() []property[principal] {
	return slices.Concat(
		[]property[principal]{
			{field{name: "id", kind: kindID}, func(_ *state.Directory, sp principal) any { return sp.ID }},
			{field{name: "deletedDateTime", kind: kindNull}, nil},
			{field{name: "accountEnabled", kind: kindBool}, func(_ *state.Directory, sp principal) any { return sp.Enabled }},
			{field{name: "alternativeNames", kind: kindTexts}, func(_ *state.Directory, sp principal) any { return alternativeNames(sp) }},
			{field{name: "appDisplayName"}, func(d *state.Directory, sp principal) any {
				return ofApp(d, sp, nil, func(a *directory.Application) any { return a.DisplayName })
			}},
			{field{name: "appId", kind: kindID}, func(_ *state.Directory, sp principal) any { return sp.AppID }},
			{field{name: "appOwnerOrganizationId", kind: kindID}, func(d *state.Directory, sp principal) any {
				return ofApp(d, sp, nil, func(a *directory.Application) any { return ownerOf(d, a) })
			}},
			{field{name: "appRoleAssignmentRequired", kind: kindBool}, func(_ *state.Directory, sp principal) any { return sp.AssignmentRequired }},
			{field{name: "createdDateTime", kind: kindTime, order: true}, func(_ *state.Directory, sp principal) any { return sp.Created }},
			{field{name: "displayName", order: true}, func(_ *state.Directory, sp principal) any { return orNull(sp.DisplayName) }},
			{field{name: "servicePrincipalNames", kind: kindTexts}, func(d *state.Directory, sp principal) any { return principalNames(d, sp) }},
			{field{name: "servicePrincipalType"}, func(_ *state.Directory, sp principal) any { return sp.Type.String() }},
			{field{name: "signInAudience"}, func(d *state.Directory, sp principal) any { return ofApp(d, sp, nil, signInAudience) }},
			{field{name: "appRoles", kind: kindComplex}, func(d *state.Directory, sp principal) any {
				return ofApp(d, sp, []appRole{}, func(a *directory.Application) any { return appRoles(a) })
			}},
			fixed[principal]("info", kindComplex, informationalURLs{}),
			fixed[principal]("verifiedPublisher", kindComplex, verifiedPublisher{}),
		},
		nulls[principal]("appDescription", "applicationTemplateId", "createdByAppId", "description", "disabledByMicrosoftStatus",
			"homepage", "isDisabled", "loginUrl", "logoutUrl", "notes", "preferredSingleSignOnMode",
			"preferredTokenSigningKeyThumbprint", "samlSingleSignOnSettings", "tokenEncryptionKeyId"),
		empties[principal]("addIns", "keyCredentials", "notificationEmailAddresses", "oauth2PermissionScopes", "passwordCredentials",
			"replyUrls", "resourceSpecificApplicationPermissions", "tags"),
		hide(nulls[principal]("customSecurityAttributes")),
		[]property[principal]{
			{field{name: "publishedPermissionScopes", kind: kindTexts, beta: true}, func(*state.Directory, principal) any { return []string{} }},
		},
	)
}

// principalOfPath returns the service principal that a path begins with.
func principalOfPath(c *call) (principal, error) {
	return lookUp(c, visible(c.dir), c.dir.ServicePrincipalByAppID)
}

// visible finds service principals by object id, except the local administrator: it is a way in, not an object.
func visible(d *state.Directory) func(guid.GUID) (principal, bool) {
	return func(id guid.GUID) (principal, bool) {
		sp, ok := d.ServicePrincipal(id)
		return sp, ok && id != d.LocalAdministrator().ID
	}
}

// ofApp returns what value says of the application behind sp, or none for a managed identity.
func ofApp(d *state.Directory, sp principal, none any, value func(*directory.Application) any) any {
	if a, ok := d.AppOf(sp); ok {
		return value(a)
	}
	return none
}

func ownerOf(d *state.Directory, a *directory.Application) string {
	if a.FirstParty {
		return firstPartyTenant
	}
	return d.Tenant().ID.String()
}

func signInAudience(a *directory.Application) any {
	if a.FirstParty {
		return "AzureADMultipleOrgs"
	}
	return "AzureADMyOrg"
}

// alternativeNames says of a managed identity whether it was created explicitly, that is user-assigned, and what it
// belongs to (observed; az finds identities by it).
func alternativeNames(sp principal) []string {
	if sp.Type != directory.TypeManagedIdentity {
		return []string{}
	}
	explicit := "isExplicit=False"
	if sp.Explicit {
		explicit = "isExplicit=True"
	}
	return []string{explicit, resource.ID(sp.ResourceID).Issued()}
}

// principalNames returns the names under which tokens for sp can be asked for. A managed identity has a URL of its own
// beside the client id: 32 bytes in base64 that mean nothing (observed).
func principalNames(d *state.Directory, sp principal) []string {
	names := []string{sp.AppID.String()}
	if sp.Type == directory.TypeManagedIdentity {
		digest := sha256.Sum256(append([]byte("identity.azure.net"), sp.ID[:]...))
		return append(names, "https://identity.azure.net/"+base64.StdEncoding.EncodeToString(digest[:]))
	}
	if a, ok := d.AppOf(sp); ok {
		names = append(names, a.IdentifierURIs...)
	}
	return names
}
