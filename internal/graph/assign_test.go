package graph

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/token"
)

func body(principal, resource, role guid.GUID) string {
	return fmt.Sprintf(`{"principalId":%q,"resourceId":%q,"appRoleId":%q,"@odata.type":"#microsoft.graph.appRoleAssignment","id":null}`, principal, resource, role)
}

func TestAssignments(t *testing.T) {
	for _, version := range []string{"v1.0", "beta"} {
		for _, from := range []side{toResource, ofPrincipal} {
			for _, key := range []string{"id", "('id')", "appId"} {
				t.Run(version+" "+from.String()+" by "+key, func(t *testing.T) { assignments(t, version, from, key) })
			}
		}
	}
}

// below returns the path of a service principal in one of its spellings.
func below(version, key string, sp *directory.ServicePrincipal) string {
	switch key {
	case "appId":
		return "/" + version + "/servicePrincipals(appId='" + sp.AppID.String() + "')/"
	case "('id')":
		return "/" + version + "/serviceprincipals('" + sp.ID.String() + "')/"
	default:
		return "/" + version + "/servicePrincipals/" + sp.ID.String() + "/"
	}
}

func assignments(t *testing.T, version string, from side, key string) {
	w := newWorld(t)
	resourceSide := below(version, key, w.ordersSP) + "appRoleAssignedTo"
	principalSide := below(version, key, w.system) + "appRoleAssignments"
	here, end := resourceSide, w.ordersSP
	if from == ofPrincipal {
		here, end = principalSide, w.system
	}
	wanted := body(w.system.ID, w.ordersSP.ID, w.reader)
	bearer := w.token(w.client, nil)

	w.permit("AppRoleAssignment.ReadWrite.All")
	w.do("POST", here, bearer, wanted).refused(t, 403, "Authorization_RequestDenied", "Insufficient privileges") // 36
	w.permit("Application.Read.All")
	made := w.do("POST", here, bearer, wanted).ok(t, 201, "/"+version+"/$metadata#servicePrincipals('"+end.ID.String()+"')/"+from.String()+"/$entity") // 35
	text, _ := made.body["id"].(string)
	id, err := directory.ParseAssignmentID(text)
	if err != nil || id.Principal() != w.system.ID || made.body["principalType"] != "ServicePrincipal" || made.body["principalDisplayName"] != "func-orders" ||
		made.body["resourceDisplayName"] != "orders-api" || made.body["deletedDateTime"] != nil || made.body["createdDateTime"] == nil || len(made.body) != 10 {
		t.Errorf("35: %s", made.text)
	}
	if got := w.get(made.header.Get("Location")).ok(t, 200, "/"+from.String()+"/$entity"); got.text != made.text {
		t.Errorf("35: Location gives %s, POST gave %s", got.text, made.text)
	}
	w.do("POST", here, bearer, wanted).refused(t, 400, "Request_BadRequest", "Permission being assigned already exists on the object") // 37
	unknown := "Permission being assigned was not found on application '" + w.orders.AppID.String() + "'"
	w.do("POST", here, bearer, body(w.system.ID, w.ordersSP.ID, guid.MustParse(nobody))).refused(t, 400, "Request_BadRequest", unknown) // 38
	w.do("POST", here, bearer, body(w.system.ID, w.ordersSP.ID, w.orders.AppRoles[2].ID)).refused(t, 400, "Request_BadRequest", unknown)
	w.do("POST", here, bearer, body(w.client.ID, w.client.ID, w.reader)).refused(t, 400, "Request_BadRequest", "Not a valid reference update") // 39
	if from == ofPrincipal {
		w.do("POST", here, bearer, body(w.system.ID, guid.MustParse(nobody), w.reader)).refused(t, 400, "Request_BadRequest", "Not a valid reference update")
	}
	for _, list := range []string{principalSide, resourceSide} { // 40
		got := w.get(list).ok(t, 200, "#appRoleAssignments")
		if len(got.values()) != 1 || got.values()[0]["id"] != text {
			t.Errorf("40: %s: %s", list, got.text)
		}
	}
	filtered := w.get(principalSide+"?$filter="+url.QueryEscape("resourceId eq "+w.ordersSP.ID.String())).ok(t, 200, "#appRoleAssignments")
	none := w.get(principalSide+"?$filter="+url.QueryEscape("resourceId eq "+nobody)).ok(t, 200, "#appRoleAssignments")
	if len(filtered.values()) != 1 || len(none.values()) != 0 {
		t.Errorf("filter: %s %s", filtered.text, none.text)
	}
	counted := w.get(resourceSide+"/$count", "ConsistencyLevel", "eventual")
	if counted.text != "1" {
		t.Errorf("count: %s", counted.text)
	}
	w.get(resourceSide+"/"+text).ok(t, 200, "/appRoleAssignedTo/$entity") // 41
	if got := w.do("DELETE", principalSide+"/"+text, bearer, ""); got.status != 204 || got.text != "" || got.header.Get("Content-Type") != "" {
		t.Errorf("41: %+v", got)
	}
	w.get(resourceSide+"/"+text).refused(t, 404, "Request_ResourceNotFound", "Resource '"+text+"'")
	w.do("DELETE", resourceSide+"/"+text, bearer, "").refused(t, 404, "Request_ResourceNotFound", text)
}

func TestAssignmentsBelongToTheirPath(t *testing.T) {
	w := newWorld(t)
	admin := w.token(w.dir().LocalAdministrator(), nil)
	made := w.do("POST", below("v1.0", "id", w.ordersSP)+"appRoleAssignedTo", admin, body(w.ann.ID, w.ordersSP.ID, w.orders.AppRoles[1].ID)).ok(t, 201, "/$entity")
	if made.body["principalType"] != "User" || made.body["principalDisplayName"] != "Ann O'Brien" {
		t.Errorf("%s", made.text)
	}
	id := made.body["id"].(string)
	for _, other := range []string{
		below("v1.0", "id", w.ordersSP) + "appRoleAssignments/", below("v1.0", "id", w.system) + "appRoleAssignedTo/",
		below("v1.0", "id", w.system) + "appRoleAssignments/",
	} {
		w.do("GET", other+id, admin, "").refused(t, 404, "Request_ResourceNotFound", id)
		w.do("DELETE", other+id, admin, "").refused(t, 404, "Request_ResourceNotFound", id)
	}
	w.do("GET", below("v1.0", "id", w.ordersSP)+"appRoleAssignedTo/"+id, admin, "").ok(t, 200, "/$entity")
	w.do("POST", below("v1.0", "id", w.ordersSP)+"appRoleAssignedTo", admin, body(w.ann.ID, w.ordersSP.ID, w.reader)).
		refused(t, 400, "Request_BadRequest", "Permission being assigned was not found") // for applications only
	w.do("POST", below("v1.0", "id", w.ordersSP)+"appRoleAssignedTo", admin, body(guid.MustParse(nobody), w.ordersSP.ID, w.reader)).
		refused(t, 404, "Request_ResourceNotFound", nobody)
	zero := w.do("POST", below("v1.0", "id", w.ordersSP)+"appRoleAssignedTo", admin, body(w.staff.ID, w.ordersSP.ID, guid.GUID{}), "Prefer", "return=minimal")
	if zero.status != 204 || zero.header.Get("Preference-Applied") != "return=minimal" || !strings.HasPrefix(zero.header.Get("Location"), "https://") {
		t.Errorf("default access: %+v", zero)
	}
}

func TestBodiesOfAssignments(t *testing.T) {
	w := newWorld(t)
	admin := w.token(w.dir().LocalAdministrator(), nil)
	good := body(w.system.ID, w.ordersSP.ID, w.reader)
	to := below("v1.0", "id", w.ordersSP) + "appRoleAssignedTo"
	for name, c := range map[string]struct {
		body string
		code string
		say  string
	}{
		"nothing":           {"", "BadRequest", "needs a JSON body"},
		"no JSON":           {"{", "BadRequest", "not readable"},
		"two values":        {good + good, "BadRequest", "not readable"},
		"an array":          {"[" + good + "]", "BadRequest", "not a JSON object"},
		"null":              {"null", "BadRequest", "not a JSON object"},
		"empty":             {"{}", "Request_BadRequest", "One or more property values specified are invalid."},
		"number for an id":  {strings.Replace(good, `"`+w.reader.String()+`"`, "7", 1), "Request_BadRequest", "'appRoleId' is not a GUID"},
		"null for an id":    {strings.Replace(good, `"`+w.reader.String()+`"`, "null", 1), "Request_BadRequest", "'appRoleId' is not a GUID"},
		"object for an id":  {strings.Replace(good, `"`+w.reader.String()+`"`, `{"a":[]}`, 1), "Request_BadRequest", "is not a GUID"},
		"braces":            {strings.Replace(good, w.reader.String(), "{"+w.reader.String()+"}", 1), "Request_BadRequest", "is not a GUID"},
		"duplicate":         {strings.Replace(good, "{", `{"appRoleId":"`+nobody+`",`, 1), "Request_BadRequest", "is there twice"},
		"duplicate by case": {strings.Replace(good, "{", `{"APPROLEID":"`+nobody+`",`, 1), "Request_BadRequest", "is there twice"},
		"duplicate escaped": {strings.Replace(good, "{", `{"\u0061ppRoleId":"`+nobody+`",`, 1), "Request_BadRequest", "is there twice"},
		"unknown":           {strings.Replace(good, "{", `{"foo":1,`, 1), "Request_BadRequest", "Invalid property 'foo'."},
		"read-only":         {strings.Replace(good, "{", `{"principalType":"User",`, 1), "Request_BadRequest", "read-only"},
	} {
		t.Run(name, func(t *testing.T) {
			w.do("POST", to, admin, c.body).refused(t, 400, c.code, c.say)
		})
	}
	w.do("POST", to, admin, `{"a":"`+strings.Repeat("x", maxBody)+`"}`).refused(t, 413, "RequestEntityTooLarge", "")
	if got := w.do("GET", to, admin, ""); len(got.values()) != 0 {
		t.Errorf("something was stored: %s", got.text)
	}
}

func TestEqualPostsAtTheSameTime(t *testing.T) {
	w := newWorld(t)
	w.permit("AppRoleAssignment.ReadWrite.All", "Directory.Read.All")
	bearer := w.token(w.client, nil)
	var all sync.WaitGroup
	answers := make([]reply, 8)
	for i := range answers {
		all.Go(func() {
			to := below("v1.0", "id", w.ordersSP) + "appRoleAssignedTo"
			if i%2 == 1 {
				to = below("beta", "appId", w.system) + "appRoleAssignments"
			}
			answers[i] = w.do("POST", to, bearer, body(w.system.ID, w.ordersSP.ID, w.reader))
		})
	}
	all.Wait()
	made := 0
	for _, got := range answers {
		if got.status == 201 {
			made++
		} else {
			got.refused(t, 400, "Request_BadRequest", "Permission being assigned already exists on the object")
		}
	}
	if made != 1 {
		t.Errorf("%d of %d equal requests made an assignment", made, len(answers))
	}
}

// A right that is revoked after a request was let in and before its change is decided makes no change.
func TestChangesAreJudgedOnTheStateTheyChange(t *testing.T) {
	w := newWorld(t)
	take := w.permit("AppRoleAssignment.ReadWrite.All", "Application.Read.All")
	jws, err := token.ParseJWS(w.token(w.client, nil))
	must(t, err)
	claims, err := jws.Access()
	must(t, err)
	found, err := judge(w.live.View(), claims, assignRoles())
	must(t, err)
	take()
	c := &call{verdict: found, h: &Handler{Live: w.live}, r: httptest.NewRequest("POST", "/", nil), claims: claims, need: assignRoles()}
	ran := false
	_, err = c.change(func(*state.Draft) error { ran = true; return nil })
	if e := apierr.From(err); e == nil || e.Code != apierr.PermissionMissing || ran ||
		e.Help != `inborn grant id-orders 'Microsoft Graph' AppRoleAssignment.ReadWrite.All && inborn grant id-orders 'Microsoft Graph' Application.Read.All` {
		t.Errorf("err = %+v, decided %t", e, ran)
	}
}
