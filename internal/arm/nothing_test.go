package arm

import (
	"strings"
	"testing"
)

// armauthorization v2 and the Terraform provider list these and take a 404 for a fault.
func TestWhatThereIsNoneOfIsListedAsEmpty(t *testing.T) {
	w := start(t)
	_, bearer := w.robot()
	for kind := range strings.SplitSeq(kindsOfNothing, "|") {
		for _, scope := range []string{sub, sub + "/resourceGroups/default"} {
			path := scope + "/providers/Microsoft.Authorization/" + kind + "?api-version=2015-07-01"
			if a := w.want(200, "GET", path, ""); a.text != `{"value":[]}` {
				t.Errorf("%s: %s", path, a.text)
			}
			w.status(path+" without a role", w.as(bearer, "GET", path, ""), 403, "AuthorizationFailed")
		}
		w.status("to write "+kind, w.do("PUT", sub+"/providers/Microsoft.Authorization/"+kind+"/x?api-version=2020-10-01", "{}"), 404, "InvalidResourceType")
	}
}
