package graph

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/state"
)

// crowd adds users with names Crowd 000, Crowd 001, ...
func (w *world) crowd(from, to int) {
	w.t.Helper()
	w.change(func(d *state.Draft) error {
		for i := from; i < to; i++ {
			if _, err := d.CreateUser(directory.User{UPN: fmt.Sprintf("crowd%03d@contoso.example", i), DisplayName: fmt.Sprintf("Crowd %03d", i)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// pages follows the next links of path and returns how often each object came, the objects' display names in order, and
// the number of pages. between runs after each page.
func (w *world) pages(path string, between func(), header ...string) (seen map[string]int, names []string, pages int) {
	w.t.Helper()
	seen = map[string]int{}
	for pages < 1000 {
		got := w.get(path, header...)
		if got.status != 200 {
			w.t.Fatalf("page %d of %s: %d %s", pages, path, got.status, got.text)
		}
		pages++
		for _, o := range got.values() {
			seen[o["id"].(string)]++
			names = append(names, fmt.Sprint(o["displayName"]))
		}
		next, more := got.body["@odata.nextLink"].(string)
		if !more {
			return seen, names, pages
		}
		if !strings.HasPrefix(next, w.server.URL+"/") { // an absolute https URL of the same host
			w.t.Fatalf("nextLink = %s", next)
		}
		path = next
		if between != nil {
			between()
		}
	}
	w.t.Fatal("the pages do not end")
	return nil, nil, 0
}

func TestPages(t *testing.T) {
	w := newWorld(t)
	w.permit("Directory.Read.All")
	w.crowd(0, 7)
	seen, _, pages := w.pages("/v1.0/users?$top=1", nil) // 69
	if len(seen) != 9 || pages != 9 {
		t.Errorf("69: %d users on %d pages", len(seen), pages)
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("69: %s came %d times", id, n)
		}
	}
	w.get("/v1.0/users?$top=999").ok(t, 200, "#users") // 70
	for _, top := range []string{"1000", "0", "-1", "x", "", "99999999999999999999", "1e2"} {
		w.get("/v1.0/users?$top="+top).refused(t, 400, "Request_BadRequest", "Invalid page size specified: '"+top+"'. Must be between 1 and 999 inclusive.")
	}
	preferred := w.get("/v1.0/users", "Prefer", "respond-async, odata.maxpagesize=4")
	if len(preferred.values()) != 4 || preferred.header.Get("Preference-Applied") != "odata.maxpagesize=4" || preferred.body["@odata.nextLink"] == nil {
		t.Errorf("maxpagesize: %s", preferred.text)
	}
	got := w.get("/beta/users?x=1&$select=id&%24top=2&$filter="+url.QueryEscape("startswith(displayName,'crowd')")+"&$count=true", "ConsistencyLevel", "eventual")
	next, _ := got.body["@odata.nextLink"].(string)
	if got.body["@odata.count"] != float64(7) || !strings.HasPrefix(next, w.server.URL+
		"/beta/users?x=1&$select=id&%24top=2&$filter=startswith%28displayName%2C%27crowd%27%29&$count=true&$skiptoken=") {
		t.Errorf("nextLink: %s", got.text)
	}
	second := w.get(next, "ConsistencyLevel", "eventual")
	third, _ := second.body["@odata.nextLink"].(string)
	if len(second.values()) != 2 || strings.Count(third, "skiptoken") != 1 || second.body["@odata.count"] != nil {
		t.Errorf("second page: %s", second.text)
	}
	reencoded, err := url.Parse(next) // as the Terraform provider does
	must(t, err)
	reencoded.RawQuery = reencoded.Query().Encode()
	if again := w.get(reencoded.String(), "ConsistencyLevel", "eventual"); fmt.Sprint(again.values()) != fmt.Sprint(second.values()) {
		t.Errorf("the link encoded anew gives %s", again.text)
	}
	seen, _, pages = w.pages("/v1.0/servicePrincipals?$top=20", nil)
	if total := len(w.get("/v1.0/servicePrincipals?$top=999").values()); len(seen) != total || pages != (total+19)/20 {
		t.Errorf("%d of %d service principals on %d pages", len(seen), total, pages)
	}
}

func TestPagesOfAssignments(t *testing.T) {
	w := newWorld(t)
	w.permit("Directory.Read.All")
	w.crowd(0, 5)
	w.change(func(d *state.Draft) error {
		for u := range d.Directory().Users(guid.GUID{}) {
			for _, role := range []guid.GUID{{}, w.orders.AppRoles[1].ID} {
				if _, err := d.Grant(u.ID, w.ordersSP.ID, role); err != nil {
					return err
				}
			}
		}
		return nil
	})
	seen, _, pages := w.pages("/v1.0/servicePrincipals/"+w.ordersSP.ID.String()+"/appRoleAssignedTo?$top=3", nil)
	if len(seen) != 14 || pages != 5 {
		t.Errorf("%d assignments on %d pages", len(seen), pages)
	}
}

func TestPagesWhileWritesHappen(t *testing.T) {
	w := newWorld(t)
	w.permit("Directory.Read.All")
	w.crowd(0, 30)
	var stayed []string
	for u := range w.dir().Users(guid.GUID{}) {
		stayed = append(stayed, u.ID.String())
	}
	added := 30
	for _, query := range []string{"$top=4", "$top=4&$orderby=displayName", "$top=4&$orderby=createdDateTime%20desc"} {
		var doomed guid.GUID
		seen, _, _ := w.pages("/v1.0/users?"+query, func() {
			w.crowd(added, added+2)
			added += 2
			w.change(func(d *state.Draft) error {
				if _, there := d.Directory().User(doomed); there {
					if err := d.DeleteUser(doomed); err != nil {
						return err
					}
				}
				u, err := d.CreateUser(directory.User{UPN: fmt.Sprintf("doomed%d@contoso.example", added)})
				doomed = u.ID
				return err
			})
			if added > 200 {
				t.Fatal("the pages never end")
			}
		})
		for _, id := range stayed {
			if seen[id] != 1 {
				t.Errorf("%s: %s was there all the time and came %d times", query, id, seen[id])
			}
		}
		for id, n := range seen {
			if n > 1 {
				t.Errorf("%s: %s came %d times", query, id, n)
			}
		}
	}
}

func TestOrder(t *testing.T) {
	w := newWorld(t)
	w.permit("Directory.Read.All")
	w.crowd(0, 9)
	_, names, _ := w.pages("/v1.0/users?$orderby=displayName&$top=2", nil)
	if !slices.IsSorted(names) || len(names) != 11 {
		t.Errorf("ascending: %v", names)
	}
	_, names, _ = w.pages("/v1.0/users?$orderby=displayname%20DESC&$top=4", nil)
	if slices.Reverse(names); !slices.IsSorted(names) || len(names) != 11 {
		t.Errorf("descending: %v", names)
	}
	both := "/v1.0/users?$top=3&$orderby=displayName&$filter=" + url.QueryEscape("startswith(displayName,'crowd')")
	w.get(both).refused(t, 400, "Request_UnsupportedQuery", "ConsistencyLevel: eventual")
	seen, names, _ := w.pages(both+"&$count=true", nil, "ConsistencyLevel", "eventual")
	if len(seen) != 9 || !slices.IsSorted(names) {
		t.Errorf("with a filter: %v", names)
	}
}

func TestOptions(t *testing.T) {
	w := newWorld(t)
	w.permit("Directory.Read.All")
	id := w.ann.ID.String()
	eventual := []string{"ConsistencyLevel", "eventual"}
	ne := "/v1.0/users?$filter=" + url.QueryEscape("accountEnabled ne true")
	w.get(ne).refused(t, 400, "Request_UnsupportedQuery", "Unsupported query.") // 66
	w.get(ne+"&$count=true").refused(t, 400, "Request_UnsupportedQuery", "Unsupported query.")
	w.get(ne, eventual...).refused(t, 400, "Request_UnsupportedQuery", "Unsupported query.")
	if got := w.get(ne+"&$count=true", eventual...).ok(t, 200, "#users"); got.body["@odata.count"] != float64(0) {
		t.Errorf("66: %s", got.text)
	}
	if got := w.get("/v1.0/users?$count=true").ok(t, 200, "#users"); got.body["@odata.count"] != nil {
		t.Errorf("$count without the header: %s", got.text)
	}
	for _, c := range []struct{ path, code, say string }{
		{"/v1.0/users?$filter=foo%20eq%20'x'", "Request_BadRequest", "Could not find a property named 'foo' on type 'microsoft.graph.user'."}, // 72
		{"/v1.0/users?$select=nope", "Request_BadRequest", "Could not find a property named 'nope' on type 'microsoft.graph.user'."},          // 73
		{"/v1.0/users/" + id + "?$select=id,nope", "Request_BadRequest", "Could not find a property named 'nope' on type 'microsoft.graph.user'."},
		{"/v1.0/applications?$select=oauth2RequirePostResponse", "Request_BadRequest", "Could not find a property named"},
		{"/v1.0/users?$select=id,,mail", "Request_BadRequest", "Could not find a property named ''"},
		{"/v1.0/users?$search=%22displayName:foo%22", "Request_UnsupportedQuery", "a special request header: 'ConsistencyLevel: eventual'"},
		{"/v1.0/users?$expand=manager", "Request_UnsupportedQuery", "$expand"},
		{"/v1.0/users?$skip=5", "Request_UnsupportedQuery", "$skip"},
		{"/v1.0/users?$apply=x", "Request_BadRequest", "'$apply' is not supported"},
		{"/v1.0/users?$format=xml", "Request_BadRequest", "json"},
		{"/v1.0/users?$count=yes", "Request_BadRequest", "$count"},
		{"/v1.0/users?$top=5&%24TOP=6", "Request_BadRequest", "more than once"},
		{"/v1.0/users?$orderby=mailNickname", "Request_UnsupportedQuery", "Sorting by"},
		{"/v1.0/users?$orderby=displayName,id", "Request_UnsupportedQuery", "$orderby"},
		{"/v1.0/users?$orderby=displayName%20up", "Request_BadRequest", "asc or desc"},
		{"/v1.0/users/" + id + "?$filter=id%20eq%20'x'", "Request_UnsupportedQuery", "$filter cannot be used here"},
		{"/v1.0/users/" + id + "?$top=1", "Request_UnsupportedQuery", "$top cannot be used here"},
		{"/v1.0/groups/$count?$top=1", "Request_UnsupportedQuery", "$top cannot be used here"},
		{"/v1.0/nowhere", "BadRequest", "Resource not found for the segment 'nowhere'."},
	} {
		w.get(c.path).refused(t, 400, c.code, c.say)
	}
	w.get("/v1.0/users?$search=%22displayName:foo%22", eventual...).refused(t, 400, "Request_UnsupportedQuery", "does not offer $search")
	w.get("/v1.0/users?$format=application/json;odata.metadata=minimal&custom=$x&$select=").ok(t, 200, "#users")
}

func TestSkipTokens(t *testing.T) {
	w := newWorld(t)
	w.permit("Directory.Read.All")
	encode := base64.RawURLEncoding.EncodeToString
	id := w.ann.ID[:]
	for name, token := range map[string]string{
		"empty": "", "no base64": "!!", "padded": base64.URLEncoding.EncodeToString(append([]byte("k"), id...)), "short": encode([]byte("kabc")),
		"long": encode(append(append([]byte("k"), id...), 'x')), "of $orderby": encode(append(append([]byte("o"), id...), 'x')),
		"other head": encode(append([]byte("z"), id...)), "stray bits": encode(append([]byte("k"), id...))[:22] + "B",
	} {
		t.Run(name, func(t *testing.T) {
			w.get("/v1.0/users?$skiptoken="+url.QueryEscape(token)).refused(t, 400, "Request_BadRequest", "follow @odata.nextLink")
		})
	}
	w.get("/v1.0/users?$orderby=displayName&$skiptoken="+encode(append([]byte("k"), id...))).refused(t, 400, "Request_BadRequest", "follow @odata.nextLink")
}

func TestHeaders(t *testing.T) {
	w := newWorld(t)
	w.permit("Directory.Read.All")
	const mine = "0F8FAD5B-D9CB-469F-A165-70867728950E"
	got := w.get("/v1.0/users", "client-request-id", mine)
	if got.header.Get("client-request-id") != mine || got.header.Get("OData-Version") != "4.0" || got.header.Get("Content-Type") != contentType ||
		got.header.Get("request-id") == "" || got.header.Get("Date") == "" {
		t.Errorf("headers: %v", got.header)
	}
	bad := w.get("/v1.0/users", "client-request-id", "not a guid")
	if bad.header.Get("client-request-id") != bad.header.Get("request-id") {
		t.Errorf("headers: %v", bad.header)
	}
	if refused := w.get("/v1.0/groups?$top=0", "client-request-id", mine); !strings.Contains(refused.text, `"client-request-id":"`+mine+`"`) {
		t.Errorf("%s", refused.text)
	}
	if head := w.do("HEAD", "/v1.0/users", w.token(w.client, nil), ""); head.status != 200 || head.text != "" {
		t.Errorf("HEAD: %+v", head)
	}
}

func TestPathsOfOneObject(t *testing.T) {
	w := newWorld(t)
	w.permit("Directory.Read.All")
	id := w.client.ID.String()
	for _, path := range []string{
		"/v1.0/servicePrincipals/" + id, "/V1.0/SERVICEPRINCIPALS/" + strings.ToUpper(id), "/v1.0//servicePrincipals/" + id + "/",
		"/v1.0/servicePrincipals('" + id + "')", "/v1.0/servicePrincipals%28%27" + id + "%27%29", "/v1.0/service%50rincipals/" + id,
		"/v1.0/servicePrincipals(appId='" + w.client.AppID.String() + "')", "/v1.0/servicePrincipals(appid='" + w.client.AppID.String() + "')",
	} {
		if got := w.get(path).ok(t, 200, "/v1.0/$metadata#servicePrincipals/$entity"); got.body["id"] != id {
			t.Errorf("%s: %s", path, got.text)
		}
	}
	for _, path := range []string{
		"/v1.0/servicePrincipals/" + id + "%2F..", "/v1.0/servicePrincipals/%7B" + id + "%7D", "/v1.0/servicePrincipals(appId='')",
		"/v1.0/servicePrincipals('" + id + "''')", "/v1.0/servicePrincipals/" + strings.Repeat("9", 4000), "/v1.0/servicePrincipals/%FF%FE",
		"/v1.0/servicePrincipals(appId='" + id + "')", "/v1.0/users/'ann@contoso.example'", "/v1.0/users/" + id, "/v1.0%2Fusers",
		"/v1.0/servicePrincipals/" + id + "/appRoleAssignments/" + strings.Repeat("A", 43), "/v1.0/servicePrincipals/" + id + "/appRoleAssignments/x",
	} {
		got := w.get(path)
		if code, message := got.failure(); got.status != 404 && got.status != 400 || code == "" || len(message) > 400 {
			t.Errorf("%s: %d %s", path, got.status, got.text)
		}
	}
}
