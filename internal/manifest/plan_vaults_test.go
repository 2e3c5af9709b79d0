package manifest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/vault"
)

// newSealer returns a sealer whose ciphertexts are the plaintext behind its context, and can be looked at.
func newSealer(st *store.Store) Sealer {
	return Sealer{Random: rand.Reader, Values: Values{},
		Seal: func(context []string, plain []byte) ([]byte, error) {
			return append([]byte(strings.Join(context, "\x00")+"\x01"), plain...), nil
		},
		Open: func(ctx context.Context, tenant guid.GUID, id string) ([]byte, error) {
			return half(ctx, st, tenant, id)
		}}
}

func half(ctx context.Context, st *store.Store, tenant guid.GUID, id string) ([]byte, error) {
	c, found, err := st.Cipher(ctx, tenant, id)
	if err != nil || !found {
		return nil, fmt.Errorf("no half of %s: %w", id, err)
	}
	context, plain, _ := bytes.Cut(c.Ciphertext, []byte{1})
	if string(context) != strings.Join(state.CipherContext(tenant, id), "\x00") {
		return nil, errors.New("the half is bound to " + string(context))
	}
	return plain, nil
}

func (w *world) dir() *state.Directory {
	dir, _ := w.live.View().Directory(tenant)
	return dir
}

// object returns something in the vault kv-orders and its newest version with its half.
func (w *world) object(kind vault.Kind, name string) (o *vault.Object, v *vault.Version, value string) {
	w.t.Helper()
	r, ok := w.dir().Vault("kv-orders")
	if !ok {
		w.t.Fatal("there is no vault")
	}
	if o, ok = w.dir().VaultObject(r.ID, kind, name); !ok {
		w.t.Fatalf("there is no %s %s", kind.One(), name)
	}
	if v, ok = w.dir().VaultVersion(o, ""); !ok {
		w.t.Fatalf("%s has no version", name)
	}
	text, err := w.sealer.Open(context.Background(), tenant, state.VaultCipher(v.Vault, v.Kind, v.Name, v.ID))
	if err != nil {
		w.t.Fatal(err)
	}
	return o, v, string(text)
}

// must plans and demands that a manifest can be applied.
func (w *world) must(text string, prune bool) string {
	w.t.Helper()
	plan, err := w.plan(text, prune)
	if err != nil {
		w.t.Fatal(err)
	}
	return plan
}

func (w *world) equal(what, got, want string) {
	w.t.Helper()
	if got != want {
		w.t.Errorf("%s:\n%s\nwant:\n%s", what, got, want)
	}
}

const withVaults = `
identities: [{name: id-orders}]
vaults:
  - name: kv-orders
    purgeProtection: true
    retentionDays: 7
    tags: {team: shop}
    secrets:
      db-password: {generate: 32}
      api-key: {fromEnv: API_KEY, contentType: text/plain}
      motd: {fromFile: conf/motd}
    keys:
      signing: {type: EC, curve: P-384, operations: [sign]}
      wrapping: {type: RSA}
roles:
  - {principal: id-orders, role: Key Vault Secrets User, scope: kv-orders/secrets/db-password}
  - {principal: id-orders, role: Key Vault Crypto User, scope: KV-orders}
`

func newVaultWorld(t *testing.T) *world {
	w := newWorld(t)
	w.sealer.Values = Values{"env:API_KEY": "k1", "file:conf/motd": "hello\n"}
	return w
}

func TestVaultsArePlanned(t *testing.T) {
	w := newVaultWorld(t)
	first := w.must(withVaults, false)
	for _, want := range []string{"create vault kv-orders", "create secret kv-orders/db-password generated, 32 characters", "create secret kv-orders/api-key env API_KEY",
		"create secret kv-orders/motd file conf/motd", "create key kv-orders/signing EC P-384", "create key kv-orders/wrapping RSA 2048",
		"create role id-orders Key Vault Secrets User at kv-orders/secrets/db-password"} {
		if !strings.Contains(first, want) {
			t.Errorf("the plan lacks %q:\n%s", want, first)
		}
	}
	if strings.Contains(first, "k1") || strings.Contains(first, "hello") {
		t.Errorf("a value is in the plan:\n%s", first)
	}
	r, _ := w.dir().Vault("kv-orders")
	settings, err := vault.ReadSettings(r.Properties)
	if err != nil || !settings.RBAC || !settings.PurgeProtection || settings.Retention != 7 || r.Tags["team"] != "shop" {
		t.Errorf("%+v %v %v", settings, r.Tags, err)
	}
	_, v, password := w.object(vault.Secrets, "db-password")
	if len(password) != 32 || strings.Trim(password, alphabet) != "" || !v.Enabled || v.Created.IsZero() {
		t.Errorf("%q %+v", password, v)
	}
	_, v, value := w.object(vault.Secrets, "api-key")
	w.equal("from the environment", value+" "+v.ContentType, "k1 text/plain")
	_, _, value = w.object(vault.Secrets, "motd")
	w.equal("from a file, to the last byte", value, "hello\n")
	_, v, value = w.object(vault.Keys, "signing")
	private, err := vault.ParseKey([]byte(value))
	if err != nil || !private.Public(nil, false).Same(v.Key) || fmt.Sprint(v.Key.Operations) != "[sign]" {
		t.Errorf("%v: %+v", err, v.Key)
	}
	scope := vault.Scope(r.ID, vault.Secrets, "db-password")
	i, _ := w.dir().Identity(resource.In(r.ID.GroupID(), resource.TypeIdentity, "id-orders"))
	for a := range w.dir().Grants(i.PrincipalID).At(scope) {
		scope = "found " + a.Scope
	}
	if !strings.HasPrefix(string(scope), "found ") {
		t.Error("no role at the secret")
	}
	for _, prune := range []bool{false, true} {
		w.equal("again", w.must(withVaults, prune), "")
	}
	_, _, again := w.object(vault.Secrets, "db-password")
	w.equal("the generated value", again, password)
}

func TestVaultsChangeWhereTheyDiffer(t *testing.T) {
	w := newVaultWorld(t)
	w.must(withVaults, false)
	_, before, _ := w.object(vault.Secrets, "api-key")
	w.sealer.Values["env:API_KEY"] = "k2"
	w.equal("another value", w.must(withVaults, false), "update secret kv-orders/api-key env API_KEY")
	o, after, value := w.object(vault.Secrets, "api-key")
	if value != "k2" || after.ID == before.ID {
		t.Errorf("%q", value)
	}
	if _, ok := w.dir().VaultVersion(o, before.ID); !ok {
		t.Error("the former version is gone")
	}
	w.equal("again", w.must(withVaults, false), "")
	change := func(from, to string) string { return strings.Replace(withVaults, from, to, 1) }
	w.equal("a content type", w.must(change("text/plain", "text/html"), false), "update secret kv-orders/api-key content type text/html")
	w.equal("none is no change", w.must(change(", contentType: text/plain", ""), false), "")
	w.equal("operations", w.must(change("operations: [sign]", "operations: [verify]"), false), "update secret kv-orders/api-key content type text/plain\nupdate key kv-orders/signing for [verify]")
	w.equal("another length is no change", w.must(change("generate: 32", "generate: 64"), false), "update key kv-orders/signing for [sign]")
	w.equal("tags", w.must(change("team: shop", "team: bank"), false), "update vault kv-orders")
	w.equal("no purge protection is no change", w.must(strings.Replace(withVaults, "    purgeProtection: true\n", "", 1), false), "update vault kv-orders")
	r, _ := w.dir().Vault("kv-orders")
	if settings, _ := vault.ReadSettings(r.Properties); !settings.PurgeProtection {
		t.Error("purge protection was taken back")
	}
}

func TestDeletedVaultsAndSecretsComeBack(t *testing.T) {
	w := newVaultWorld(t)
	w.must(withVaults, false)
	_, _, password := w.object(vault.Secrets, "db-password")
	r, _ := w.dir().Vault("kv-orders")
	settings := &vault.Settings{Retention: 7}
	w.change(func(d *state.Draft) error {
		_, err := d.DeleteVaultObject(r.ID, vault.Secrets, "db-password", settings)
		if err == nil {
			_, err = d.DeleteVaultObject(r.ID, vault.Keys, "signing", settings)
		}
		return err
	})
	w.equal("secrets", w.must(withVaults, false), "update secret kv-orders/db-password recovered\nupdate key kv-orders/signing recovered")
	// A vault that is declared no more is deleted, if that is asked for, and comes back with what is in it.
	const without = "identities: [{name: id-orders}]\n"
	w.equal("not asked for", w.must(without, false), "")
	plan := w.must(without, true)
	if !strings.Contains(plan, "delete vault kv-orders can be recovered until ") {
		t.Error(plan)
	}
	if _, ok := w.dir().DeletedVault(r.ID); !ok {
		t.Error("it was not deleted softly")
	}
	plan = w.must(withVaults, false)
	w.equal("back", plan, "update vault kv-orders recovered\ncreate role id-orders Key Vault Secrets User at kv-orders/secrets/db-password\n"+
		"create role id-orders Key Vault Crypto User at KV-orders")
	_, _, again := w.object(vault.Secrets, "db-password")
	w.equal("the generated value", again, password)
	// Nobody else's secrets are pruned.
	w.change(func(d *state.Draft) error {
		_, err := d.PutVaultVersion(vault.Version{Vault: r.ID, Kind: vault.Secrets, Name: "by-hand", ID: strings.Repeat("b", 32)}, []byte("\x01v"), nil)
		return err
	})
	w.equal("by hand", w.must(withVaults, true), "")
}

// Somebody sets the secret between the turn that sees it and the turn that would change it.
func TestAPlanIsMadeForWhatThereIs(t *testing.T) {
	w := newVaultWorld(t)
	w.racing = true
	w.must(withVaults, false)
	r, _ := w.dir().Vault("kv-orders")
	set := func(value string) {
		w.change(func(d *state.Draft) error {
			v := vault.Version{Vault: r.ID, Kind: vault.Secrets, Name: "api-key", ID: fmt.Sprintf("%032x", len(value)), ContentType: "text/plain"}
			sealed, err := w.sealer.Seal(state.CipherContext(tenant, state.VaultCipher(v.Vault, v.Kind, v.Name, v.ID)), []byte(value))
			if err == nil {
				_, err = d.PutVaultVersion(v, sealed, nil)
			}
			return err
		})
	}
	set("other")
	open, turns := w.sealer.Open, 0
	w.sealer.Open = func(ctx context.Context, tenant guid.GUID, id string) ([]byte, error) {
		plain, err := open(ctx, tenant, id)
		if turns++; strings.Contains(id, "/api-key/") && turns < 9 {
			set(strings.Repeat("x", 10+turns))
		}
		return plain, err
	}
	w.equal("after the last of them", w.must(withVaults, false), "update secret kv-orders/api-key env API_KEY")
	_, _, value := w.object(vault.Secrets, "api-key")
	if value != "k1" || turns < 9 {
		t.Errorf("%q after %d", value, turns)
	}
}

func TestVaultsThatCannotBe(t *testing.T) {
	w := newVaultWorld(t)
	w.sealer.Values["file:binary"] = "\xff\xfe"
	w.sealer.Values["file:large"] = vault.Value(strings.Repeat("x", vault.MaxSecret+1))
	w.must("vaults: [{name: kv-orders, retentionDays: 7, keys: {k: {type: RSA}}}]\nresources: [{type: Microsoft.KeyVault/vaults, name: kv-other}]", false)
	for text, want := range map[string][2]string{
		"vaults: [{name: 1kv}]":                {"$.vaults[0].name", "3 to 24 letters"},
		"vaults: [{name: kv-1}, {name: KV-1}]": {"$.vaults[1].name", "declared twice"},
		"vaults: [{name: kv-1, resourceGroup: a}, {name: kv-1, resourceGroup: b}]":           {"$.vaults[1].name", "declared twice"},
		"vaults: [{name: kv-1}]\nresources: [{type: microsoft.keyvault/Vaults, name: kv-1}]": {"$.resources[0].name", "declared under vaults, too"},
		"vaults: [{name: kv-1, retentionDays: 6}]":                                           {"$.vaults[0].retentionDays", "from 7 to 90"},
		"vaults: [{name: kv-orders, retentionDays: 8}]":                                      {"$.vaults[0].retentionDays", "7 days since it was made, which cannot become 8"},
		"vaults: [{name: kv-other, resourceGroup: elsewhere}]":                               {"$.vaults[0]", "already in use"},
		"vaults: [{name: kv-1, secrets: {a_b: {generate: 8}}}]":                              {"$.vaults[0].secrets", `"a_b" is not one of a secret`},
		"vaults: [{name: kv-1, secrets: {a: {generate: 8}, A: {generate: 8}}}]":              {"$.vaults[0].secrets.'a'", "declared twice"},
		"vaults: [{name: kv-1, secrets: {a: {}}}]":                                           {"$.vaults[0].secrets.'a'", "exactly one of generate, fromEnv and fromFile"},
		"vaults: [{name: kv-1, secrets: {a: }}]":                                             {"$.vaults[0].secrets.'a'", "exactly one of"},
		"vaults: [{name: kv-1, secrets: {a: {generate: 8, fromEnv: A}}}]":                    {"$.vaults[0].secrets.'a'", "exactly one of"},
		"vaults: [{name: kv-1, secrets: {a: {generate: 7}}}]":                                {"$.vaults[0].secrets.'a'", "from 8 to 1024"},
		"vaults: [{name: kv-1, secrets: {a: {generate: -8}}}]":                               {"$.vaults[0].secrets.'a'", "from 8 to 1024"},
		"vaults: [{name: kv-1, secrets: {a: {fromEnv: MISSING}}}]":                           {"$.vaults[0].secrets.'a'", "the value of env:MISSING did not come with the manifest"},
		"vaults: [{name: kv-1, secrets: {a: {fromFile: binary}}}]":                           {"$.vaults[0].secrets.'a'", "not text in UTF-8"},
		"vaults: [{name: kv-1, secrets: {a: {fromFile: large}}}]":                            {"$.vaults[0].secrets.'a'", "25601 bytes"},
		"vaults: [{name: kv-1, keys: {a: {type: oct}}}]":                                     {"$.vaults[0].keys.'a'", "managed hardware security modules"},
		"vaults: [{name: kv-1, keys: {a: {type: RSA, size: 1024}}}]":                         {"$.vaults[0].keys.'a'", "2048, 3072 or 4096"},
		"vaults: [{name: kv-1, keys: {a: {type: EC, curve: P-1}}}]":                          {"$.vaults[0].keys.'a'", "none of P-256"},
		"vaults: [{name: kv-1, keys: {a: {type: EC, operations: [encrypt]}}}]":               {"$.vaults[0].keys.'a'", "none of a key of type EC"},
		"vaults: [{name: kv-orders, keys: {k: {type: EC}}}]":                                 {"$.vaults[0].keys.'k'", "RSA 2048 since it was made"},
	} {
		before := w.live.View().At()
		plan, err := w.plan(text, false)
		if e := apierr.From(err); err == nil || e.Code != apierr.ManifestInvalid || e.Target != want[0] || !strings.Contains(e.Message, want[1]) {
			t.Errorf("%s: %q, %v at %q", text, plan, err, e.Target)
		} else if Locate([]byte(text), e.Target) == "" {
			t.Errorf("%s: %s cannot be located", text, e.Target)
		}
		if w.live.View().At() != before {
			t.Errorf("%s: something was changed", text)
		}
	}
	// Unknown keys are errors with their place.
	for text, place := range map[string]string{
		"vaults:\n  - name: kv-1\n    purge: true\n":                   "3:5",
		"vaults:\n  - name: kv-1\n    secrets:\n      a: {valu: x}\n":  "4:11",
		"vaults:\n  - name: kv-1\n    secrets:\n      a: x\n":          "4:10",
		"vaults:\n  - name: kv-1\n    keys:\n      a: {kty: RSA}\n":    "4:11",
		"vaults: [{name: kv-1, secrets: {a: {generate: 8}, a: {}}}]\n": "1:51",
	} {
		if _, err := Parse([]byte(text)); !apierr.Is(err, apierr.ManifestInvalid) || apierr.From(err).Target != place {
			t.Errorf("%q: %v at %q", text, err, apierr.From(err).Target)
		}
	}
}

// What fails on our side is no mistake in the manifest.
func TestAFaultOfOursIsNotAMistakeInTheManifest(t *testing.T) {
	w := newVaultWorld(t)
	w.must(withVaults, false)
	w.sealer.Open = func(context.Context, guid.GUID, string) ([]byte, error) {
		return nil, apierr.New(apierr.StoreFailed, "The database does not answer.")
	}
	if _, err := w.plan(withVaults, false); !apierr.Is(err, apierr.StoreFailed) {
		t.Error(err)
	}
}

func TestSources(t *testing.T) {
	m, err := Parse([]byte(withVaults))
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(m.Sources())
	if want := fmt.Sprint(map[Source]string{"env:API_KEY": "$.vaults[0].secrets.'api-key'", "file:conf/motd": "$.vaults[0].secrets.'motd'"}); got != want {
		t.Error(got)
	}
	if name, ok := Source("env:A:B").Env(); !ok || name != "A:B" {
		t.Error(name)
	}
	if path, ok := Source("file:/a").File(); !ok || path != "/a" {
		t.Error(path)
	}
}

// Each character is as likely as any other: 10,000 draws of each on average stay within five standard deviations.
func TestRandomTextIsUniform(t *testing.T) {
	text, err := randomText(rand.Reader, 620_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range alphabet {
		if n := bytes.Count(text, []byte(string(c))); n < 9_500 || n > 10_500 {
			t.Errorf("%c: %d", c, n)
		}
	}
}
