package arm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
)

func TestFederatedCredentials(t *testing.T) {
	w := start(t)
	made := w.want(201, "PUT", uami+"Robot"+v1, `{"location":"local"}`)
	const all = uami + "robot/federatedIdentityCredentials"
	body := func(subject, audiences string) string {
		return `{"properties":{"issuer":"https://token.actions.example","subject":"` + subject + `","audiences":[` + audiences + `]}}`
	}
	// 25
	first := w.want(201, "PUT", all+"/GitHub-main"+v1, body("repo:o/r:ref:refs/heads/main", `"api://AzureADTokenExchange"`))
	w.equal("id", first.at("id"), uami+"Robot/federatedIdentityCredentials/GitHub-main")
	w.equal("type", first.at("type"), "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials")
	w.want(200, "PUT", all+"/github-MAIN"+v1, body("repo:o/r:environment:prod", `"api://AzureADTokenExchange"`))
	w.equal("replaced", w.want(200, "GET", all+"/github-main"+v1, "").at("properties", "subject"), "repo:o/r:environment:prod")
	w.equal("one", w.want(200, "GET", all+v1, "").at("value", "1"), "")
	// 26
	for what, a := range map[string]answer{
		"two audiences":  w.do("PUT", all+"/two"+v1, body("s", `"a","b"`)),
		"no audience":    w.do("PUT", all+"/none"+v1, body("s", ``)),
		"a bad name":     w.do("PUT", all+"/-x"+v1, body("s", `"a"`)),
		"a short name":   w.do("PUT", all+"/x"+v1, body("s", `"a"`)),
		"no subject":     w.do("PUT", all+"/nobody"+v1, body("", `"a"`)),
		"a bad issuer":   w.do("PUT", all+"/issuer"+v1, strings.Replace(body("s", `"a"`), "https://token.actions.example", "not a URL", 1)),
		"steers":         w.do("PUT", all+"/steers"+v1, body(`s\u001b[2J`, `"a"`)),
		"nothing at all": w.do("PUT", all+"/nothing"+v1, `{}`),
	} {
		w.status(what, a, 400, "BadRequest")
	}
	w.status("no parent", w.do("PUT", uami+"nowhere/federatedIdentityCredentials/ci1"+v1, body("s", `"a"`)), 404, "ResourceNotFound")
	w.status("issuer and subject twice", w.do("PUT", all+"/again"+v1, body("repo:o/r:environment:prod", `"a"`)), 409, "Conflict")
	w.status("unknown", w.do("GET", all+"/nobody"+v1, ""), 404, "ResourceNotFound")
	for n := range directory.MaxFederatedCredentials - 1 {
		w.want(201, "PUT", fmt.Sprintf("%s/more-%02d%s", all, n, v1), body(fmt.Sprint("s", n), `"a"`))
	}
	if a := w.do("PUT", all+"/one-too-many"+v1, body("last", `"a"`)); a.status != 400 || !strings.Contains(a.text, "at most 20") {
		t.Errorf("one too many: %d %s", a.status, a.text)
	}
	page := w.want(200, "GET", all+v1+"&$top=19", "")
	w.equal("the last page", w.want(200, "GET", page.at("nextLink"), "").at("value", "0", "name"), "more-18")
	w.want(200, "DELETE", all+"/github-main"+v1, "")
	w.want(204, "DELETE", all+"/github-main"+v1, "")
	// They end with their identity.
	principal := guid.MustParse(made.at("properties", "principalId"))
	w.want(200, "DELETE", uami+"Robot"+v1, "")
	for c := range w.dir().FederatedCredentials(principal) {
		t.Errorf("%s outlived its identity", c.Name)
	}
}
