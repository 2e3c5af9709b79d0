package imds

import "strings"

// element is what a path names.
type element uint8

const (
	unknown         element = iota // nothing of ours
	imdsToken                      // the token endpoint of IMDS
	imdsInfo                       // the tenant of the host
	imdsVersions                   // the api-versions of IMDS
	imdsCredential                 // IMDSv2, which is not offered
	imdsUnknown                    // below /metadata, and not there
	appServiceToken                // the token endpoint of App Service
)

const (
	pathToken      = "/metadata/identity/oauth2/token"
	pathAppService = "/msi/token"
)

// locate reads a path in any letter case, with doubled slashes (Java builds //metadata/...) and with a slash at the end
// (JavaScript does under AZURE_POD_IDENTITY_AUTHORITY_HOST). The two spellings that nearly all requests use cost one
// comparison.
func locate(path string) element {
	switch path {
	case pathToken:
		return imdsToken
	case pathAppService:
		return appServiceToken
	}
	switch path = tidy(path); path {
	case pathToken:
		return imdsToken
	case pathAppService:
		return appServiceToken
	case "/metadata/identity/info":
		return imdsInfo
	case "/metadata/versions":
		return imdsVersions
	case "/metadata/identity/getplatformmetadata", "/metadata/identity/issuecredential":
		return imdsCredential
	}
	if path == "/metadata" || strings.HasPrefix(path, "/metadata/") {
		return imdsUnknown
	}
	return unknown
}

// tidy returns path in lower case, without doubled slashes and without one at the end.
func tidy(path string) string {
	tidied := make([]byte, 0, len(path))
	for i := range len(path) {
		c := path[i]
		if c == '/' && len(tidied) > 0 && tidied[len(tidied)-1] == '/' {
			continue
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		tidied = append(tidied, c)
	}
	return strings.TrimSuffix(string(tidied), "/")
}

// identity reports whether errors at e are spelled as those of the identity endpoints.
func (e element) identity() bool { return e == imdsToken || e == imdsInfo || e == imdsCredential }
