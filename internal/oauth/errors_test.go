package oauth

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
)

// TestEveryCodeIsSpelled walks all codes there are: each must become an answer that MSAL decodes, of a class of status
// that fits its kind, and must keep the cause to itself.
func TestEveryCodeIsSpelled(t *testing.T) {
	h := &Handler{Now: func() time.Time { return time.Unix(1790000000, 0) }}
	for _, code := range apierr.Codes() {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "https://localhost/t/oauth2/token", nil)
		status := h.spell(w, r, apierr.New(code, "What happened.").WithHelp("inborn help").Because(errors.New("inner detail")))
		var body struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
			Codes       []int  `json:"error_codes"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Error == "" || len(body.Codes) != 1 || w.Code != status {
			t.Errorf("%s: status %d and %d, %s, %v", code, status, w.Code, w.Body, err)
		}
		if !strings.HasPrefix(body.Description, "AADSTS") || !strings.Contains(body.Description, "Try: inborn help") ||
			strings.Contains(w.Body.String(), "inner detail") {
			t.Errorf("%s: %s", code, w.Body)
		}
		low, high := 400, 499
		switch code.Kind() {
		case apierr.Internal:
			low, high = 500, 500
		case apierr.Unavailable:
			low, high = 503, 503
		case apierr.Throttled:
			low, high = 429, 429
		}
		if status < low || status > high {
			t.Errorf("%s: status %d", code, status)
		}
	}
}
