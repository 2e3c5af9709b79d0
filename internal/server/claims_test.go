package server

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

// The managed-identity claims of section D and the numbered cases of section G of the wire specification, in tokens
// that went the whole way: agent, node API, decision, signature.
func TestManagedIdentityClaims(t *testing.T) {
	w := startWorld(t, Config{})
	both := w.launch("both")
	site, _ := findResource(w.dir(), "both")
	id1, _ := w.dir().Identity(resource.In(w.server.home.group, resource.TypeIdentity, "id1"))
	chosen := url.Values{"client_id": {id1.ClientID.String()}}
	issuers := w.server.Status().Issuers
	issued := func(id resource.ID) string { return id.Issued() }

	t.Run("G39 system-assigned: xms_mirid is the resource, no xms_az_rid", func(t *testing.T) {
		c := w.claims(both, "api://orders", nil)
		if c["xms_mirid"] != issued(site.ID) || c["xms_az_rid"] != nil || !strings.Contains(issued(site.ID), "/resourcegroups/") {
			t.Errorf("xms_mirid %v, xms_az_rid %v", c["xms_mirid"], c["xms_az_rid"])
		}
	})
	t.Run("G40 user-assigned: xms_mirid is the identity, xms_az_rid the resource", func(t *testing.T) {
		c := w.claims(both, "api://orders", chosen)
		if c["xms_mirid"] != issued(id1.ID) || c["xms_az_rid"] != issued(site.ID) {
			t.Errorf("xms_mirid %v, xms_az_rid %v", c["xms_mirid"], c["xms_az_rid"])
		}
		if !reflect.DeepEqual(c["xms_az_nwperimid"], []any{}) {
			t.Errorf("xms_az_nwperimid %v", c["xms_az_nwperimid"])
		}
	})
	t.Run("G156 a v1.0 API", func(t *testing.T) {
		c := w.claims(both, "api://orders", chosen)
		want := map[string]any{"ver": "1.0", "aud": "api://orders", "iss": issuers[0], "idp": issuers[0], "appid": id1.ClientID.String(),
			"appidacr": "2", "oid": id1.PrincipalID.String(), "sub": id1.PrincipalID.String(), "tid": "11111111-1111-4111-8111-111111111111",
			"roles": []any{"Orders.Read.All"}, "idtyp": "app"}
		for name, value := range want {
			if !reflect.DeepEqual(c[name], value) {
				t.Errorf("%s = %v, want %v", name, c[name], value)
			}
		}
		for _, name := range []string{"scp", "azp", "azpacr"} {
			if c[name] != nil {
				t.Errorf("%s = %v, want none", name, c[name])
			}
		}
		for _, name := range []string{"iat", "nbf", "exp", "aio", "rh", "uti"} {
			if c[name] == nil {
				t.Errorf("%s is missing", name)
			}
		}
	})
	t.Run("G157 a v2.0 API", func(t *testing.T) {
		c := w.claims(both, "api://billing", nil)
		app, _, _ := w.dir().Audience("api://billing")
		want := map[string]any{"ver": "2.0", "aud": app.AppID.String(), "iss": issuers[1], "azp": site.Identity.System.ClientID.String(),
			"azpacr": "2", "roles": []any{"Bills.Read"}}
		for name, value := range want {
			if !reflect.DeepEqual(c[name], value) {
				t.Errorf("%s = %v, want %v", name, c[name], value)
			}
		}
		if c["appid"] != nil || c["scp"] != nil || !strings.HasSuffix(issuers[1], "/v2.0") {
			t.Errorf("appid %v, scp %v, issuer %s", c["appid"], c["scp"], issuers[1])
		}
	})
	t.Run("G159 without a role: a token without roles", func(t *testing.T) {
		if c := w.claims(both, "api://orders", nil); c["roles"] != nil {
			t.Errorf("roles = %v", c["roles"])
		}
	})
	t.Run("G29 the audience keeps its trailing slash", func(t *testing.T) {
		if c := w.claims(both, "https://management.azure.com/", nil); c["aud"] != "https://management.azure.com/" {
			t.Errorf("aud = %v", c["aud"])
		}
		if c := w.claims(both, "https://management.azure.com", nil); c["aud"] != "https://management.azure.com" {
			t.Errorf("aud = %v", c["aud"])
		}
	})
	t.Run("G164 life of an hour by default, backdated by five minutes", func(t *testing.T) {
		c := w.claims(both, "api://orders", nil)
		if life := c["exp"].(float64) - c["nbf"].(float64); life != 3600+300 || c["iat"] != c["nbf"] {
			t.Errorf("life = %v s, iat %v, nbf %v", life, c["iat"], c["nbf"])
		}
	})
	t.Run("G15 an audience nobody registered", func(t *testing.T) {
		status, body := w.ask(both, "https://nobody.example", nil)
		if status != http.StatusBadRequest || !strings.Contains(body["message"].(string), "AADSTS500011") {
			t.Errorf("%d %v", status, body)
		}
	})
}

func TestDefaultIdentityOfAppServiceIsTheSystemAssignedOnly(t *testing.T) {
	w := startWorld(t, Config{})
	for name, want := range map[string]int{"both": 200, "one": 400, "two": 400, "none": 400} {
		if status, body := w.ask(w.launch(name), "api://orders", nil); status != want {
			t.Errorf("%s: %d %v, want %d", name, status, body, want)
		}
	}
}

func TestAssignmentRequired(t *testing.T) {
	w := startWorld(t, Config{})
	_, sp, _ := w.dir().Audience("api://orders")
	w.change(func(d *state.Draft) error { return d.RequireAssignment(sp.ID, true) })
	both := w.launch("both")
	t.Run("G160 no role, no token", func(t *testing.T) {
		w.eventually(func() bool { status, _ := w.ask(both, "api://orders", nil); return status == http.StatusBadRequest })
		_, body := w.ask(both, "api://orders", nil)
		if !strings.Contains(body["message"].(string), "AADSTS501051") {
			t.Errorf("%v", body)
		}
	})
	t.Run("with a role, a token", func(t *testing.T) {
		id1, _ := w.dir().Identity(resource.In(w.server.home.group, resource.TypeIdentity, "id1"))
		if c := w.claims(both, "api://orders", url.Values{"client_id": {id1.ClientID.String()}}); c["roles"] == nil {
			t.Error("no roles")
		}
	})
	t.Run("disabled, no token for anybody", func(t *testing.T) {
		w.change(func(d *state.Draft) error { return d.EnablePrincipal(sp.ID, false) })
		w.eventually(func() bool { status, _ := w.ask(both, "api://orders", nil); return status == http.StatusBadRequest })
	})
	t.Run("unknown", func(t *testing.T) {
		if _, err := w.server.live.Update(t.Context(), state.Actor{}, func(v *state.View, env *state.Env) (state.Batch, error) {
			return state.Batch{}, state.NewDraft(v, env, w.server.home.tenant).EnablePrincipal(guid.GUID{1}, false)
		}); err == nil {
			t.Error("a principal that is not there was disabled")
		}
	})
}
