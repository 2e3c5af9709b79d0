package serve

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
)

// get returns the body of the answer of h, or its status if it is an error.
func get(h http.Handler, target string) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
	if w.Code >= 400 {
		return fmt.Sprint(w.Code)
	}
	return w.Body.String()
}

func TestReadJSON(t *testing.T) {
	type thing struct{ Name string }
	for body, want := range map[string]string{
		`{"name":"a"}`:            "a",
		" {\"name\":\"a\"}\n":     "a",
		``:                        "RequestMalformed",
		` `:                       "RequestMalformed",
		`{`:                       "RequestMalformed",
		`{"name":"a"} {}`:         "RequestMalformed",
		`{"name":"a"}x`:           "RequestMalformed",
		`{"name":1}`:              "PropertyInvalid at name",
		`[]`:                      "PropertyInvalid at ",
		strings.Repeat(" ", 1000): "BodyTooLarge",
	} {
		var v thing
		var got string
		if err := ReadJSON(httptest.NewRequest("POST", "/", strings.NewReader(body)), 100, &v); err != nil {
			e := apierr.From(err)
			got = e.Code.String()
			if e.Code == apierr.PropertyInvalid {
				got += " at " + strings.ToLower(e.Target)
			}
		} else {
			got = v.Name
		}
		if got != want {
			t.Errorf("%.40q: got %q, want %q", body, got, want)
		}
	}
}

func TestWriteJSON(t *testing.T) {
	w := httptest.NewRecorder()
	if err := WriteJSON(w, 201, "a&b"); err != nil || w.Code != 201 || w.Body.String() != `"a&b"` ||
		w.Header().Get("Content-Type") != "application/json; charset=utf-8" || w.Header().Get("Content-Length") != "5" {
		t.Errorf("got %d %s %v %v", w.Code, w.Body, w.Header(), err)
	}
	w = httptest.NewRecorder()
	if err := WriteJSON(w, 200, func() {}); err == nil || w.Body.Len() != 0 || len(w.Header()) != 0 {
		t.Errorf("a value without JSON form: %v, wrote %q", err, w.Body)
	}
}

func TestBearer(t *testing.T) {
	for _, c := range []struct {
		headers []string
		want    string
	}{
		{[]string{"Bearer abc"}, "abc"},
		{[]string{"bearer  abc "}, "abc"},
		{nil, "TokenMissing"},
		{[]string{""}, "TokenMissing"},
		{[]string{"Bearer"}, "TokenMissing"},
		{[]string{"Bearer "}, "TokenMissing"},
		{[]string{"Basic abc"}, "TokenMissing"},
		{[]string{"Bearer a b"}, "TokenMalformed"},
		{[]string{"Bearer a, Bearer b"}, "TokenMalformed"},
		{[]string{"Bearer a", "Bearer b"}, "TokenMalformed"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		for _, h := range c.headers {
			r.Header.Add("Authorization", h)
		}
		got, err := Bearer(r)
		if err != nil {
			got = apierr.From(err).Code.String()
		}
		if got != c.want {
			t.Errorf("%q: got %s, want %s", c.headers, got, c.want)
		}
	}
}

func TestLimiterCountsCallersApart(t *testing.T) {
	l := NewLimiter(3, 2)
	for i, c := range []struct {
		caller string
		want   bool
	}{{"a", true}, {"a", true}, {"a", false}, {"b", true}, {"c", false}} {
		if got := l.enter(c.caller); got != c.want {
			t.Errorf("step %d: %s got %v", i, c.caller, got)
		}
	}
	l.leave("a")
	l.leave("a")
	l.leave("b")
	if l.inUse != 0 || len(l.of) != 0 {
		t.Errorf("after all have left: %d in use, %v", l.inUse, l.of)
	}
}

func TestCallerAddress(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:5": "192.0.2.1", "[2001:db8:1:2:3::4]:5": "2001:db8:1:2::/64", "[::1]:5": "::1", "@": "@",
		"[fe80::1%eth0]:5": "fe80::/64", "[::ffff:192.0.2.1]:5": "::ffff:192.0.2.1",
	} {
		if got := callerAddress(&http.Request{RemoteAddr: remote}); got != want {
			t.Errorf("%s: got %s, want %s", remote, got, want)
		}
	}
}

func TestWithoutRandomnessARequestFails(t *testing.T) {
	at := time.Unix(1000, 0)
	h := API{Name: "x", Spell: spellTest, Routes: []Route{{Method: "GET", Pattern: "/", Handle: noop}}}.
		Handler(Deps{Now: func() time.Time { return at }, Random: strings.NewReader("too short")})
	if got := get(h, "http://x/"); got != "500" {
		t.Errorf("without a random id: got %s", got)
	}
}
