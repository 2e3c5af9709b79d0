package keyvault

import (
	"fmt"
	"testing"

	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/token"
)

// TestFilesAreOpenedBesideTheSigning: whoever has files opened that take long waits among those, is sent away if there are
// too many, and holds up no signature.
func TestFilesAreOpenedBesideTheSigning(t *testing.T) {
	w := start(t)
	w.want(200, "PUT", "/keys/k", textOf(map[string]any{"key": jwkOf(madeEC())}))
	w.want(200, "PUT", "/secrets/pfx", `{"value":"MA==","contentType":"application/x-pkcs12"}`)
	w.api.makers = token.NewSigner(1, 1)
	begun, end, got := make(chan bool), make(chan bool), make(chan answer)
	go w.api.makers.Do(t.Context(), func() { close(begun); <-end })
	<-begun
	for range 2 { // of which one waits
		go func() { got <- w.do("POST", "/certificates/c/import", `{"value":"MA=="}`) }()
	}
	w.refused("the other", <-got, 503, "ServiceUnavailable", "")
	w.refused("a conversion, too", w.do("GET", "/secrets/pfx?outContentType=application/x-pem-file", ""), 503, "ServiceUnavailable", "")
	w.equal("a signature", fmt.Sprint(w.do("POST", "/keys/k/sign", `{"alg":"ES256","value":"`+b64(make([]byte, 32))+`"}`).status), "200")
	close(end)
	w.refused("the one that waited", <-got, 400, "BadParameter", "")
}

// TestOneVersionOfTheSettingsIsKept: a vault that is changed again and again does not fill the memory.
func TestOneVersionOfTheSettingsIsKept(t *testing.T) {
	s := newSettings()
	for i := range 50 {
		r := &resource.Resource{ID: orders, Properties: fmt.Appendf(nil, `{"softDeleteRetentionInDays":%d}`, 7+i)}
		for range 2 {
			if got, err := s.of(r); err != nil || got.Retention != 7+i {
				t.Fatalf("%d days, %v", got.Retention, err)
			}
		}
	}
	if len(s.all) != 1 {
		t.Errorf("%d versions are kept", len(s.all))
	}
}
