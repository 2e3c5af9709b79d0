package graph

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
)

// failureBody is an error of Graph (Microsoft Graph error responses and resource types).
type failureBody struct {
	Error failure `json:"error"`
}

type failure struct {
	Code    string     `json:"code"`
	Message string     `json:"message"`
	Inner   innerError `json:"innerError"`
}

type innerError struct {
	Date            string `json:"date"` // UTC, without a zone
	RequestID       string `json:"request-id"`
	ClientRequestID string `json:"client-request-id"`
}

// appRole is one element of appRoles.
type appRole struct {
	AllowedMemberTypes []string  `json:"allowedMemberTypes"`
	Description        string    `json:"description"`
	DisplayName        string    `json:"displayName"`
	ID                 guid.GUID `json:"id"`
	IsEnabled          bool      `json:"isEnabled"`
	Origin             string    `json:"origin"`
	Value              string    `json:"value"`
}

func appRoles(a *directory.Application) []appRole {
	roles := make([]appRole, 0, len(a.AppRoles))
	for _, r := range a.AppRoles {
		members := []string{}
		if r.AllowedMembers&directory.MemberUser != 0 {
			members = append(members, "User")
		}
		if r.AllowedMembers&directory.MemberApplication != 0 {
			members = append(members, "Application")
		}
		roles = append(roles, appRole{AllowedMemberTypes: members, Description: r.Description, DisplayName: r.DisplayName,
			ID: r.ID, IsEnabled: r.Enabled, Origin: "Application", Value: r.Value})
	}
	return roles
}

// The complex properties of an application that Inborn keeps nothing of. They are never null, since clients look into
// them without asking.
type (
	apiSettings struct {
		AcceptMappedClaims          *bool    `json:"acceptMappedClaims"`
		KnownClientApplications     []string `json:"knownClientApplications"`
		RequestedAccessTokenVersion *int     `json:"requestedAccessTokenVersion"`
		OAuth2PermissionScopes      []string `json:"oauth2PermissionScopes"`
		PreAuthorizedApplications   []string `json:"preAuthorizedApplications"`
	}
	webSettings struct {
		HomePageURL         *string          `json:"homePageUrl"`
		LogoutURL           *string          `json:"logoutUrl"`
		RedirectURIs        []string         `json:"redirectUris"`
		Implicit            implicitSettings `json:"implicitGrantSettings"`
		RedirectURISettings []string         `json:"redirectUriSettings"`
	}
	implicitSettings struct {
		AccessToken bool `json:"enableAccessTokenIssuance"`
		IDToken     bool `json:"enableIdTokenIssuance"`
	}
	redirects struct {
		RedirectURIs []string `json:"redirectUris"`
	}
	informationalURLs struct {
		LogoURL             *string `json:"logoUrl"`
		MarketingURL        *string `json:"marketingUrl"`
		PrivacyStatementURL *string `json:"privacyStatementUrl"`
		SupportURL          *string `json:"supportUrl"`
		TermsOfServiceURL   *string `json:"termsOfServiceUrl"`
	}
	parentalControl struct {
		CountriesBlocked []string `json:"countriesBlockedForMinors"`
		LegalAgeRule     string   `json:"legalAgeGroupRule"`
	}
	verifiedPublisher struct {
		AddedDateTime *string `json:"addedDateTime"`
		DisplayName   *string `json:"displayName"`
		ID            *string `json:"verifiedPublisherId"`
	}
)

// newAssignment is the body of a POST of an app role assignment. All three ids are required; an appRoleId of zeros
// means default access, so it is the member that has to be there.
type newAssignment struct {
	principal, resource, appRole guid.GUID
	given                        map[string]bool // members seen, in lower case
}

// UnmarshalJSON reads the members one by one, because encoding/json takes the last of two equal members and skips what
// it does not know. The error is an *apierr.Error.
func (a *newAssignment) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return apierr.New(apierr.RequestMalformed, "The body is not a JSON object.")
	}
	a.given = map[string]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return apierr.New(apierr.RequestMalformed, "The body is not readable as JSON.").Because(err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return apierr.New(apierr.RequestMalformed, "The body is not readable as JSON.").Because(err)
		}
		if err := a.member(name.(string), value); err != nil { // the name of a member is always a string
			return err
		}
	}
	return nil
}

func (a *newAssignment) member(name string, value json.RawMessage) error {
	key := strings.ToLower(name)
	if a.given[key] {
		return apierr.New(apierr.PropertyInvalid, "The property '%s' is there twice.", name).At(name)
	}
	a.given[key] = true
	switch key {
	case "principalid":
		return readID(name, value, &a.principal)
	case "resourceid":
		return readID(name, value, &a.resource)
	case "approleid":
		return readID(name, value, &a.appRole)
	case "id", "deleteddatetime", "createddatetime", "principaldisplayname", "principaltype", "resourcedisplayname":
		if string(value) == "null" { // serialisers of whole objects send these
			return nil
		}
		return apierr.New(apierr.PropertyInvalid, "Property '%s' is read-only and cannot be set.", name).At(name)
	}
	if strings.Contains(name, "@odata.") {
		return nil
	}
	return apierr.New(apierr.PropertyUnknown, "Invalid property '%s'.", name).At(name)
}

func readID(name string, value json.RawMessage, id *guid.GUID) error {
	var text string
	err := json.Unmarshal(value, &text)
	if err == nil {
		*id, err = guid.Parse(text)
	}
	if err != nil {
		return apierr.New(apierr.PropertyInvalid, "The property '%s' is not a GUID.", name).At(name)
	}
	return nil
}

// complete says whether the three ids are there.
func (a *newAssignment) complete() error {
	for _, name := range []string{"principalId", "resourceId", "appRoleId"} {
		if !a.given[strings.ToLower(name)] {
			return apierr.New(apierr.PropertyInvalid, "One or more property values specified are invalid. '%s' is missing.", name).At(name)
		}
	}
	return nil
}
