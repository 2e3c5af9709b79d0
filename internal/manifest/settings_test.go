package manifest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

const withSettings = `
resources:
  - type: microsoft.web/sites
    name: func-orders
    identity: {system: true}
    settings:
      LOG_LEVEL: debug
      DB_PASSWORD: "@Microsoft.KeyVault(VaultName=kv-orders;SecretName=db-password)"
`

func (w *world) site() *resource.Resource {
	w.t.Helper()
	for r := range w.dir().ResourcesNamed("func-orders") {
		return r
	}
	w.t.Fatal("there is no site")
	return nil
}

// settings is the text of the application settings of the site.
func (w *world) settings() string {
	w.t.Helper()
	text, err := w.sealer.Open(context.Background(), tenant, state.SealedCipher(w.site().ID, resource.AppSettings))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// putSettings does what Resource Manager does.
func (w *world) putSettings(text string) {
	w.t.Helper()
	r := w.site()
	ciphertext, err := w.sealer.Seal(state.CipherContext(tenant, state.SealedCipher(r.ID, resource.AppSettings)), []byte(text))
	if err != nil {
		w.t.Fatal(err)
	}
	w.change(func(d *state.Draft) error {
		return d.PutSealed(r.ID, state.Sealed{Name: resource.AppSettings, Ciphertext: ciphertext})
	})
}

const reference = `"DB_PASSWORD":"@Microsoft.KeyVault(VaultName=kv-orders;SecretName=db-password)"`

func TestSettingsArePlanned(t *testing.T) {
	w := newWorld(t)
	first := w.must(withSettings, false)
	if !strings.Contains(first, "create settings func-orders DB_PASSWORD, LOG_LEVEL") {
		t.Error(first)
	}
	w.equal("settings", w.settings(), `{`+reference+`,"LOG_LEVEL":"debug"}`)
	w.equal("again", w.must(withSettings, true), "")
	w.putSettings(`{"Log_Level":"info","OTHER":"theirs",` + reference + `}`)
	w.equal("one changed, in another spelling", w.must(withSettings, true), "update settings func-orders LOG_LEVEL")
	w.equal("others stay", w.settings(), `{`+reference+`,"LOG_LEVEL":"debug","OTHER":"theirs"}`)
	w.equal("undeclared", w.must(strings.Split(withSettings, "    settings:")[0], true), "")
	w.equal("they stay", w.settings(), `{`+reference+`,"LOG_LEVEL":"debug","OTHER":"theirs"}`)
}

// TestSettingsThatChangeMeanwhile: what somebody else sets between the reading and the writing of the document is kept.
func TestSettingsThatChangeMeanwhile(t *testing.T) {
	w := newWorld(t)
	w.racing = true
	w.must(withSettings, false)
	w.putSettings(`{"LOG_LEVEL":"info"}`)
	open, turns := w.sealer.Open, 0
	w.sealer.Open = func(ctx context.Context, tenant guid.GUID, id string) ([]byte, error) {
		text, err := open(ctx, tenant, id)
		if turns++; turns < 4 {
			w.putSettings(fmt.Sprintf(`{"LOG_LEVEL":"info","N":"%d"}`, turns))
		}
		return text, err
	}
	w.equal("after the last of them", w.must(withSettings, false), "update settings func-orders DB_PASSWORD, LOG_LEVEL")
	w.equal("both", w.settings(), `{`+reference+`,"LOG_LEVEL":"debug","N":"3"}`)
}

func TestSettingsThatCannotBe(t *testing.T) {
	w := newWorld(t)
	for text, want := range map[string][2]string{
		"resources: [{type: Microsoft.Compute/virtualMachines, name: v, settings: {A: b}}]": {"$.resources[0].settings", "Microsoft.Web/sites"},
		"resources: [{type: Microsoft.Web/sites, name: s, settings: {A: b, a: c}}]":         {"$.resources[0].settings", "declared twice"},
		"resources: [{type: Microsoft.Web/sites, name: s, settings: {' ': b}}]":             {"$.resources[0].settings", "not a name"},
		"resources: [{type: Microsoft.Web/sites, name: s, settings: {'A=B': b}}]":           {"$.resources[0].settings", "not a name"},
	} {
		_, err := w.plan(text, false)
		e := apierr.From(err)
		if e == nil || e.Target != want[0] || !strings.Contains(e.Message, want[1]) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for r := range w.dir().Resources("") {
		t.Errorf("%s was made", r.ID)
	}
}
