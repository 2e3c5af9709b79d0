package keyvault

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// TestRolesOfKeys asks for each operation with each role: case by case it is what the table of the role's data actions
// says, and nothing else of the request matters.
func TestRolesOfKeys(t *testing.T) {
	w := start(t)
	w.want(200, "PUT", "/keys/k", textOf(map[string]any{"key": jwkOf(madeRSA())}))
	w.want(200, "POST", "/keys/gone/create", `{"kty":"EC"}`)
	w.want(200, "DELETE", "/keys/gone", "")
	digest, value := b64(make([]byte, 32)), w.want(200, "POST", "/keys/k/encrypt", `{"alg":"RSA-OAEP","value":"AAAA"}`).at("value")
	operations := []struct{ name, method, path, body string }{
		{"list", "GET", "/keys", ""},
		{"versions", "GET", "/keys/k/versions", ""},
		{"get", "GET", "/keys/k", ""},
		{"getDeleted", "GET", "/deletedkeys/gone", ""},
		{"listDeleted", "GET", "/deletedkeys", ""},
		{"policy", "GET", "/keys/k/rotationpolicy", ""},
		{"encrypt", "POST", "/keys/k/encrypt", `{"alg":"RSA-OAEP","value":"AAAA"}`},
		{"decrypt", "POST", "/keys/k/decrypt", `{"alg":"RSA-OAEP","value":"` + value + `"}`},
		{"wrap", "POST", "/keys/k/wrapkey", `{"alg":"RSA-OAEP","value":"AAAA"}`},
		{"unwrap", "POST", "/keys/k/unwrapkey", `{"alg":"RSA-OAEP","value":"` + value + `"}`},
		{"sign", "POST", "/keys/k/sign", `{"alg":"RS256","value":"` + digest + `"}`},
		{"verify", "POST", "/keys/k/verify", `{"alg":"RS256","digest":"` + digest + `","value":"AAAA"}`},
		{"backup", "POST", "/keys/k/backup", ""},
		{"update", "PATCH", "/keys/k", `{"tags":{"a":"b"}}`},
		{"create", "POST", "/keys/n/create", `{"kty":"EC"}`},
		{"import", "PUT", "/keys/n", textOf(map[string]any{"key": jwkOf(madeEC())})},
		{"setPolicy", "PUT", "/keys/k/rotationpolicy", `{"lifetimeActions":[]}`},
		{"rotate", "POST", "/keys/n/rotate", ""},
		{"delete", "DELETE", "/keys/n", ""},
		{"recover", "POST", "/deletedkeys/n/recover", ""},
		{"restore", "POST", "/keys/restore", `{"value":"AAAA"}`},
		{"purge", "DELETE", "/deletedkeys/none", ""},
	}
	reads, uses := "list versions get getDeleted listDeleted", "encrypt decrypt wrap unwrap sign verify"
	roles := map[string]string{
		"":                          "",
		"Owner":                     "",
		"Key Vault Contributor":     "",
		"Key Vault Secrets Officer": "",
		"Key Vault Reader":          reads + " policy",
		"Key Vault Crypto User":     reads + " " + uses + " update backup",
		"Key Vault Crypto Officer":  "*",
		"Key Vault Administrator":   "*",
		"Key Vault Crypto Service Encryption User": reads + " wrap unwrap",
		"Key Vault Certificate User":               reads,
		"Key Vault Crypto Service Release User":    "",
	}
	for role, may := range roles {
		bearer := w.identity("id-"+strings.ReplaceAll(role+"x", " ", "-"), role, group)
		for _, o := range operations {
			a := w.as(bearer, "kv-orders.vault.azure.net", o.method, o.path, o.body)
			allowed := may == "*" || strings.Contains(" "+may+" ", " "+o.name+" ")
			if allowed == (a.status == 403) || a.status == 401 || a.status == 500 || a.status == 405 {
				t.Errorf("%q, %s: %d %s; allowed is %v", role, o.name, a.status, a.text, allowed)
			}
			if !allowed {
				w.refused(role+" "+o.name, a, 403, "Forbidden", "ForbiddenByRbac")
			}
		}
	}
}

// TestARoleAtOneKey: a role at one key says nothing of its neighbours, of the vault or of a secret of the same name.
func TestARoleAtOneKey(t *testing.T) {
	w := start(t)
	for _, name := range []string{"mine", "yours"} {
		w.want(200, "PUT", "/keys/"+name, textOf(map[string]any{"key": jwkOf(madeEC())}))
	}
	w.want(200, "PUT", "/secrets/mine", `{"value":"v"}`)
	bearer := w.identity("id-app", "Key Vault Crypto Officer", vault.Scope(orders, vault.Keys, "mine"))
	send := func(method, path, body string) answer {
		return w.as(bearer, "kv-orders.vault.azure.net", method, path, body)
	}
	sign := `{"alg":"ES256","value":"` + b64(make([]byte, 32)) + `"}`
	w.equal("sign", fmt.Sprint(send("POST", "/keys/mine/sign", sign).status, send("POST", "/keys/MINE/sign", sign).status), "200 200")
	w.equal("rotate", fmt.Sprint(send("POST", "/keys/mine/rotate", "").status), "200")
	w.refused("another", send("POST", "/keys/yours/sign", sign), 403, "Forbidden", "ForbiddenByRbac")
	w.refused("the list", send("GET", "/keys", ""), 403, "Forbidden", "ForbiddenByRbac")
	w.refused("a secret", send("GET", "/secrets/mine", ""), 403, "Forbidden", "ForbiddenByRbac")
	a := send("POST", "/keys/yours/sign", sign)
	if !strings.Contains(a.at("error", "message"), "Action: 'Microsoft.KeyVault/vaults/keys/sign/action'") {
		t.Error(a.text)
	}
}

// TestAccessPoliciesOfKeys: the older alternative, whose words are those of the operations.
func TestAccessPoliciesOfKeys(t *testing.T) {
	w := start(t)
	bearer := w.identity("id-app", "Key Vault Administrator", group) // which says nothing here
	send := func(method, path, body string) answer {
		return w.as(bearer, "kv-legacy.vault.azure.net", method, path, body)
	}
	permit := func(words string) {
		w.change(func(d *state.Draft) error {
			r, _ := d.Directory().Resource(legacy)
			spec := state.SpecOf(r)
			spec.Properties = fmt.Appendf(nil, `{"accessPolicies":[{"tenantId":"%s","objectId":"%s","permissions":{"keys":[%s],"secrets":["all"]}}]}`, home.ID, w.principal("id-app"), words)
			_, _, err := d.PutResource(spec)
			return err
		})
	}
	sign := `{"alg":"ES256","value":"` + b64(make([]byte, 32)) + `"}`
	permit(`"create","Sign"`)
	w.equal("create and sign", fmt.Sprint(send("POST", "/keys/k/create", `{"kty":"EC"}`).status, send("POST", "/keys/k/sign", sign).status), "200 200")
	w.refused("get", send("GET", "/keys/k", ""), 403, "Forbidden", "ForbiddenByPolicy")
	w.refused("rotate", send("POST", "/keys/k/rotate", ""), 403, "Forbidden", "ForbiddenByPolicy")
	permit(`"get","rotate"`)
	w.equal("rotate", fmt.Sprint(send("GET", "/keys/k", "").status, send("POST", "/keys/k/rotate", "").status), "200 200")
	w.refused("sign, at once", send("POST", "/keys/k/sign", sign), 403, "Forbidden", "ForbiddenByPolicy")
	permit(`"all"`)
	w.equal("policy", fmt.Sprint(send("GET", "/keys/k/rotationpolicy", "").status), "200")
}
