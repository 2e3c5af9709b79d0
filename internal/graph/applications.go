package graph

import (
	"slices"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/state"
)

// applicationKind is microsoft.graph.application (Graph v1.0 reference): what the tenant itself has registered.
// First-party applications and managed identities have service principals only.
func applicationKind() *kind[*directory.Application] {
	type app = *directory.Application
	return &kind[app]{
		name: "application",
		set:  "applications",
		properties: slices.Concat(
			[]property[app]{
				{field{name: "id", kind: kindID}, func(_ *state.Directory, a app) any { return a.ID }},
				{field{name: "deletedDateTime", kind: kindNull}, nil},
				{field{name: "appId", kind: kindID}, func(_ *state.Directory, a app) any { return a.AppID }},
				{field{name: "displayName", order: true}, func(_ *state.Directory, a app) any { return orNull(a.DisplayName) }},
				{field{name: "createdDateTime", kind: kindTime, order: true}, func(_ *state.Directory, a app) any { return a.Created }},
				{field{name: "identifierUris", kind: kindTexts}, func(_ *state.Directory, a app) any { return texts(a.IdentifierURIs) }},
				{field{name: "appRoles", kind: kindComplex}, func(_ *state.Directory, a app) any { return appRoles(a) }},
				{field{name: "api", kind: kindComplex}, func(_ *state.Directory, a app) any { return apiOf(a) }},
				{field{name: "publisherDomain"}, func(d *state.Directory, _ app) any { return d.Tenant().Name }},
				fixed[app]("signInAudience", kindText, "AzureADMyOrg"),
			},
			[]property[app]{
				fixed[app]("info", kindComplex, informationalURLs{}),
				fixed[app]("parentalControlSettings", kindComplex, parentalControl{CountriesBlocked: []string{}, LegalAgeRule: "Allow"}),
				fixed[app]("publicClient", kindComplex, redirects{RedirectURIs: []string{}}),
				fixed[app]("spa", kindComplex, redirects{RedirectURIs: []string{}}),
				fixed[app]("verifiedPublisher", kindComplex, verifiedPublisher{}),
				fixed[app]("web", kindComplex, webSettings{RedirectURIs: []string{}, RedirectURISettings: []string{}}),
			},
			empties[app]("addIns", "keyCredentials", "passwordCredentials", "requiredResourceAccess", "tags"),
			nulls[app]("applicationTemplateId", "certification", "createdByAppId", "defaultRedirectUri", "description",
				"disabledByMicrosoftStatus", "groupMembershipClaims", "isDeviceOnlyAuthSupported", "isFallbackPublicClient",
				"nativeAuthenticationApisEnabled", "notes", "optionalClaims", "requestSignatureVerification", "samlMetadataUrl",
				"serviceManagementReference", "servicePrincipalLockConfiguration", "tokenEncryptionKeyId", "uniqueName"),
			hide(nulls[app]("isDisabled")),
			hide(empties[app]("managerApplications")),
			[]property[app]{
				{field{name: "oauth2RequirePostResponse", kind: kindBool, beta: true}, func(*state.Directory, app) any { return false }},
				{field{name: "authenticationBehaviors", kind: kindNull, beta: true, hidden: true}, nil},
			},
		),
		find: func(c *call) (app, error) { return lookUp(c, c.dir.Application, ownApplication(c.dir)) },
		walk: byID((*state.Directory).Applications),
		pinned: func(d *state.Directory, property, value string) []app {
			switch property {
			case "id":
				return one(d.Application(parseID(value)))
			case "appId":
				return one(ownApplication(d)(parseID(value)))
			case "displayName":
				return all(d.ApplicationsNamed(value))
			}
			return nil
		},
		key:       func(a app) []byte { return a.ID[:] },
		keyLength: len(guid.GUID{}),
	}
}

// ownApplication finds the tenant's own applications by client id.
func ownApplication(d *state.Directory) func(guid.GUID) (*directory.Application, bool) {
	return func(appID guid.GUID) (*directory.Application, bool) {
		a, ok := d.ApplicationByAppID(appID)
		return a, ok && !a.FirstParty
	}
}

func apiOf(a *directory.Application) apiSettings {
	settings := apiSettings{KnownClientApplications: []string{}, OAuth2PermissionScopes: []string{}, PreAuthorizedApplications: []string{}}
	if a.TokenVersion != 0 {
		settings.RequestedAccessTokenVersion = &a.TokenVersion
	}
	return settings
}

// texts returns a list that is never null.
func texts(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
