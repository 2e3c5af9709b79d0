package arm

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/token"
)

func TestTokens(t *testing.T) {
	w := start(t)
	host := strings.TrimPrefix(w.url, "https://")
	gone := directory.ServicePrincipal{ID: guid.MustParse("b6a2c0de-1f7d-4c0a-9a55-2f1e0c9d7b33"), AppID: guid.MustParse("f8973019-6953-433b-b935-adc31f5646d5")}
	liar := home
	liar.IssuerV1 = other.IssuerV1
	nowhere := tenant("00000000-0000-4000-8000-000000000001", "nowhere.example")
	with := func(change func(*token.Grant)) string {
		g := grantOf(home)
		change(&g)
		return sign(t, g, signingKey(), now)
	}
	for name, test := range map[string]struct {
		bearer, code string
		status       int
	}{
		"good":               {with(func(*token.Grant) {}), "", 200},
		"no slash":           {with(func(g *token.Grant) { g.Audience = "https://management.azure.com" }), "", 200},
		"classic audience":   {with(func(g *token.Grant) { g.Audience = "https://management.core.windows.net/" }), "", 200},
		"app id":             {with(func(g *token.Grant) { g.Audience = "797f4846-ba00-4fd7-ba43-dac1f8f63013" }), "", 200},
		"own name":           {with(func(g *token.Grant) { g.Audience = "https://" + host }), "InvalidAuthenticationTokenAudience", 401},
		"own name, slash":    {with(func(g *token.Grant) { g.Audience = "https://" + host + "/" }), "InvalidAuthenticationTokenAudience", 401},
		"missing":            {"", "AuthenticationFailed", 401},
		"garbage":            {"a.b.c", "InvalidAuthenticationToken", 401},
		"Graph's":            {with(func(g *token.Grant) { g.Audience = "https://graph.microsoft.com/" }), "InvalidAuthenticationTokenAudience", 401},
		"other host's":       {with(func(g *token.Grant) { g.Audience = "https://example.com/" }), "InvalidAuthenticationTokenAudience", 401},
		"other issuer":       {with(func(g *token.Grant) { g.Tenant = liar }), "InvalidAuthenticationTokenTenant", 401},
		"unknown tenant":     {sign(t, grantOf(nowhere), signingKey(), now), "InvalidAuthenticationTokenTenant", 401},
		"expired":            {sign(t, grantOf(home), signingKey(), now.Add(-2*time.Hour)), "ExpiredAuthenticationToken", 401},
		"not yet":            {sign(t, grantOf(home), signingKey(), now.Add(time.Hour)), "InvalidAuthenticationToken", 401},
		"foreign key":        {sign(t, grantOf(home), foreignKey(), now), "InvalidAuthenticationToken", 401},
		"unknown principal":  {with(func(g *token.Grant) { g.Principal = gone }), "InvalidAuthenticationToken", 401},
		"other client":       {with(func(g *token.Grant) { g.Principal.AppID = gone.AppID }), "InvalidAuthenticationToken", 401},
		"other tenant admin": {sign(t, grantOf(other), signingKey(), now), "SubscriptionNotFound", 404},
	} {
		a := w.as(test.bearer, "GET", "/subscriptions/"+subscription+v1, "")
		if a.status != test.status || a.at("error", "code") != test.code {
			t.Errorf("%s: %d %s; want %d %s", name, a.status, a.text, test.status, test.code)
		}
		challenge := a.header.Get("WWW-Authenticate")
		if (a.status == 401) != strings.HasPrefix(challenge, `Bearer authorization_uri="`+w.url+"/") {
			t.Errorf("%s: WWW-Authenticate %q", name, challenge)
		}
		if a.status == 401 && strings.Count(challenge, `"`) != 6 {
			t.Errorf("%s: WWW-Authenticate %q does not parse", name, challenge)
		}
	}
	a := w.as("", "GET", "/subscriptions", "")
	w.equal("message", a.at("error", "message"), "Authentication failed. The 'Authorization' header is missing.")
	w.equal("expired", w.as(sign(t, grantOf(home), signingKey(), now.Add(-2*time.Hour)), "GET", "/subscriptions"+v1, "").at("error", "message"),
		"The access token expiry UTC time '3/1/2026 11:00:00 AM' is earlier than current UTC time '3/1/2026 12:00:00 PM'.")
}

func TestWithoutASigningKeyNobodyIsToldThatTheirTokenIsBad(t *testing.T) {
	w := start(t)
	w.config.Keys = func() token.KeyRing { return token.KeyRing{} }
	r := httptest.NewRequest("GET", "https://management.azure.com/subscriptions"+v1, nil)
	r.Header.Set("Authorization", "Bearer "+sign(t, grantOf(home), signingKey(), now))
	if _, _, err := (&api{Config: w.config}).authenticate(httptest.NewRecorder(), r); !apierr.Is(err, apierr.KeysNotReady) {
		t.Errorf("%v; want KeysNotReady", err)
	}
}

// robot makes a workload's identity of home and returns a token of it.
func (w *world) robot() (caller, string) {
	w.Helper()
	a := w.want(201, "PUT", uami+"robot"+v1, `{"location":"local"}`)
	id := guid.MustParse(a.at("properties", "principalId"))
	sp, _ := w.dir().ServicePrincipal(id)
	g := grantOf(home)
	g.Principal = *sp
	return caller{id: id, name: sp.AppID.String()}, sign(w, g, signingKey(), now)
}

func TestOthersThanTheAdministratorAreRefused(t *testing.T) {
	w := start(t)
	who, bearer := w.robot()
	w.want(201, "PUT", jobs+"nightly"+v1, `{"location":"local"}`)
	before := w.live.View().At()
	for _, test := range [][4]string{
		{"GET", "/subscriptions/" + subscription, "Microsoft.Resources/subscriptions/read", "/subscriptions/" + subscription},
		{"PUT", strings.ToLower(rg), "Microsoft.Resources/subscriptions/resourceGroups/write", "/subscriptions/" + subscription + "/resourceGroups/dev"},
		{"GET", rg + "/resources", "Microsoft.Resources/subscriptions/resourceGroups/resources/read", rg},
		{"DELETE", uami + "robot", "Microsoft.ManagedIdentity/userAssignedIdentities/delete", uami + "robot"},
		{"PATCH", jobs + "nightly", "Contoso.Jobs/jobs/write", jobs + "nightly"},
		{"DELETE", jobs + "nightly/steps/1", "Contoso.Jobs/jobs/steps/delete", jobs + "nightly/steps/1"},
		{"PUT", bindings + "/" + home.ID.String(), "Inborn.Platform/bindings/write", node},
		{"POST", "/providers/Inborn.Platform/apply", "Inborn.Platform/apply/action", "/"},
		{"GET", "/providers/Inborn.Platform/traces/" + home.ID.String(), "Inborn.Platform/traces/read", "/"},
	} {
		version := v1
		if strings.HasPrefix(test[2], "Inborn.") {
			version = own
		}
		a := w.as(bearer, test[0], test[1]+version, `{"location":"local","properties":{"resource":"`+jobs+`nightly"}}`)
		if a.status != 403 {
			t.Errorf("%s %s: %d", test[0], test[1], a.status)
		}
		w.equal(test[1], a.at("error", "code"), "AuthorizationFailed")
		w.equal(test[1], a.at("error", "message"), "The client '"+who.name+"' with object id '"+who.id.String()+"' does not have authorization"+
			" to perform action '"+test[2]+"' over scope '"+test[3]+"' or the scope is invalid. If access was recently granted, please refresh your credentials.")
		trace := w.want(200, "GET", "/providers/Inborn.Platform/traces/"+a.header.Get("x-ms-request-id")+own, "")
		if trace.at("caller") != "robot" || trace.at("status") != "403" || !strings.Contains(trace.at("steps", "1", "result"), test[2]) {
			t.Errorf("trace of %s: %s", test[1], trace.text)
		}
	}
	a := w.as(bearer, "GET", "/subscriptions"+v1, "")
	w.equal("subscriptions of nobody", a.text, `{"value":[]}`)
	if w.live.View().At() != before {
		t.Error("a refused request changed something")
	}
}

// TestTheFixOfARefusal is told to those who may read traces, and not to whoever was refused: it says what there is.
func TestTheFixOfARefusal(t *testing.T) {
	w := start(t)
	who, bearer := w.robot()
	w.want(201, "PUT", jobs+"nightly"+v1, `{"location":"local"}`)
	for _, c := range [][4]string{
		{"GET", jobs + "nightly", "", "Reader --scope nightly"},
		{"PUT", sites + "new", `{"location":"local"}`, "'Website Contributor' --scope Dev"},
		{"GET", jobs + "none", "", "Reader --scope Dev"},
	} {
		a := w.as(bearer, c[0], c[1]+v1, c[2])
		w.status(c[1], a, 403, "AuthorizationFailed")
		if strings.Contains(a.text, "inborn") || strings.Contains(a.text, "details") {
			t.Errorf("the refused learns what there is: %s", a.text)
		}
		trace := w.want(200, "GET", "/providers/Inborn.Platform/traces/"+a.header.Get("x-ms-request-id")+own, "")
		w.equal("help", trace.at("help"), "inborn role assign --principal robot --role "+c[3])
		if why := trace.at("steps", "1", "result"); !strings.HasPrefix(why, "robot ("+who.id.String()+") may not do ") {
			t.Errorf("%s: %s", c[1], why)
		}
	}
	w.want(201, "PUT", uami+"other"+v1, `{"location":"local"}`)
	w.status("assign", w.assign("", rg, 1, who.id.String(), "de139f84-1756-47ae-9be6-808fbbe84772", ""), 201, "") // Website Contributor
	a := w.as(bearer, "PUT", sites+"new"+v1, `{"location":"local","identity":{"type":"UserAssigned","userAssignedIdentities":{"`+uami+`other":{}}}}`)
	w.status("attach", a, 403, "LinkedAuthorizationFailed")
	trace := w.want(200, "GET", "/providers/Inborn.Platform/traces/"+a.header.Get("x-ms-request-id")+own, "")
	w.equal("help", trace.at("help"), "inborn role assign --principal robot --role 'Managed Identity Operator' --scope "+uami+"other")
}

func TestARightIsCheckedAgainInTheDecision(t *testing.T) {
	w := start(t)
	who, _ := w.robot()
	c := &call{api: &api{Config: w.config}, r: httptest.NewRequest("PUT", "/", nil), dir: w.dir(), caller: who, needs: assign, id: rg}
	err := c.update(func(*state.Draft) error { t.Error("decided without the right"); return nil })
	if !apierr.Is(err, apierr.PermissionMissing) {
		t.Errorf("%v; want PermissionMissing", err)
	}
	c.caller.id = directory.LocalAdministrator(home.ID).ID
	decided := false
	must(t, c.update(func(*state.Draft) error { decided = true; return nil }))
	if !decided {
		t.Error("not decided with the right")
	}
}

func TestLinkedIDsNeedTheirOwnRight(t *testing.T) {
	w := start(t)
	who, _ := w.robot()
	c := &call{api: &api{Config: w.config}, dir: w.dir(), caller: who, needs: "Contoso.Jobs/jobs/write", id: jobs + "nightly"}
	err := authorizeLinked(w.dir(), c, assign, uami+"robot")
	e := apierr.From(err)
	if s := spellingOf(e); s.status != 403 || s.code != "LinkedAuthorizationFailed" {
		t.Errorf("%+v", s)
	}
	w.equal("message", e.Message, "The client '"+who.name+"' with object id '"+who.id.String()+"' has permission to perform action"+
		" 'Contoso.Jobs/jobs/write' on scope '"+jobs+"nightly'; however, it does not have permission to perform action(s)"+
		" 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action' on the linked scope(s) '"+uami+"robot' (respectively)"+
		" or the linked scope(s) are invalid.")
	target := &resource.Resource{ID: jobs + "nightly", Identity: resource.Identity{User: []resource.ID{uami + "robot"}}}
	if err := c.mayExpose(w.dir(), target); !apierr.Is(err, apierr.PermissionMissing) {
		t.Errorf("exposing a resource without write on it: %v", err)
	}
}

func TestJoiningABlockTakesARightOnTheIdentity(t *testing.T) {
	w := start(t)
	who, _ := w.robot()
	c := &call{api: &api{Config: w.config}, r: httptest.NewRequest("PUT", "/", nil), dir: w.dir(), caller: who, id: jobs + "a"}
	join := &blockIn{Type: "UserAssigned", User: map[string]*map[string]any{uami + "robot": {}}}
	old := &resource.Resource{Identity: resource.Identity{User: []resource.ID{uami + "robot"}}}
	w.change(home, func(d *state.Draft) error {
		var spec state.ResourceSpec
		if err := c.changeBlock(d, nil, join, &spec); !apierr.Is(err, apierr.PermissionMissing) || len(spec.Identity.User) > 0 {
			t.Errorf("joining: %v, %v; want PermissionMissing", err, spec.Identity.User)
		}
		if err := c.changeBlock(d, old, join, &spec); err != nil || len(spec.Identity.User) != 1 {
			t.Errorf("staying: %v, %v", err, spec.Identity.User)
		}
		return nil
	})
}

func TestUsersAreCallersToo(t *testing.T) {
	w := start(t)
	var ann directory.User
	w.change(home, func(d *state.Draft) (err error) {
		ann, err = d.CreateUser(directory.User{UPN: "ann@contoso.example", DisplayName: "ann"})
		return err
	})
	g := grantOf(home)
	g.Principal = directory.ServicePrincipal{ID: ann.ID, AppID: g.Principal.AppID}
	a := w.as(sign(t, g, signingKey(), now), "GET", "/subscriptions/"+subscription+v1, "")
	if a.status != 403 || !strings.HasPrefix(a.at("error", "message"), "The client 'ann@contoso.example' with object id") {
		t.Errorf("a user: %d %s", a.status, a.text)
	}
	w.change(home, func(d *state.Draft) error { return d.DeleteUser(ann.ID) })
	if a := w.as(sign(t, g, signingKey(), now), "GET", "/subscriptions/"+subscription+v1, ""); a.status != 401 {
		t.Errorf("a user who is gone: %d %s", a.status, a.text)
	}
}
