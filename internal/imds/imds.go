// Package imds speaks the endpoints that a host offers to the programs on it: the ones from which the client libraries
// of managed identities get tokens without any secret of their own.
//
// Three forms of the same question are answered by one Handler, wherever it listens:
//
//	GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=R     Metadata: true
//	GET /msi/token?api-version=2019-08-01&resource=R                          X-IDENTITY-HEADER: secret
//	GET /msi/token?api-version=2017-09-01&resource=R                          secret: secret
//
// The first is IMDS, the metadata service of a virtual machine: whoever can reach it may ask. The second is the endpoint
// of App Service, Functions and Container Apps: its header is a secret that names the workload. The third is what that
// endpoint was before, which az and clients for Azure ML still speak. They differ in the identity they choose when the
// request names none, in the parameters that name one, and in how they spell a refusal.
//
// Clients are many and old, so paths match in any letter case and with any number of slashes, and are never redirected;
// a permanent refusal is never a status that a client would try again (404, 410, 429, 5xx); numbers are strings of
// decimal digits; and the members of a body stand in the order the pickiest client wants (rules R2 to R7 and R20 of the
// wire specification).
//
// A request may only come from a program on this host that means to ask: caller.go refuses what was forwarded and what a
// web page could have sent.
//
// The package knows neither the directory nor a network behind it: Handler.Token is how a token is had.
package imds

import (
	"context"
	"crypto/subtle"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

// Handler answers the endpoints. All fields must be set, except where they say otherwise.
type Handler struct {
	// Token has the token that ask asks for, which is valid for at least another second. A refusal is an *apierr.Error,
	// best inside a *Refusal.
	Token func(ctx context.Context, ask Ask) (*Token, error)
	// Tenant returns id and display name of the tenant of this host; the id is zero while it is not known.
	Tenant func() (guid.GUID, string)
	// Report takes the trace of each request that was refused. It must neither block nor keep the caller's time.
	Report func(apierr.Trace)
	// Failed takes the cause of each answer that only says "unexpected error", for the log.
	Failed func(id guid.GUID, cause error)
	// Now is the clock.
	Now func() time.Time
	// Random is a source for request ids.
	Random io.Reader
	// Local reports whether addr is of this host. Loopback addresses and the address the connection came in on are, and
	// are not asked for. nil: there are no others.
	Local func(addr netip.Addr) bool
	// Hosts are names, without port, that a Host header may hold besides localhost, 127.0.0.1, [::1], 169.254.169.254
	// and the address the connection came in on.
	Hosts []string
}

// Form is the protocol that a token was asked for in.
type Form uint8

// The forms.
const (
	IMDS           Form = iota // default identity: system-assigned, else the only user-assigned one
	AppService                 // default identity: system-assigned; Ask.Secret names the workload
	AppService2017             // the same under MSI_ENDPOINT and MSI_SECRET; only clientid names an identity
)

// String returns the name of the form for traces.
func (f Form) String() string {
	switch f {
	case AppService:
		return "App Service"
	case AppService2017:
		return "App Service 2017-09-01"
	default:
		return "IMDS"
	}
}

// Header returns the header whose value is Ask.Secret; "" if the form has none.
func (f Form) Header() string {
	switch f {
	case AppService:
		return "X-IDENTITY-HEADER"
	case AppService2017:
		return "secret"
	default:
		return ""
	}
}

// By is what a request chooses the identity by.
type By uint8

// The ways to choose.
const (
	ByDefault    By = iota // the request names none
	ByClientID             // client_id, or clientid in the form of 2017
	ByObjectID             // object_id or principal_id
	ByResourceID           // msi_res_id or mi_res_id
)

// String returns the name of the parameter.
func (b By) String() string {
	switch b {
	case ByClientID:
		return "client_id"
	case ByObjectID:
		return "object_id"
	case ByResourceID:
		return "msi_res_id"
	default:
		return "default"
	}
}

// Ask is one request for a token, free of how it was spelled.
type Ask struct {
	Form     Form
	Secret   string // the value of Form.Header, or of a sandbox; empty only if there is none
	Resource string // what the token is for, never empty, as it was sent
	By       By
	Value    string // the client id, object id or resource id; not checked
	Fresh    bool   // do not answer from a cache (bypass_cache)
	// Refused is the lower-case hexadecimal SHA-256 of an access token that the client no longer wants because a resource
	// refused it (token_sha256_to_refresh); empty for none.
	Refused string
}

// Refusal is an error of Handler.Token that also tells how it came about.
type Refusal struct {
	Err    *apierr.Error
	Caller string        // the workload, as far as it was established
	Steps  []apierr.Step // what was checked, in order
}

// Error returns the text of the refusal itself.
func (r *Refusal) Error() string { return r.Err.Error() }

// Unwrap returns the refusal itself.
func (r *Refusal) Unwrap() error { return r.Err }

// Note adds what was checked; format and args make what was found.
func (r *Refusal) Note(check, format string, args ...any) {
	r.Steps = append(r.Steps, apierr.Step{Check: check, Result: fmt.Sprintf(format, args...)})
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := locate(r.URL.Path)
	var ask Ask
	err := h.direct(r)
	if err == nil && r.Method != http.MethodGet {
		err = apierr.New(apierr.MethodNotAllowed, "Use GET.")
	}
	if err == nil {
		switch at {
		case imdsToken, appServiceToken:
			err = h.token(w, r, at, &ask)
		case imdsInfo:
			err = h.info(w, r)
		case imdsVersions:
			err = h.versions(w, r)
		default:
			err = nowhere(r, at)
		}
	}
	if err != nil {
		h.refuse(w, r, at, ask, err)
	}
}

// token answers a request for a token in any form.
func (h *Handler) token(w http.ResponseWriter, r *http.Request, at element, ask *Ask) error {
	if at == appServiceToken {
		if err := ask.admit(r.Header); err != nil {
			return err
		}
	} else if err := metadata(r); err != nil {
		return err
	}
	if err := ask.within(r.Header); err != nil {
		return err
	}
	if err := ask.parse(r.URL.RawQuery); err != nil {
		return err
	}
	token, err := h.Token(r.Context(), *ask)
	if err != nil {
		return err
	}
	token.write(w, h.Now(), ask.By)
	return nil
}

// admit takes the secret of a request to the endpoint of App Service from its header, which also says which form it is.
// X-IDENTITY-HEADER wins where both are sent, as IDENTITY_ENDPOINT wins over MSI_ENDPOINT in the client libraries.
func (a *Ask) admit(header http.Header) error {
	a.Form = AppService
	secret := header["X-Identity-Header"]
	if len(secret) == 0 && len(header["Secret"]) > 0 {
		a.Form, secret = AppService2017, header["Secret"]
	}
	name := a.Form.Header()
	if len(secret) == 0 || secret[0] == "" {
		return apierr.New(apierr.EndpointHeaderMissing, "The header %s is missing. Client libraries send the value of IDENTITY_HEADER, "+
			"or with api-version=2017-09-01 that of MSI_SECRET in the header secret; `inborn run` and `inborn env` set them.", name).At(name)
	}
	if len(secret) > 1 {
		return apierr.New(apierr.EndpointHeaderWrong, "There is more than one header %s.", name).At(name)
	}
	a.Secret = secret[0]
	return nil
}

// LaunchHeader is the header by which a sandbox says whose requests these are: it adds the secret of its launch, in the
// place of whatever its programs sent, to all that comes in by the literal address. At the metadata service it is the only
// secret there is. A client of App Service's endpoint has to show the same one itself, so a secret that got out of another
// launch is of no use.
const LaunchHeader = "Inborn-Launch"

// within takes the launch that a request comes from, if it says so.
func (a *Ask) within(header http.Header) error {
	launch := header[LaunchHeader]
	switch {
	case len(launch) == 0:
		return nil
	case a.Form == IMDS:
		a.Secret = launch[0]
		return nil
	case subtle.ConstantTimeCompare([]byte(a.Secret), []byte(launch[0])) == 0:
		return apierr.New(apierr.EndpointHeaderWrong, "The value of %s is not that of the launch that sent the request.", a.Form.Header()).At(a.Form.Header())
	}
	return nil
}

// metadata checks the header that proves that the caller is no web page and no server tricked into a request. The
// service documents the value true and its samples write True.
func metadata(r *http.Request) error {
	if value := r.Header["Metadata"]; len(value) > 0 && (value[0] == "true" || strings.EqualFold(value[0], "true")) {
		return nil
	}
	return apierr.New(apierr.MetadataHeaderMissing, "Required metadata header not specified").At("Metadata")
}
