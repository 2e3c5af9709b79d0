package keyvault

import (
	"encoding/json"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/apierr"
)

// TestEveryCodeHasALegalBody walks all codes: each must come out as the error form that SDKs parse, with a status that
// fits its kind, and say nothing of its cause.
func TestEveryCodeHasALegalBody(t *testing.T) {
	wireCode := regexp.MustCompile(`^[A-Z][A-Za-z]+$`)
	classes := map[apierr.Kind]int{apierr.Internal: 500, apierr.Unauthenticated: 401, apierr.Forbidden: 403, apierr.NotFound: 404,
		apierr.Conflict: 409, apierr.Precondition: 412, apierr.Throttled: 429, apierr.Unavailable: 503}
	for _, code := range apierr.Codes() {
		rec := httptest.NewRecorder()
		e := apierr.New(code, "What %s means.", code).At("target").WithHelp("inborn help").Because(apierr.New(apierr.Fault, "secret"))
		status := spell(rec, httptest.NewRequest("GET", "/secrets", nil), e)
		var body failureWire
		if err := json.Unmarshal(rec.Body.Bytes(), &body); err != nil {
			t.Fatalf("%s: %v", code, err)
		}
		if !wireCode.MatchString(body.Error.Code) || body.Error.Message != e.Message || strings.Contains(rec.Body.String(), `secret"`) {
			t.Errorf("%s: %s", code, rec.Body)
		}
		if status != rec.Code {
			t.Errorf("%s: spell returned %d and wrote %d", code, status, rec.Code)
		}
		if want, exact := classes[code.Kind()]; exact && status != want || !exact && (status < 400 || status > 499) {
			t.Errorf("%s of kind %d: status %d", code, code.Kind(), status)
		}
	}
	for _, kind := range apierr.Kinds() {
		if s := byKind[kind]; s.status == 0 || s.code == "" || kind != apierr.Internal && s.status == 500 {
			t.Errorf("kind %d: %+v", kind, s)
		}
	}
}
