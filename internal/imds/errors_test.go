package imds

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

// fixed answers every ask with token, or fails with err.
func fixed(token *Token, err error) *Handler {
	return &Handler{
		Token:  func(context.Context, Ask) (*Token, error) { return token, err },
		Tenant: func() (guid.GUID, string) { return guid.GUID{1}, "contoso" },
		Report: func(apierr.Trace) {},
		Failed: func(guid.GUID, error) {},
		Now:    func() time.Time { return time.Unix(1000, 0) },
		Random: rand.Reader,
	}
}

func sampleToken() *Token {
	return NewToken(Facts{AccessToken: "header.payload.signature", ClientID: guid.GUID{1}, ObjectID: guid.GUID{2}, ResourceID: "/subscriptions/s",
		Resource: "r", NotBefore: time.Unix(700, 0), ExpiresOn: time.Unix(4600, 0)})
}

// call sends one request by a local caller to h.
func call(h *Handler, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/", nil)
	path, query, _ := strings.Cut(target, "?")
	r.URL.Path, r.URL.RawQuery = path, query
	r.Host, r.RemoteAddr = "localhost", "127.0.0.1:1"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestEveryCodeInEveryForm walks all codes through all ways to spell one: the table of errors.go must leave none out.
func TestEveryCodeInEveryForm(t *testing.T) {
	places := map[string]element{"IMDS token": imdsToken, "IMDS info": imdsInfo, "IMDS metadata": imdsUnknown, "versions": imdsVersions,
		"IMDSv2": imdsCredential, "App Service": appServiceToken, "elsewhere": unknown}
	for name, at := range places {
		for _, code := range apierr.Codes() {
			var traced apierr.Trace
			var failed error
			h := fixed(nil, nil)
			h.Report = func(trace apierr.Trace) { traced = trace }
			h.Failed = func(_ guid.GUID, err error) { failed = err }
			err := apierr.New(code, "Sentence <of> %s.", code).Because(errors.New("secret cause")).WithHelp("inborn help")
			w := httptest.NewRecorder()
			h.refuse(w, httptest.NewRequest("GET", "/x", nil), at, Ask{Resource: "r"}, fmt.Errorf("wrapped: %w", err))
			where := fmt.Sprintf("%s, %s: %d %s", name, code, w.Code, w.Body)

			var body map[string]any
			if json.Unmarshal(w.Body.Bytes(), &body) != nil || strings.Contains(w.Body.String(), "secret") || w.Header().Get("Content-Type") != contentType {
				t.Errorf("%s", where)
			}
			if code.Kind() == apierr.Internal && strings.Contains(w.Body.String(), "Sentence") {
				t.Errorf("tells what went wrong inside: %s", where)
			}
			if word, _ := body["error"].(string); (word == "") != (at == appServiceToken) {
				t.Errorf("no error: %s", where)
			}
			if message, _ := body["message"].(string); at == appServiceToken && (message == "" || body["statusCode"] != float64(w.Code) || body["correlationId"] != traced.ID.String()) {
				t.Errorf("not the form of App Service: %s", where)
			}
			if description, _ := body["error_description"].(string); at == imdsToken && code != apierr.CallerNotDirect && code != apierr.HostUnknown && description == "" {
				t.Errorf("no description: %s", where)
			}
			statusFits(t, where, code, w.Code, w.Header())
			if traced.Status != w.Code || traced.Code != code.String() || traced.ID.String() != w.Header().Get("x-ms-request-id") {
				t.Errorf("%s\ntrace %+v", where, traced)
			}
			if (failed != nil) != (w.Code == 500) {
				t.Errorf("%s\nlogged: %v", where, failed)
			}
		}
	}
}

// statusFits checks rule R7: what cannot succeed has a status that no client tries again, and the other way round.
func statusFits(t *testing.T, where string, code apierr.Code, status int, header http.Header) {
	t.Helper()
	var want []int
	switch {
	case code == apierr.PathUnknown:
		want = []int{404}
	case code == apierr.MethodNotAllowed:
		want = []int{405}
	case code.Kind() == apierr.Internal:
		want = []int{500}
	case code.Kind() == apierr.Unavailable:
		want = []int{503}
	case code.Kind() == apierr.Throttled:
		want = []int{429}
	default:
		want = []int{400, 401, 403}
	}
	fits := false
	for _, s := range want {
		fits = fits || s == status
	}
	if !fits || (header.Get("Retry-After") != "") != (status == 503 || status == 429) {
		t.Errorf("status or Retry-After: %s", where)
	}
}

func TestEveryKindHasASpelling(t *testing.T) {
	for _, kind := range apierr.Kinds() {
		if s := byKind(kind); s.status < 400 || s.word == "" {
			t.Errorf("kind %d: %+v", kind, s)
		}
	}
}

func TestTheWordsOfTheTokenService(t *testing.T) {
	for code, want := range map[apierr.Code]struct {
		word   string
		number int
	}{
		apierr.AudienceUnknown:  {"invalid_resource", 500011},
		apierr.AudienceDisabled: {"invalid_resource", 500014},
		apierr.RoleRequired:     {"invalid_grant", 501051},
		apierr.CallerUnknown:    {"unauthorized_client", 7000112},
		apierr.TenantUnknown:    {"invalid_request", 90002},
	} {
		w := call(fixed(nil, apierr.New(code, "text")), pathToken+"?api-version=2018-02-01&resource=r", "Metadata", "true")
		number := strconv.Itoa(want.number)
		for _, part := range []string{`{"error":"` + want.word + `","error_description":"AADSTS` + number + `: `, `"error_codes":[` + number + `]`, `?code=` + number + `"`} {
			if w.Code != 400 || !strings.Contains(w.Body.String(), part) {
				t.Errorf("%s: %d %s", code, w.Code, w.Body)
			}
		}
	}
}

func TestAnAnswerWithoutRandomness(t *testing.T) {
	h := fixed(nil, nil)
	h.Random = strings.NewReader("")
	var failed error
	h.Failed = func(_ guid.GUID, err error) { failed = err }
	if w := call(h, pathToken); w.Code != 400 || failed == nil {
		t.Errorf("%d %s, %v", w.Code, w.Body, failed)
	}
}
