package graph

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/token"
)

const nobody = "deadbeef-0000-4000-8000-000000000000"

// The numbers in the names below are those of the conformance list that this API was written against.

func TestTokens(t *testing.T) {
	w := newWorld(t)
	const path = "/v1.0/applications"
	w.do("GET", path, "", "").refused(t, 401, "InvalidAuthenticationToken", "Access token is empty.") // 1
	w.do("GET", path, "", "", "Authorization", "Basic abc").refused(t, 401, "InvalidAuthenticationToken", "Access token is empty.")
	w.do("GET", path, "abc", "").refused(t, 401, "InvalidAuthenticationToken", "CompactToken parsing failed with error code: 80049217") // 2
	for name, c := range map[string]struct {
		edit func(*token.Claims)
		code string
		say  string
	}{
		"3 audience":     {func(c *token.Claims) { c.Audience = "https://vault.azure.net" }, "InvalidAuthenticationToken", "Invalid audience."},
		"issuer":         {func(c *token.Claims) { c.Issuer = "https://sts.windows.net/" + nobody + "/" }, "InvalidAuthenticationToken", "Invalid issuer."},
		"unknown tenant": {func(c *token.Claims) { c.Tenant = guid.MustParse(nobody) }, "InvalidAuthenticationToken", "Invalid issuer."},
		"expired": {func(c *token.Claims) { c.Expires = c.IssuedAt }, "InvalidAuthenticationToken",
			"Lifetime validation failed, the token is expired."},
		"principal that is gone": {func(c *token.Claims) { c.ObjectID = guid.MustParse(nobody) }, "Authorization_IdentityNotFound", ""},
		"client id that differs": {func(c *token.Claims) { c.AppID = guid.MustParse(nobody) }, "Authorization_IdentityNotFound", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := w.do("GET", path, w.token(w.client, c.edit), "")
			got.refused(t, 401, c.code, c.say)
			if !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Bearer ") {
				t.Errorf("WWW-Authenticate = %q", got.header.Get("WWW-Authenticate"))
			}
		})
	}
	w.permit("Application.Read.All")
	host := w.server.URL
	for _, audience := range []string{graphAudience, graphAudience + "/", "00000003-0000-0000-c000-000000000000"} {
		w.do("GET", path, w.token(w.client, func(c *token.Claims) { c.Audience = audience }), "").ok(t, 200, "#applications")
	}
	for _, audience := range []string{host, host + "/"} { // the sender chooses the Host, so it names no audience
		got := w.do("GET", path, w.token(w.client, func(c *token.Claims) { c.Audience = audience }), "")
		got.refused(t, 401, "InvalidAuthenticationToken", "Access token validation failure. Invalid audience.")
	}
	valid := w.token(w.client, nil)
	forged := valid[:len(valid)-8] + "AAAAAAAA"
	w.do("GET", path, forged, "").refused(t, 401, "InvalidAuthenticationToken", "Invalid signature.")
	w.dark.Store(true)
	w.do("GET", path, valid, "").refused(t, 503, "ServiceUnavailable", "")
}

func TestPermissionsAreThoseOfNow(t *testing.T) {
	w := newWorld(t)
	const path = "/v1.0/applications"
	bearer := w.token(w.client, func(c *token.Claims) { c.Roles = []string{"Application.Read.All", "Directory.ReadWrite.All"} })
	w.do("GET", path, bearer, "").refused(t, 403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.") // 4
	take := w.permit("Application.Read.All")
	w.do("GET", path, bearer, "").ok(t, 200, "/v1.0/$metadata#applications") // 5
	w.do("POST", "/v1.0/servicePrincipals/"+w.client.ID.String()+"/appRoleAssignments", bearer, "{}").
		refused(t, 403, "Authorization_RequestDenied", "") // 6, on the writes there are
	take()
	got := w.do("GET", path, bearer, "")
	got.refused(t, 403, "Authorization_RequestDenied", "")
	w.mu.Lock()
	trace := w.traces[len(w.traces)-1]
	w.mu.Unlock()
	if trace.ID.String() != got.header.Get("request-id") || trace.Help != `inborn grant id-orders 'Microsoft Graph' Application.Read.All` ||
		!strings.Contains(trace.Caller, "id-orders") || !strings.Contains(fmt.Sprint(trace.Steps), "holds no permission; needs Application.Read.All, or ") {
		t.Errorf("trace = %+v", trace)
	}
	delegated := w.token(w.client, func(c *token.Claims) { c.Scopes, c.IDType = []string{"Application.Read.All"}, "" })
	w.permit("Application.Read.All")
	w.do("GET", path, delegated, "").refused(t, 403, "Authorization_RequestDenied", "")
	admin := w.token(w.dir().LocalAdministrator(), nil)
	w.do("GET", path, admin, "").ok(t, 200, "#applications")
}

// Nothing disables a principal yet, so the record is written as it will be.
func TestDisabledPrincipals(t *testing.T) {
	w := newWorld(t)
	w.permit("Application.Read.All")
	bearer := w.token(w.client, nil)
	w.do("GET", "/v1.0/applications", bearer, "").ok(t, 200, "#applications")
	disabled := *w.client
	disabled.Enabled = false
	record, err := json.Marshal(disabled)
	must(t, err)
	_, err = w.live.Update(t.Context(), state.Actor{}, func(*state.View, *state.Env) (state.Batch, error) {
		return state.Batch{Records: []store.Record{{
			Key: store.Key{Tenant: w.tenant, Kind: "servicePrincipal", ID: disabled.ID.String()}, Body: record}}}, nil
	})
	must(t, err)
	w.do("GET", "/v1.0/applications", bearer, "").refused(t, 401, "Authorization_IdentityNotFound", "")
	got := w.do("GET", "/v1.0/servicePrincipals/"+disabled.ID.String(), w.token(w.dir().LocalAdministrator(), nil), "").ok(t, 200, "/$entity")
	if got.body["accountEnabled"] != false {
		t.Errorf("%s", got.text)
	}
}

func TestApplications(t *testing.T) {
	w := newWorld(t)
	w.permit("Application.Read.All")
	id, appID := w.orders.ID.String(), w.orders.AppID.String()
	byID := w.get("/v1.0/applications/"+id).ok(t, 200, "#applications/$entity")                             // 10
	byApp := w.get("/v1.0/applications(appId='"+appID+"')").ok(t, 200, "#applications/$entity")             // 11
	quoted := w.get("/v1.0/Applications('"+strings.ToUpper(id)+"')").ok(t, 200, "/$entity")                 // key syntax
	encoded := w.get("/v1.0/applications%28appId%3D%27"+appID+"%27%29").ok(t, 200, "#applications/$entity") // as some clients send it
	if byID.text != byApp.text || byID.text != quoted.text || byID.text != encoded.text || byID.body["displayName"] != "orders-api" {
		t.Errorf("one application, several answers:\n%s\n%s\n%s", byID.text, byApp.text, quoted.text)
	}
	got := w.get("/v1.0/applications/" + nobody) // 12
	got.refused(t, 404, "Request_ResourceNotFound", "Resource '"+nobody+"'")
	if _, message := got.failure(); !regexp.MustCompile(`Resource '.+' does not exist or one of its queried reference-property objects are not present`).MatchString(message) {
		t.Errorf("message = %q", message)
	}
	w.get("/v1.0/applications(appId='00000003-0000-0000-c000-000000000000')").refused(t, 404, "Request_ResourceNotFound", "")
	empty := w.get("/v1.0/applications?$filter="+url.QueryEscape("appId eq '"+w.client.AppID.String()+"'")).ok(t, 200, "#applications") // 33
	if !strings.HasSuffix(empty.text, `"value":[]}`) {
		t.Errorf("33: %s", empty.text)
	}
	for name, want := range map[string]any{"uniqueName": nil, "tags": []any{}, "publisherDomain": "contoso.example", "deletedDateTime": nil} {
		if got, there := byID.body[name]; !there || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s = %v (%t), want %v", name, got, there, want)
		}
	}
	beta := w.get("/beta/applications").ok(t, 200, "/beta/$metadata#applications") // 89
	v1 := w.get("/v1.0/applications").ok(t, 200, "/v1.0/$metadata#applications")
	if len(beta.values()) != 1 || len(v1.values()) != 1 || beta.values()[0]["oauth2RequirePostResponse"] != false {
		t.Errorf("beta: %s", beta.text)
	}
	for name := range v1.values()[0] {
		if _, there := beta.values()[0][name]; !there {
			t.Errorf("beta has no %s", name)
		}
	}
	if _, there := v1.values()[0]["oauth2RequirePostResponse"]; there {
		t.Error("v1.0 shows a property of beta")
	}
}

func TestServicePrincipals(t *testing.T) {
	w := newWorld(t)
	w.permit("Directory.Read.All")
	graph := w.get("/v1.0/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')?$select=id,appRoles,displayName").
		ok(t, 200, "#servicePrincipals(id,appRoles,displayName)/$entity") // 28
	role := `{"allowedMemberTypes":["Application"],"description":"","displayName":"User.Read.All","id":"df021288-bdef-4463-88db-98f22de89214",` +
		`"isEnabled":true,"origin":"Application","value":"User.Read.All"}`
	if graph.body["displayName"] != "Microsoft Graph" || !strings.Contains(graph.text, role) || len(graph.body) != 4 {
		t.Errorf("28: %.300s", graph.text)
	}
	only := func(filter, want string) {
		t.Helper()
		got := w.get("/v1.0/servicePrincipals?$filter="+url.QueryEscape(filter)).ok(t, 200, "#servicePrincipals")
		if len(got.values()) != 1 || got.values()[0]["displayName"] != want {
			t.Errorf("%s: %s", filter, got.text)
		}
	}
	only("servicePrincipalNames/any(c:c eq '"+w.orders.AppID.String()+"')", "orders-api") // 30
	only("servicePrincipalNames/any(c:c eq 'api://orders')", "orders-api")
	only("appId eq "+strings.ToUpper(w.client.AppID.String()), "id-orders")
	only("displayName eq 'ID-Orders'", "id-orders")
	only("startswith(displayName,'orders-')", "orders-api")
	only("id eq '"+w.system.ID.String()+"'", "func-orders")
	managed := w.get("/v1.0/servicePrincipals?$filter="+url.QueryEscape("servicePrincipalType eq 'ManagedIdentity'")).ok(t, 200, "#servicePrincipals")
	var names []string
	for _, sp := range managed.values() { // 31
		names = append(names, sp["displayName"].(string))
	}
	if slices.Sort(names); !slices.Equal(names, []string{"func-orders", "id-orders"}) {
		t.Errorf("31: %v", names)
	}
	for _, c := range []struct{ id, explicit, arm string }{ // 32
		{w.client.ID.String(), "isExplicit=True", "/subscriptions/99999999-2222-3333-4444-555555555555/resourcegroups/default/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-orders"},
		{w.system.ID.String(), "isExplicit=False", "/subscriptions/99999999-2222-3333-4444-555555555555/resourcegroups/default/providers/Microsoft.Web/sites/func-orders"},
	} {
		got := w.get("/v1.0/servicePrincipals/"+c.id).ok(t, 200, "#servicePrincipals/$entity").body
		names := got["servicePrincipalNames"].([]any)
		if fmt.Sprint(got["alternativeNames"]) != fmt.Sprint([]any{c.explicit, c.arm}) || names[0] != got["appId"] ||
			!strings.HasPrefix(names[1].(string), "https://identity.azure.net/") || got["appOwnerOrganizationId"] != nil || got["appDisplayName"] != nil {
			t.Errorf("32: %v", got)
		}
	}
	w.do("DELETE", "/v1.0/servicePrincipals/"+w.client.ID.String(), w.token(w.dir().LocalAdministrator(), nil), "").
		refused(t, 405, "Request_BadRequest", "") // 34
	w.get("/v1.0/servicePrincipals/"+w.client.ID.String()).ok(t, 200, "/$entity")
	w.get("/v1.0/servicePrincipals/"+w.dir().LocalAdministrator().ID.String()).refused(t, 404, "Request_ResourceNotFound", "")
}

func TestUsers(t *testing.T) {
	w := newWorld(t)
	take := w.permit("User.ReadBasic.All")
	got := w.get("/v1.0/users/"+w.ann.ID.String()).ok(t, 200, "#users/$entity") // 52
	want := []string{"@odata.context", "businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone",
		"officeLocation", "preferredLanguage", "surname", "userPrincipalName"}
	if names := slices.Sorted(maps.Keys(got.body)); !slices.Equal(names, want) {
		t.Errorf("52: %v", names)
	}
	w.get("/v1.0/users/"+w.ann.ID.String()+"?$select=accountEnabled").refused(t, 403, "Authorization_RequestDenied", "")
	w.get("/v1.0/users?$filter="+url.QueryEscape("accountEnabled eq true")).refused(t, 403, "Authorization_RequestDenied", "")
	take()
	w.permit("User.Read.All")
	got = w.get("/v1.0/users/"+w.ann.ID.String()+"?$select=id,AccountEnabled,id").ok(t, 200, "#users(id,accountEnabled)/$entity") // 53
	if len(got.body) != 3 || got.body["accountEnabled"] != true {
		t.Errorf("53: %s", got.text)
	}
	for _, path := range []string{"/v1.0/users/ann@contoso.example", "/v1.0/users('ANN@contoso.example')", "/v1.0/users/ann%40contoso.example"} { // 54
		if got := w.get(path).ok(t, 200, "#users/$entity"); got.body["id"] != w.ann.ID.String() {
			t.Errorf("54: %s", got.text)
		}
	}
	if got := w.get("/v1.0/users/"+strings.ReplaceAll(guest, "#", "%23")).ok(t, 200, "#users/$entity"); got.body["userPrincipalName"] != guest { // 54
		t.Errorf("54: %s", got.text)
	}
	quoted := "displayName eq 'Ann O''Brien'"
	if got := w.get("/v1.0/users?$filter="+url.QueryEscape(quoted)).ok(t, 200, "#users"); len(got.values()) != 1 { // 71
		t.Errorf("71: %s", got.text)
	}
}

func TestGroups(t *testing.T) {
	w := newWorld(t)
	w.permit("Group.Read.All")
	got := w.get("/v1.0/groups?$filter="+url.QueryEscape("startswith(displayName,'A')")).ok(t, 200, "#groups") // 65
	if len(got.values()) != 1 || got.values()[0]["displayName"] != "all staff" || got.values()[0]["securityEnabled"] != true {
		t.Errorf("65: %s", got.text)
	}
	w.get("/v1.0/groups/$count").refused(t, 400, "Request_UnsupportedQuery", "ConsistencyLevel") // 67
	counted := w.get("/v1.0/groups/$count", "ConsistencyLevel", "eventual")
	if counted.status != 200 || counted.text != "1" || counted.header.Get("Content-Type") != "text/plain" {
		t.Errorf("67: %+v", counted)
	}
	if got := w.get("/v1.0/groups/"+w.staff.ID.String()).ok(t, 200, "#groups/$entity"); got.body["mailNickname"] != "all-staff" || got.body["groupTypes"] == nil {
		t.Errorf("%s", got.text)
	}
	// The pair is of an object that Microsoft's documentation shows.
	if sid := securityIdentifier(guid.MustParse("73d664e4-0886-4a73-b745-c694da45ddb4")); sid != "S-1-12-1-1943430372-1249052806-2496021943-3034400218" {
		t.Errorf("securityIdentifier = %s", sid)
	}
}
