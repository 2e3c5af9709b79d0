package verify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/token"
	"github.com/inborn-id/inborn/verify"
)

// eventually waits for work in the background.
func eventually(t *testing.T, what string, true func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !true(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain for " + what)
		}
	}
}

// atOnce runs 1,000 calls of Verify together and counts what they returned.
func atOnce(t *testing.T, v *verify.Verifier, raw string) map[string]int {
	t.Helper()
	var mu sync.Mutex
	var group sync.WaitGroup
	got := map[string]int{}
	gate := make(chan struct{})
	for range 1000 {
		group.Go(func() {
			<-gate
			_, err := v.Verify(context.Background(), raw)
			mu.Lock()
			got[code(err)]++
			mu.Unlock()
		})
	}
	close(gate)
	group.Wait()
	return got
}

func TestStampedesMakeOneFetch(t *testing.T) {
	s := newIssuer(t)
	v := s.verifier(t)
	if got := atOnce(t, v, s.token(t, keyPool[0]())); got[""] != 1000 || s.hits.Load() != 1 {
		t.Errorf("at the start: %v with %d fetches", got, s.hits.Load())
	}
	s.clock.Advance(time.Minute)
	if got := atOnce(t, v, s.token(t, keyPool[2]())); got[verify.CodeSignature] != 1000 || s.hits.Load() != 2 {
		t.Errorf("with a made-up key: %v with %d fetches", got, s.hits.Load())
	}
	s.clock.Advance(29 * time.Second)
	if got := atOnce(t, v, s.token(t, keyPool[1]())); got[verify.CodeSignature] != 1000 || s.hits.Load() != 2 {
		t.Errorf("soon after: %v with %d fetches", got, s.hits.Load())
	}
	s.publish(keyPool[0](), keyPool[1]())
	s.clock.Advance(time.Second)
	if got := atOnce(t, v, s.token(t, keyPool[1]())); got[""] != 1000 || s.hits.Load() != 3 {
		t.Errorf("after a rotation: %v with %d fetches", got, s.hits.Load())
	}
}

func TestOldKeysServeWhileNewOnesAreFetchedInTheBackground(t *testing.T) {
	s := newIssuer(t)
	v := s.verifier(t)
	raw := s.token(t, keyPool[0]())
	if _, err := v.Verify(t.Context(), raw); err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	s.breakWith(func(w http.ResponseWriter, r *http.Request) { <-release; w.WriteHeader(http.StatusInternalServerError) })
	s.clock.Advance(59*time.Minute + 59*time.Second)
	v.Verify(t.Context(), raw)
	if n := s.hits.Load(); n != 1 {
		t.Fatalf("%d fetches before the keys are an hour old", n)
	}
	s.clock.Advance(time.Second)
	raw = s.token(t, keyPool[0]())
	for range 3 { // while the server hangs
		if _, err := v.Verify(t.Context(), raw); err != nil {
			t.Fatalf("while the key server hangs: %v", err)
		}
	}
	eventually(t, "a fetch", func() bool { return s.hits.Load() == 2 })
	close(release)
	for range 20 { // while it fails: 20 seconds, in which pauses grow from 1 to 16
		s.clock.Advance(time.Second)
		if _, err := v.Verify(t.Context(), raw); err != nil {
			t.Fatalf("while the key server is down: %v", err)
		}
		time.Sleep(2 * time.Millisecond)
	}
	if n := s.hits.Load(); n > 7 {
		t.Errorf("%d fetches in 20 seconds of a failing server", n)
	}
	s.breakWith(nil)
	s.publish(keyPool[1]())
	s.clock.Advance(time.Minute)
	eventually(t, "the withdrawn key to be refused", func() bool {
		_, err := v.Verify(t.Context(), raw)
		return code(err) == verify.CodeSignature
	})
}

func TestServersMaxAgeIsObeyedWithinBounds(t *testing.T) {
	for seconds, wait := range map[int64]time.Duration{0: time.Minute, 120: 2 * time.Minute, 86400: time.Hour} {
		s := newIssuer(t)
		s.maxAge.Store(seconds)
		v, raw := s.verifier(t), s.token(t, keyPool[0]())
		v.Verify(t.Context(), raw)
		s.clock.Advance(wait - time.Second)
		v.Verify(t.Context(), raw)
		time.Sleep(10 * time.Millisecond)
		if n := s.hits.Load(); n != 1 {
			t.Errorf("max-age %d: %d fetches before %v", seconds, n, wait)
		}
		s.clock.Advance(time.Second)
		v.Verify(t.Context(), raw)
		eventually(t, "a fetch", func() bool { return s.hits.Load() == 2 })
	}
}

func TestABrokenKeyServerIsNotTheTokensFault(t *testing.T) {
	huge := `{"keys":[` + strings.Repeat(" ", 1<<20) + `]}`
	for name, h := range map[string]http.HandlerFunc{
		"500":       func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"404":       http.NotFound,
		"html":      func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("<html>")) },
		"empty":     func(w http.ResponseWriter, r *http.Request) {},
		"no keys":   func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(`{"keys":[]}`)) },
		"oversized": func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(huge)) },
		"endless": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				w.Write([]byte(huge))
			}
		},
		"cut": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.Write([]byte("{"))
		},
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/"+tenantID.String()+"/moved/keys", http.StatusFound)
		},
		"hanging": func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"dripping": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				w.Write([]byte(" "))
				w.(http.Flusher).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		},
	} {
		for _, discovery := range []bool{false, true} {
			s := newIssuer(t)
			s.noKeys.Store(discovery)
			s.breakWith(h)
			v, raw := s.verifier(t, func(c *verify.Config) { c.Timeout = 200 * time.Millisecond }), s.token(t, keyPool[0]())
			start := time.Now()
			if _, err := v.Verify(t.Context(), raw); code(err) != verify.CodeKeysUnavailable {
				t.Errorf("%s, discovery %v: %v", name, discovery, err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("%s: took %v", name, took)
			}
			hits := s.hits.Load()
			if _, err := v.Verify(t.Context(), raw); code(err) != verify.CodeKeysUnavailable || s.hits.Load() != hits {
				t.Errorf("%s: asked again at once, %v", name, err)
			}
			s.breakWith(nil)
			s.clock.Advance(time.Second)
			if _, err := v.Verify(t.Context(), raw); err != nil {
				t.Errorf("%s: after repair: %v", name, err)
			}
		}
	}
}

func TestALongKeyDocumentIsNotReadToItsEnd(t *testing.T) {
	s := newIssuer(t)
	var sent atomic.Int64
	s.breakWith(func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(token.NewJWKS(*s.ring.Load(), "", epoch)) // good keys, and then blanks
		for blanks := bytes.Repeat([]byte(" "), 64<<10); sent.Load() < 64<<20; sent.Add(64 << 10) {
			if _, err := w.Write(blanks); err != nil {
				return
			}
		}
	})
	if _, err := s.verifier(t).Verify(t.Context(), s.token(t, keyPool[0]())); code(err) != verify.CodeKeysUnavailable {
		t.Errorf("Verify = %v", err)
	}
	if n := sent.Load(); n >= 64<<20 {
		t.Errorf("%d bytes were read", n)
	}
}

func TestKeysAreNotFetchedInTheClear(t *testing.T) {
	s := newIssuer(t)
	s.noKeys.Store(true)
	s.breakWith(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte(`{"issuer":"https://i","jwks_uri":"http://login.example/keys"}`))
	})
	_, err := s.verifier(t).Verify(t.Context(), s.token(t, keyPool[0]()))
	if code(err) != verify.CodeKeysUnavailable || !strings.Contains(err.Error(), `"http://login.example/keys" is not an https address`) {
		t.Errorf("Verify = %v", err)
	}
}

func TestAnUnknownKeyWhileTheKeyServerIsDownIsNotTheTokensFault(t *testing.T) {
	s := newIssuer(t)
	v := s.verifier(t)
	v.Verify(t.Context(), s.token(t, keyPool[0]()))
	s.publish(keyPool[0](), keyPool[1]())
	s.breakWith(http.NotFound)
	s.clock.Advance(time.Minute)
	raw := s.token(t, keyPool[1]())
	for range 2 {
		if _, err := v.Verify(t.Context(), raw); code(err) != verify.CodeKeysUnavailable {
			t.Errorf("new key, server down: %v", err)
		}
	}
	s.breakWith(nil)
	s.clock.Advance(time.Second)
	if _, err := v.Verify(t.Context(), raw); err != nil {
		t.Errorf("after repair: %v", err)
	}
}

func TestACallerWhoLeavesDoesNotStopTheFetch(t *testing.T) {
	s := newIssuer(t)
	release := make(chan struct{})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-release; s.breakWith(nil); s.ServeHTTP(w, r) })
	s.breakWith(h)
	v, raw := s.verifier(t), s.token(t, keyPool[0]())
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := v.Verify(ctx, raw)
		left <- err
	}()
	eventually(t, "the fetch", func() bool { return s.hits.Load() == 1 })
	cancel()
	if err := <-left; code(err) != verify.CodeKeysUnavailable {
		t.Errorf("the caller who left: %v", err)
	}
	close(release)
	if _, err := v.Verify(t.Context(), raw); err != nil {
		t.Errorf("the caller who stayed: %v", err)
	}
}

func TestAForeignCertificateIsRefused(t *testing.T) {
	s := newIssuer(t)
	v := s.verifier(t, func(c *verify.Config) { c.HTTPClient = nil })
	if _, err := v.Verify(t.Context(), s.token(t, keyPool[0]())); code(err) != verify.CodeKeysUnavailable {
		t.Errorf("keys from a server of unknown authority: %v", err)
	}
}

func TestAClockSetBackDoesNotStopFetching(t *testing.T) {
	s := newIssuer(t)
	v := s.verifier(t)
	v.Verify(t.Context(), s.token(t, keyPool[0]()))
	s.publish(keyPool[0](), keyPool[1]())
	s.clock.Advance(-48 * time.Hour)
	if _, err := v.Verify(t.Context(), s.token(t, keyPool[1]())); err != nil {
		t.Errorf("after the clock was set back: %v", err)
	}
}
