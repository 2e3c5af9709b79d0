package interop

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const (
	graphAppID      = "00000003-0000-0000-c000-000000000000"
	userReadAll     = "df021288-bdef-4463-88db-98f22de89214" // its id in every tenant, as articles print it
	directoryReader = "7ab1d382-f21e-4acd-a863-ba3e13f7da61" // Directory.Read.All
)

// workloadToken gets a Graph token the way a program on App Service does.
func workloadToken(t *testing.T, resource string) string {
	t.Helper()
	env := launch(t, resource)
	got := curl(t, "-H", "X-IDENTITY-HEADER: "+env["IDENTITY_HEADER"], env["IDENTITY_ENDPOINT"]+"?api-version=2019-08-01&resource=https://graph.microsoft.com/")
	got.want(t, 200)
	return got.json(t)["access_token"].(string)
}

// callGraph is a call of Graph with a bearer token; what follows goes to curl.
func callGraph(t *testing.T, token, path string, args ...string) answer {
	t.Helper()
	return curl(t, append([]string{"-g", "-H", "Authorization: Bearer " + token, dev.Origin + path}, args...)...)
}

func TestGraphGivesWhatWasGrantedAndNothingElse(t *testing.T) {
	token := workloadToken(t, "func-orders") // holds User.Read.All
	t.Run("users with User.Read.All", func(t *testing.T) {
		got := callGraph(t, token, "/v1.0/users")
		got.want(t, 200)
		if users := got.json(t)["value"].([]any); len(users) != 2 {
			t.Errorf("%d users: %s", len(users), got.body)
		}
	})
	t.Run("no groups", func(t *testing.T) {
		got := callGraph(t, token, "/v1.0/groups")
		got.want(t, 403)
		if code := errorCode(t, got); code != "Authorization_RequestDenied" {
			t.Errorf("code %s: %s", code, got.body)
		}
		if got.header("request-id") == "" {
			t.Errorf("no request id to explain: %s", got.head)
		}
	})
	t.Run("nothing without a token", func(t *testing.T) {
		got := curl(t, dev.Origin+"/v1.0/users")
		got.want(t, 401)
		if !strings.HasPrefix(got.header("WWW-Authenticate"), "Bearer") {
			t.Errorf("no challenge: %s", got.head)
		}
	})
	t.Run("nothing with a token for another API", func(t *testing.T) {
		env := launch(t, "func-orders")
		got := curl(t, "-H", "X-IDENTITY-HEADER: "+env["IDENTITY_HEADER"], env["IDENTITY_ENDPOINT"]+"?api-version=2019-08-01&resource="+orders)
		got.want(t, 200)
		callGraph(t, got.json(t)["access_token"].(string), "/v1.0/users").want(t, 401)
	})
	t.Run("nothing with a changed token", func(t *testing.T) {
		callGraph(t, tampered(t, token), "/v1.0/users").want(t, 401)
	})
}

func errorCode(t *testing.T, got answer) string {
	t.Helper()
	failed, _ := got.json(t)["error"].(map[string]any)
	code, _ := failed["code"].(string)
	return code
}

// graphPrincipal finds Microsoft Graph as scripts do, by its well-known app id, and the ids of its app roles by value.
func graphPrincipal(t *testing.T, token string) (id string, roles map[string]string) {
	t.Helper()
	got := callGraph(t, token, "/v1.0/servicePrincipals(appId='"+graphAppID+"')?$select=id,appRoles")
	got.want(t, 200)
	body := got.json(t)
	roles = map[string]string{}
	for _, role := range body["appRoles"].([]any) {
		r := role.(map[string]any)
		if slices.Contains(r["allowedMemberTypes"].([]any), any("Application")) {
			roles[r["value"].(string)] = r["id"].(string)
		}
	}
	for name := range body {
		if name != "id" && name != "appRoles" && !strings.HasPrefix(name, "@odata.") {
			t.Errorf("$select=id,appRoles gave %s too", name)
		}
	}
	return body["id"].(string), roles
}

func TestGraphAppRolesHaveTheirWellKnownIDs(t *testing.T) {
	_, roles := graphPrincipal(t, workloadToken(t, "func-deploy"))
	if roles["User.Read.All"] != userReadAll || roles["Directory.Read.All"] != directoryReader {
		t.Errorf("User.Read.All is %s, Directory.Read.All is %s", roles["User.Read.All"], roles["Directory.Read.All"])
	}
}

// The way of the articles: who may give app roles gives one, which holds at once, also for a token that exists already;
// taking it away holds at once as well.
func TestAppRoleIsGivenByPOSTAndHoldsAtOnce(t *testing.T) {
	deploy, workload := workloadToken(t, "func-deploy"), workloadToken(t, "func-new")
	callGraph(t, workload, "/v1.0/groups").want(t, 403)

	api, roles := graphPrincipal(t, deploy)
	principal := identityOf(t, "func-new").ObjectID
	path := "/v1.0/servicePrincipals/" + principal + "/appRoleAssignments"
	body := fmt.Sprintf(`{"principalId": %q, "resourceId": %q, "appRoleId": %q}`, principal, api, roles["Group.Read.All"])
	post := []string{"-X", "POST", "-H", "Content-Type: application/json", "--data-raw", body}
	made := callGraph(t, deploy, path, post...)
	made.want(t, 201)
	assignment := made.json(t)
	if assignment["principalId"] != principal || assignment["resourceId"] != api || assignment["principalDisplayName"] != "func-new" {
		t.Errorf("made %s", made.body)
	}
	callGraph(t, workload, "/v1.0/groups").want(t, 200)

	t.Run("a second time is refused as it is by Graph", func(t *testing.T) {
		got := callGraph(t, deploy, path, post...)
		got.want(t, 400)
		if !strings.Contains(string(got.body), "Permission being assigned already exists on the object") {
			t.Errorf("answered %s", got.body)
		}
	})
	t.Run("it is listed", func(t *testing.T) {
		got := callGraph(t, deploy, path)
		got.want(t, 200)
		if all := got.json(t)["value"].([]any); len(all) != 1 {
			t.Errorf("%d assignments: %s", len(all), got.body)
		}
	})
	callGraph(t, deploy, path+"/"+assignment["id"].(string), "-X", "DELETE").want(t, 204)
	callGraph(t, workload, "/v1.0/groups").want(t, 403)
}

// Listing 1 of the article uses beta, and the service principal of the API in the path, whose assignments from that side
// are found under appRoleAssignedTo. As printed, it names another principal in the body than in the path: that is refused.
func TestAppRoleIsGivenAsInListing1(t *testing.T) {
	deploy, workload := workloadToken(t, "func-deploy"), workloadToken(t, "func-new")
	api, _ := graphPrincipal(t, deploy)
	principal := identityOf(t, "func-new").ObjectID
	post := func(collection string) answer {
		return curl(t, "--location", "--request", "POST", dev.Origin+"/beta/servicePrincipals/"+api+"/"+collection,
			"--header", "Authorization: Bearer "+deploy,
			"--header", "Content-Type: application/json",
			"--data-raw", fmt.Sprintf(`{ "principalId": %q, "resourceId": %q, "appRoleId": %q}`, principal, api, userReadAll))
	}
	callGraph(t, workload, "/v1.0/users").want(t, 403)
	made := post("appRoleAssignments")
	made.want(t, 201)
	list := curl(t, dev.Origin+"/beta/servicePrincipals/"+api+"/appRoleAssignments", "--header", "Authorization: Bearer "+deploy)
	list.want(t, 200)
	if id := made.json(t)["id"].(string); !strings.Contains(string(list.body), id) {
		t.Errorf("a GET of the same URL does not show %s: %s", id, list.body)
	}
	callGraph(t, workload, "/v1.0/users").want(t, 200)
	callGraph(t, deploy, "/v1.0/servicePrincipals/"+principal+"/appRoleAssignments/"+made.json(t)["id"].(string), "-X", "DELETE").want(t, 204)
	callGraph(t, workload, "/v1.0/users").want(t, 403)
}

func TestAppRoleIsNotGivenByWhoMayNot(t *testing.T) {
	api, roles := graphPrincipal(t, workloadToken(t, "func-deploy"))
	principal := identityOf(t, "func-orders").ObjectID
	body := fmt.Sprintf(`{"principalId": %q, "resourceId": %q, "appRoleId": %q}`, principal, api, roles["Group.Read.All"])
	got := callGraph(t, workloadToken(t, "func-orders"), "/v1.0/servicePrincipals/"+principal+"/appRoleAssignments",
		"-X", "POST", "-H", "Content-Type: application/json", "--data-raw", body)
	got.want(t, 403)
	if code := errorCode(t, got); code != "Authorization_RequestDenied" {
		t.Errorf("code %s: %s", code, got.body)
	}
	list := callGraph(t, workloadToken(t, "func-deploy"), "/v1.0/servicePrincipals/"+principal+"/appRoleAssignments")
	list.want(t, 200)
	if strings.Contains(string(list.body), roles["Group.Read.All"]) {
		t.Errorf("it was given all the same: %s", list.body)
	}
}
