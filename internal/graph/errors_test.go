package graph

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/serve"
)

// spelled returns the answer to a request whose handler fails with err.
func spelled(err error) *httptest.ResponseRecorder {
	h := &Handler{Now: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC) }}
	api := h.API()
	api.Routes = []serve.Route{{Method: "GET", Pattern: "/v1.0/users", Handle: func(http.ResponseWriter, *http.Request) error { return err }}}
	w := httptest.NewRecorder()
	api.Handler(serve.Deps{Now: h.Now, Random: rand.Reader}).ServeHTTP(w, httptest.NewRequest("GET", "/v1.0/users", nil))
	return w
}

func TestEveryCodeHasALegalBody(t *testing.T) {
	statuses := map[apierr.Kind][]int{
		apierr.Internal: {500}, apierr.Invalid: {400, 405, 413}, apierr.Unauthenticated: {401}, apierr.Forbidden: {403},
		apierr.NotFound: {400, 404}, apierr.Conflict: {400, 409}, apierr.Precondition: {412}, apierr.Throttled: {429}, apierr.Unavailable: {503},
	}
	for _, code := range apierr.Codes() {
		w := spelled(apierr.New(code, "The message of %s.", code).At("the-target"))
		var body failureBody
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatalf("%s: %v: %s", code, err, w.Body)
		}
		legal := false
		for _, status := range statuses[code.Kind()] {
			legal = legal || w.Code == status
		}
		if !legal || body.Error.Code == "" || body.Error.Message == "" || strings.Contains(body.Error.Message, "%") {
			t.Errorf("%s: %d %s", code, w.Code, w.Body)
		}
		if id, err := guid.Parse(body.Error.Inner.RequestID); err != nil || id.String() != w.Header().Get("request-id") ||
			body.Error.Inner.ClientRequestID != w.Header().Get("client-request-id") || body.Error.Inner.Date != "2026-01-02T03:04:05" {
			t.Errorf("%s: innerError %+v, header %v", code, body.Error.Inner, w.Header())
		}
		if wantRetry := w.Code == 429 || w.Code == 503; (w.Header().Get("Retry-After") != "") != wantRetry {
			t.Errorf("%s: Retry-After = %q", code, w.Header().Get("Retry-After"))
		}
		if (w.Header().Get("WWW-Authenticate") != "") != (w.Code == 401) {
			t.Errorf("%s: WWW-Authenticate = %q", code, w.Header().Get("WWW-Authenticate"))
		}
	}
}

func TestFaultsSayNothing(t *testing.T) {
	w := spelled(errors.New("secret detail"))
	if w.Code != 500 || strings.Contains(w.Body.String(), "secret") || !strings.Contains(w.Body.String(), `"message":"An unexpected error occurred."`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// A permission that Graph does not have could never be granted.
func TestPermissionsExist(t *testing.T) {
	catalog, err := directory.FirstParty()
	must(t, err)
	app, _ := catalog.Application(directory.GraphAppID)
	for _, need := range []permission{readUsers(), fullUsers(), readGroups(), readApps(), assignRoles(), unassignRoles()} {
		for _, set := range need {
			for _, value := range set {
				if _, ok := app.RoleByValue(value, directory.MemberApplication); !ok {
					t.Errorf("Microsoft Graph has no app role %s", value)
				}
			}
		}
	}
}

func TestMissing(t *testing.T) {
	for _, c := range []struct{ held, want string }{
		{"", "AppRoleAssignment.ReadWrite.All Application.Read.All"},
		{"AppRoleAssignment.ReadWrite.All", "Application.Read.All"},
		{"Directory.Read.All", "AppRoleAssignment.ReadWrite.All"},
		{"Directory.Read.All AppRoleAssignment.ReadWrite.All", ""},
		{"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"},
		{"RoleManagement.ReadWrite.Directory", "AppRoleAssignment.ReadWrite.All Application.Read.All"},
	} {
		if got := strings.Join(assignRoles().missing(strings.Fields(c.held)), " "); got != c.want {
			t.Errorf("held %q: missing %q, want %q", c.held, got, c.want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a route without a permission was accepted")
		}
	}()
	(&Handler{}).route("GET", "/users", nil, nil)
}

// No route answers anyone who does not say who he is.
func TestNoRouteIsOpen(t *testing.T) {
	w := newWorld(t)
	fill := strings.NewReplacer("{version:v1.0|beta}", "v1.0", "={appId}", "='"+nobody+"'", "{id}", nobody, "{assignment}", "x")
	stranger := w.token(w.system, nil) // a principal without permissions
	for _, route := range (&Handler{}).routes() {
		path := fill.Replace(route.Pattern)
		w.do(route.Method, path, "", "{}").refused(t, 401, "InvalidAuthenticationToken", "Access token is empty.")
		w.do(route.Method, path, stranger, "{}").refused(t, 403, "Authorization_RequestDenied", "")
	}
}
