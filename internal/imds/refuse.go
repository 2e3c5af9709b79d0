package imds

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

// refuse answers with cause and reports how it came about. A refusal is rare, so it may cost an id.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, at element, ask Ask, cause error) {
	e := apierr.From(cause)
	if e.Kind == apierr.Internal { // whatever it is, nobody but the log is told
		e = &apierr.Error{Code: e.Code, Message: "An unexpected error occurred.", Err: cause}
	}
	id, err := guid.New(h.Random)
	if e.Kind == apierr.Internal || err != nil {
		h.Failed(id, errors.Join(cause, err))
	}
	s := spell(e)
	text, err := json.Marshal(h.body(at, ask, e, s, id))
	if err != nil {
		h.Failed(id, err)
	}
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("X-Ms-Request-Id", id.String())
	if s.retry != "" {
		header.Set("Retry-After", s.retry)
	}
	if e.Code == apierr.MethodNotAllowed {
		header.Set("Allow", http.MethodGet)
	}
	w.WriteHeader(s.status)
	w.Write(text)
	t := h.trace(r, at, ask, cause)
	t.ID = id
	t.Fail(e, s.status)
	h.Report(t)
}

// body chooses among the four forms of a refusal. What the caller did wrong before any endpoint was reached is spelled
// in the general form of IMDS also below /metadata/identity.
func (h *Handler) body(at element, ask Ask, e *apierr.Error, s spelling, id guid.GUID) any {
	text := s.text
	switch {
	case s.aadsts != 0:
		text = h.tokenServiceText(ask, e, s.aadsts)
	case text == "":
		text = e.Message
	}
	switch {
	case at == appServiceToken:
		if s.appService != "" {
			text = s.appService
		}
		return appServiceFailure{Status: s.status, Message: text, Correlation: id}
	case s.aadsts != 0:
		stamp := h.Now().UTC().Format("2006-01-02 15:04:05Z")
		return tokenServiceFailure{
			Error:       s.word,
			Description: fmt.Sprintf("%s Trace ID: %s Correlation ID: %s Timestamp: %s", text, id, id, stamp),
			Codes:       []int{s.aadsts},
			Timestamp:   stamp,
			Trace:       id,
			Correlation: id,
			URI:         "https://login.microsoftonline.com/error?code=" + strconv.Itoa(s.aadsts),
		}
	case e.Code == apierr.CallerNotDirect || e.Code == apierr.HostUnknown || !at.identity():
		if e.Code == apierr.MetadataHeaderMissing {
			text = "Bad request. " + text
		}
		return metadataFailure{text}
	default:
		return identityFailure{s.word, text}
	}
}

// tokenServiceText is the sentence of the token service, whose number tools look for.
func (h *Handler) tokenServiceText(ask Ask, e *apierr.Error, code int) string {
	_, tenant := h.Tenant()
	switch e.Code {
	case apierr.AudienceUnknown:
		return fmt.Sprintf("AADSTS%d: The resource principal named %s was not found in the tenant named %s. This can happen if "+
			"the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. "+
			"You might have sent your authentication request to the wrong tenant.", code, ask.Resource, tenant)
	case apierr.AudienceDisabled:
		return fmt.Sprintf("AADSTS%d: The service principal for resource '%s' is disabled.", code, ask.Resource)
	default:
		return fmt.Sprintf("AADSTS%d: %s", code, e.Message)
	}
}

// trace tells what is known of a request that was refused. It holds no secret: the header of App Service is left out.
func (h *Handler) trace(r *http.Request, at element, ask Ask, cause error) apierr.Trace {
	tenant, _ := h.Tenant()
	t := apierr.Trace{Tenant: tenant, At: h.Now(), API: IMDS.String(), Method: r.Method, Path: clip(r.URL.Path)}
	if at == appServiceToken {
		t.API = max(ask.Form, AppService).String() // the form is not known before the first check
	}
	t.Note("caller", "%s, Host %q, %q", r.RemoteAddr, clip(r.Host), clip(r.UserAgent()))
	if ask.Resource != "" {
		t.Note("request", "a token for %q, of the identity %s", clip(ask.Resource), strings.TrimSpace(fmt.Sprintf("by %s %s", ask.By, clip(ask.Value))))
	}
	var refusal *Refusal
	if errors.As(cause, &refusal) {
		t.Caller = refusal.Caller
		t.Steps = append(t.Steps, refusal.Steps...)
	}
	return t
}

// clip keeps what strangers sent short.
func clip(s string) string {
	if len(s) > 256 {
		return s[:256] + "..."
	}
	return s
}
