package arm

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

func cipherOf(id resource.ID, name string) string { return state.SealedCipher(id, name) }

func TestASecretPrintsAsAMask(t *testing.T) {
	const s secret = "hunter2"
	text, _ := json.Marshal(map[string]any{"a": s})
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "s", s)
	for _, printed := range []string{fmt.Sprint(s), fmt.Sprintf("%s %q %v %+v %#v %x %d", s, s, s, s, s, s, s), fmt.Sprintf("%v", struct{ S secret }{s}),
		fmt.Sprintf("%v", []secret{s}), string(text), log.String()} {
		if strings.Contains(printed, "hunter2") || strings.Contains(printed, fmt.Sprintf("%x", "hunter2")) || !strings.Contains(printed, "***") {
			t.Errorf("it prints as %s", printed)
		}
	}
}

// TestSecretsStayOutOfTheView writes secrets in all the ways there are and looks for them wherever they must not be.
func TestSecretsStayOutOfTheView(t *testing.T) {
	w := start(t)
	const hidden = "hunter2-" // every secret begins with it
	for _, one := range []struct {
		status             int
		method, path, body string
	}{
		{200, "PUT", sites + "a", `{"location":"local","properties":{"siteConfig":{"appSettings":[{"name":"A","value":"hunter2-1"}],
			"connectionStrings":[{"name":"C","connectionString":"hunter2-2","type":"SQLAzure"}],"azureStorageAccounts":{"m":{"accessKey":"hunter2-3"}},
			"publishingPassword":"hunter2-4","alwaysOn":true}}}`},
		{200, "PATCH", sites + "a", `{"properties":{"SITECONFIG":{"AppSettings":[{"name":"A","value":"hunter2-5"}]}}}`},
		{200, "PUT", sites + "a/config/appsettings", `{"properties":{"A":"hunter2-6"}}`},
		{200, "PUT", sites + "a/config/connectionstrings", `{"properties":{"C":{"value":"hunter2-7","type":"Custom"}}}`},
		{200, "PUT", sites + "a/config/authsettings", `{"properties":{"enabled":true,"clientSecret":"hunter2-8"}}`},
		{200, "PUT", sites + "a/config/logs", `{"properties":{"applicationLogs":{"azureBlobStorage":{"sasUrl":"hunter2-9"}}}}`},
		{200, "PATCH", sites + "a/config/web", `{"properties":{"appSettings":[{"name":"A","value":"hunter2-10"}]}}`},
		{201, "PUT", apps + "shop", `{"location":"local","properties":{"Configuration":{"SECRETS":[{"Name":"db","VALUE":"hunter2-11"}]}}}`},
		{201, "PUT", machines + "vm1", `{"location":"local","properties":{"osProfile":{"adminPassword":"hunter2-12","customData":"hunter2-13","adminUsername":"ann"}}}`},
		{201, "PUT", machines + "vm1/extensions/x", `{"location":"local","properties":{"protectedSettings":{"key":"hunter2-14"}}}`},
		{201, "PUT", rg + "/providers/Microsoft.Sql/servers/s", `{"location":"local","properties":{"administratorLoginPassword":"hunter2-15"}}`},
	} {
		a := w.want(one.status, one.method, one.path+v1, one.body)
		if !strings.Contains(one.path, "/config/") && strings.Contains(a.text, hidden) {
			t.Errorf("%s %s answers %s", one.method, one.path, a.text)
		}
		thing, _, _ := strings.Cut(one.path, "/config/")
		for _, path := range []string{thing, rg + "/resources", thing[:strings.LastIndex(thing, "/")]} {
			if got := w.want(200, "GET", path+v1, ""); strings.Contains(got.text, hidden) {
				t.Errorf("GET %s answers %s", path, got.text)
			}
		}
	}
	for r := range w.dir().Resources("") {
		if text, _ := json.Marshal(r); strings.Contains(string(text), hidden) || strings.Contains(string(r.Properties), hidden) {
			t.Errorf("%s has %s %s", r.ID, text, r.Properties)
		}
	}
	cipher, found, err := w.store.Cipher(t.Context(), home.ID, cipherOf(sites+"a", "appsettings"))
	if err != nil || !found || strings.Contains(string(cipher.Ciphertext), hidden) {
		t.Errorf("the stored settings: found %v, %v", found, err)
	}
	w.want(400, "PUT", sites+"a/config/appsettings"+v1, `{"properties":{"A":{"hunter2-":1}}}`)
	w.traces.Range(func(_, trace any) bool {
		if strings.Contains(fmt.Sprint(trace), hidden) {
			t.Errorf("a trace tells it: %v", trace)
		}
		return true
	})
}

// TestASealedDocumentBelongsToItsPlace moves ciphertexts, as somebody with the database could.
func TestASealedDocumentBelongsToItsPlace(t *testing.T) {
	w := start(t)
	w.want(200, "PUT", sites+"a"+v1, `{"location":"local"}`)
	w.want(200, "PUT", sites+"b"+v1, `{"location":"local"}`)
	w.want(200, "PUT", sites+"a/config/appsettings"+v1, `{"properties":{"A":"1"}}`)
	stolen, _, err := w.store.Cipher(t.Context(), home.ID, cipherOf(sites+"a", "appsettings"))
	must(t, err)
	w.change(home, func(d *state.Draft) error {
		must(t, d.PutSealed(sites+"a", state.Sealed{Name: "metadata", Ciphertext: stolen.Ciphertext}))
		return d.PutSealed(sites+"b", state.Sealed{Name: "appsettings", Ciphertext: stolen.Ciphertext})
	})
	w.want(200, "POST", sites+"a/config/appsettings/list"+v1, "")
	w.want(500, "POST", sites+"a/config/metadata/list"+v1, "")
	w.want(500, "POST", sites+"b/config/appsettings/list"+v1, "")
}

// TestKeysAreMadeOnce asks for the keys of an account many times at once.
func TestKeysAreMadeOnce(t *testing.T) {
	w := start(t)
	w.want(200, "PUT", accounts+"store1"+v1, `{"location":"local"}`)
	texts := make([]string, 8)
	var group sync.WaitGroup
	for i := range texts {
		group.Go(func() { texts[i] = w.do("POST", accounts+"store1/listKeys"+v1, "").text })
	}
	group.Wait()
	for _, text := range texts {
		w.equal("keys", text, texts[0])
	}
}
