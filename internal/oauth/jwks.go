package oauth

import (
	"net/http"

	"github.com/inborn-id/inborn/internal/token"
)

// keysV2 answers with the keys of the v2.0 endpoints, each with the issuer whose tokens it may verify.
func (h *Handler) keysV2(w http.ResponseWriter, r *http.Request) error {
	allowPages(w)
	a, err := h.authority(r)
	if err != nil {
		return err
	}
	return h.writeKeys(w, r, a.IssuerV2)
}

// keysV1 answers with the keys of the v1.0 endpoints.
func (h *Handler) keysV1(w http.ResponseWriter, r *http.Request) error {
	allowPages(w)
	if _, err := h.authority(r); err != nil {
		return err
	}
	return h.writeKeys(w, r, "")
}

func (h *Handler) writeKeys(w http.ResponseWriter, r *http.Request, issuer string) error {
	ring, err := h.Keys(r.Context())
	if err != nil {
		return err
	}
	return writeDocument(w, token.NewJWKS(ring, issuer, h.Now()))
}
