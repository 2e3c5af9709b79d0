package imds

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
)

// The parameters that have a meaning; all others are ignored, whatever they hold and however often they come.
type parameter uint8

const (
	pNone parameter = iota
	pVersion
	pResource
	pClientID
	pLegacyClientID
	pObjectID
	pPrincipalID
	pMSIResID
	pMIResID
	pBypassCache
	pRefused
	pClaims
	pCapabilities
)

// selects reports whether p names an identity.
func (p parameter) selects() bool { return pClientID <= p && p <= pMIResID }

// maxResource is the longest resource parameter that is looked at, in bytes.
const maxResource = 2048

func parameterOf(name string) parameter {
	switch name {
	case "api-version":
		return pVersion
	case "resource":
		return pResource
	case "client_id":
		return pClientID
	case "clientid":
		return pLegacyClientID
	case "object_id":
		return pObjectID
	case "principal_id":
		return pPrincipalID
	case "msi_res_id":
		return pMSIResID
	case "mi_res_id":
		return pMIResID
	case "bypass_cache":
		return pBypassCache
	case "token_sha256_to_refresh":
		return pRefused
	case "claims":
		return pClaims
	case "xms_cc":
		return pCapabilities
	default:
		return pNone
	}
}

// parse reads the query into a, whose Form is set. It reads in place: a request whose values need no unescaping
// allocates nothing. Names match in any letter case, as they do on the services.
func (a *Ask) parse(raw string) error {
	var version, claims string
	var seen uint16
	for rest := raw; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		name, value, _ := strings.Cut(pair, "=")
		p := parameterOf(name)
		if p == pNone { // percent-encoded (JavaScript writes api%2Dversion), in other letter case, or none of ours
			plain, err := url.QueryUnescape(name)
			if err != nil {
				continue
			}
			if p = parameterOf(strings.ToLower(plain)); p == pNone {
				continue
			}
		}
		if p == pLegacyClientID && a.Form != AppService2017 {
			continue // none of theirs
		}
		value, err := url.QueryUnescape(value) // returns its argument when there is nothing to do
		if err != nil {
			return apierr.New(apierr.ParameterInvalid, "The query variable '%s' is not percent-encoded correctly", label(p)).At(label(p))
		}
		if seen&(1<<p) != 0 {
			return apierr.New(apierr.ParameterDuplicate, "The query variable '%s' is given more than once", label(p)).At(label(p))
		}
		seen |= 1 << p
		switch p {
		case pVersion:
			version = value
		case pClaims:
			claims = value
		default:
			if err := a.set(p, value); err != nil {
				return err
			}
		}
	}
	return a.check(version, claims)
}

// set takes one parameter over.
//
// A selector with an empty value counts as absent. Client libraries never send one here; a script does whose variable is
// not set, and then the default identity is what it gets from the services too. The answer's client_id says which.
//
// The form of 2017 knows clientid only. The service ignores the other selectors there and hands out the token of another
// identity than the one that was meant, so here they are refused.
func (a *Ask) set(p parameter, value string) error {
	if a.Form == AppService2017 && value != "" && p.selects() && p != pLegacyClientID {
		return apierr.New(apierr.ParameterUnsupported, "With api-version=%s the identity is named by 'clientid', not by '%s'",
			appService2017Version, label(p)).At(label(p))
	}
	switch p {
	case pResource:
		a.Resource = value
	case pClientID, pLegacyClientID:
		return a.choose(ByClientID, value)
	case pObjectID, pPrincipalID:
		return a.choose(ByObjectID, value)
	case pMSIResID, pMIResID:
		return a.choose(ByResourceID, value)
	case pBypassCache:
		a.Fresh = strings.EqualFold(value, "true")
	case pRefused:
		if len(value) == 64 && strings.Trim(value, "0123456789abcdef") == "" { // a hash of something else: ignored
			a.Refused = value
		}
	}
	return nil
}

func (a *Ask) choose(by By, value string) error {
	if value == "" {
		return nil
	}
	if a.By != ByDefault {
		return apierr.New(apierr.SelectorConflict,
			"Only one of client_id, object_id, principal_id, msi_res_id and mi_res_id may be specified in the token request").At(by.String())
	}
	a.By, a.Value = by, value
	return nil
}

func (a *Ask) check(version, claims string) error {
	if err := checkVersion(a.Form, version); err != nil {
		return err
	}
	if a.Resource == "" {
		return apierr.New(apierr.ParameterMissing, "Required query variable 'resource' is missing").At("resource")
	}
	if len(a.Resource) > maxResource {
		return apierr.New(apierr.ParameterInvalid, "The query variable 'resource' is longer than %d bytes", maxResource).At("resource")
	}
	if a.Form == IMDS && claims != "" {
		return checkClaims(claims)
	}
	return nil
}

// checkClaims accepts what MSAL plans to send: an object whose only member is xms_az_nwperimid, the network perimeter a
// token is asked for. Inborn has none, so it changes nothing. The service answers 400 to any other member.
func checkClaims(claims string) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(claims), &members); err != nil || members == nil {
		return apierr.New(apierr.ParameterInvalid, "The query variable 'claims' is not a JSON object").At("claims")
	}
	for name := range members {
		if name != "xms_az_nwperimid" {
			return apierr.New(apierr.ParameterUnsupported, "The query variable 'claims' may only hold xms_az_nwperimid").At("claims")
		}
	}
	return nil
}

func label(p parameter) string {
	for _, name := range [...]string{"api-version", "resource", "client_id", "clientid", "object_id", "principal_id", "msi_res_id",
		"mi_res_id", "bypass_cache", "token_sha256_to_refresh", "claims", "xms_cc"} {
		if parameterOf(name) == p {
			return name
		}
	}
	return ""
}
