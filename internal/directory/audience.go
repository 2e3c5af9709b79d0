package directory

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

const maxAudienceLength = 1024

// AudienceKey is the form in which the names of a resource are compared: scheme and host in lower case, the path as it
// is, one trailing slash dropped. "https://vault.azure.net/" and "HTTPS://vault.azure.net" have one key; the token
// carries the audience as it was asked for. (Observed: clients ask for both forms, see docs/protocols/oauth.md.)
func AudienceKey(audience string) string {
	audience = strings.TrimSuffix(audience, "/")
	scheme, rest, found := strings.Cut(audience, "://")
	if !found {
		return strings.ToLower(audience) // a client id, or urn:...
	}
	host, path, hasPath := strings.Cut(rest, "/")
	key := strings.ToLower(scheme) + "://" + strings.ToLower(host)
	if hasPath {
		key += "/" + path
	}
	return key
}

// CheckIdentifierURI says whether uri may name an application: absolute, of the schemes https, http, api or urn,
// without query, fragment or spaces.
func CheckIdentifierURI(uri string) error {
	scheme, rest, ok := strings.Cut(uri, ":")
	switch {
	case len(uri) > maxAudienceLength:
	case !ok, strings.ContainsAny(uri, " ?#\"<>\\"), strings.ContainsFunc(uri, steers):
	case scheme == "urn" && rest != "":
		return nil
	case (scheme == "https" || scheme == "http" || scheme == "api") && strings.HasPrefix(rest, "//") && strings.Trim(rest, "/") != "":
		return nil
	}
	return apierr.New(apierr.PropertyInvalid,
		"%q is not an identifier URI: use a form such as api://orders or https://orders.contoso.example.", uri).At("identifierUris")
}

// CheckAppRoles says whether the roles may stand in one application: a value without spaces and at least one member
// type each, every id and every value only once.
func CheckAppRoles(roles []AppRole) error {
	ids, values := map[guid.GUID]bool{}, map[string]bool{}
	for _, r := range roles {
		switch {
		case r.ID.IsZero() || ids[r.ID]:
			return apierr.New(apierr.PropertyInvalid, "The id of app role %q is missing or used twice.", r.Value).At("appRoles")
		case r.Value == "" || len(r.Value) > 250 || strings.ContainsAny(r.Value, " \"") || strings.ContainsFunc(r.Value, steers):
			return apierr.New(apierr.PropertyInvalid, "The app role value %q is not valid: 1 to 250 characters, no spaces.", r.Value).At("appRoles")
		case values[r.Value]:
			return apierr.New(apierr.PropertyInvalid, "The app role value %q is used twice.", r.Value).At("appRoles")
		case r.AllowedMembers == 0:
			return apierr.New(apierr.PropertyInvalid, "The app role %q allows no member type: name application, user or both.", r.Value).At("appRoles")
		}
		ids[r.ID], values[r.Value] = true, true
	}
	return nil
}

// CheckName says whether name may be the display name of what: 1 to 256 characters, no control characters, nor those that
// turn the direction of writing, so that it reads in a table and in a terminal as what it is.
func CheckName(what, name string) error {
	if name == "" || len(name) > 256 || !utf8.ValidString(name) || strings.ContainsFunc(name, steers) {
		return apierr.New(apierr.PropertyInvalid, "The %s name %q is not valid: 1 to 256 characters, no control characters.", what, name).At("displayName")
	}
	return nil
}

// steers says whether r steers a terminal or the direction of writing instead of being read.
func steers(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }
