package oauth

import (
	"mime"
	"net/http"
	"net/url"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/serve"
)

const maxForm = 256 << 10 // bytes; an assertion with a chain of certificates is about 10 KiB

// tokenV2 answers the v2.0 token endpoint, where a client names what it wants by scope.
func (h *Handler) tokenV2(w http.ResponseWriter, r *http.Request) error {
	form, err := h.tokenForm(w, r)
	if err != nil {
		return err
	}
	if form.Has("resource") {
		return apierr.New(apierr.ParameterUnsupported,
			"The 'resource' request parameter is not supported. Use 'scope', such as scope=https://graph.microsoft.com/.default.").At("resource")
	}
	return unsupportedGrant(form)
}

// tokenV1 answers the v1.0 token endpoint, where a client names what it wants by resource.
func (h *Handler) tokenV1(w http.ResponseWriter, r *http.Request) error {
	form, err := h.tokenForm(w, r)
	if err != nil {
		return err
	}
	return unsupportedGrant(form)
}

// tokenForm reads what every grant needs: a known tenant and a form with a grant_type. Parameters count in the body
// only, and a body of another type has none (RFC 6749, section 3.2, and what Entra does).
func (h *Handler) tokenForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	noStore(w)
	if _, err := h.authority(r); err != nil {
		return nil, err
	}
	body, err := serve.ReadBody(r, maxForm)
	if err != nil {
		return nil, err
	}
	form := url.Values{}
	if contentType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); contentType == "application/x-www-form-urlencoded" {
		if form, err = url.ParseQuery(string(body)); err != nil {
			return nil, apierr.New(apierr.RequestMalformed, "The body is not encoded as application/x-www-form-urlencoded.")
		}
	}
	for name, values := range form {
		if len(values) > 1 {
			return nil, apierr.New(apierr.ParameterDuplicate, "The parameter '%s' is given more than once.", shown(name)).At(shown(name))
		}
	}
	if form.Get("grant_type") == "" {
		return nil, apierr.New(apierr.ParameterMissing, "The request body must contain the following parameter: 'grant_type'.").At("grant_type")
	}
	return form, nil
}

func unsupportedGrant(form url.Values) error {
	grant := shown(form.Get("grant_type"))
	return apierr.New(apierr.GrantUnsupported, "The app requested an unsupported grant type '%s'.", grant).At("grant_type")
}

// noStore keeps an answer out of every cache (RFC 6749, section 5.1; the values are those of Entra).
func noStore(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Cache-Control", "no-store, no-cache")
	header.Set("Pragma", "no-cache")
	header.Set("Expires", "-1")
}
