package arm

import (
	"encoding/json"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/apierr"
)

// TestEveryCodeHasALegalBody walks all codes: each must come out as the error form that SDKs parse, with a status that
// fits its kind, and say nothing of its cause.
func TestEveryCodeHasALegalBody(t *testing.T) {
	wireCode := regexp.MustCompile(`^[A-Z][A-Za-z]+$`)
	classes := map[apierr.Kind]int{apierr.Internal: 500, apierr.Unauthenticated: 401, apierr.Forbidden: 403, apierr.NotFound: 404,
		apierr.Conflict: 409, apierr.Precondition: 412, apierr.Throttled: 429, apierr.Unavailable: 503}
	for _, code := range apierr.Codes() {
		rec := httptest.NewRecorder()
		e := apierr.New(code, "What %s means.", code).At("target").WithHelp("inborn help").Because(apierr.New(apierr.Fault, "secret"))
		status := (&api{}).spell(rec, httptest.NewRequest("GET", "/subscriptions", nil), e)
		var body struct{ Error map[string]any }
		if err := json.Unmarshal(rec.Body.Bytes(), &body); err != nil {
			t.Fatalf("%s: %v", code, err)
		}
		wire, _ := body.Error["code"].(string)
		message, _ := body.Error["message"].(string)
		if !wireCode.MatchString(wire) || !strings.HasPrefix(message, e.Message) || body.Error["target"] != "target" ||
			strings.Contains(rec.Body.String(), "inborn help") == (code == apierr.PermissionMissing) || strings.Contains(rec.Body.String(), "secret") {
			t.Errorf("%s: %s", code, rec.Body)
		}
		if status != rec.Code {
			t.Errorf("%s: spell returned %d and wrote %d", code, status, rec.Code)
		}
		want, exact := classes[code.Kind()]
		if exact && status != want || !exact && (status < 400 || status > 499) {
			t.Errorf("%s of kind %d: status %d", code, code.Kind(), status)
		}
		if rec.Header().Get("x-ms-error-code") != wire || rec.Header().Get("x-ms-failure-cause") != "gateway" {
			t.Errorf("%s: headers %v", code, rec.Header())
		}
	}
	for _, kind := range apierr.Kinds() {
		if s := byKind(kind); s.status == 0 || s.code == "" || kind != apierr.Internal && s.status == 500 {
			t.Errorf("kind %d: %+v", kind, s)
		}
	}
}

// TestRefusals sends bad input of every sort.
func TestRefusals(t *testing.T) {
	w := start(t)
	w.want(201, "PUT", uami+"one"+v1, `{"location":"local"}`)
	w.want(201, "PUT", jobs+"nightly"+v1, `{"location":"West Europe"}`)
	w.want(201, "PUT", node+v1, `{"location":"local"}`)
	const nobody = "/subscriptions/00000000-0000-4000-8000-000000000000"
	binding := bindings + "/7ae3a2f0-9b4e-4d57-a7c1-0d6a3b0c5e11"
	long := strings.Repeat("x", 200)
	for _, test := range []struct {
		method, path, body string
		status             int
		code, message      string // of message a part
	}{
		// The api-version.
		{"GET", "/subscriptions", "", 400, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests."},
		{"GET", "/subscriptions?api-version=latest", "", 400, "InvalidApiVersionParameter", "The api-version 'latest' is invalid."},
		{"GET", "/subscriptions?api-version=2024-13-01", "", 400, "InvalidApiVersionParameter", ""},
		{"GET", "/subscriptions?api-version=2024-11-30-beta", "", 400, "InvalidApiVersionParameter", ""},
		{"GET", bindings + v1, "", 400, "InvalidApiVersionParameter", "The supported versions are '2026-11-01'."},
		{"POST", "/providers/Inborn.Platform/apply" + v1, "", 400, "InvalidApiVersionParameter", ""},

		// Paths that name nothing, or nothing that may be.
		{"GET", nobody + v1, "", 404, "SubscriptionNotFound", "The subscription '00000000-0000-4000-8000-000000000000' could not be found."},
		{"GET", "/subscriptions/dev" + v1, "", 404, "SubscriptionNotFound", "The subscription 'dev' could not be found."},
		{"GET", nobody + "/resourceGroups/dev" + v1, "", 404, "SubscriptionNotFound", ""},
		{"GET", nobody + "/resources" + v1, "", 404, "SubscriptionNotFound", ""},
		{"PUT", nobody + "/resourceGroups/dev" + v1, `{"location":"local"}`, 404, "SubscriptionNotFound", ""},
		{"GET", "/subscriptions/" + subscription + "/resourceGroups/none" + v1, "", 404, "ResourceGroupNotFound", "Resource group 'none' could not be found."},
		{"GET", "/subscriptions/" + subscription + "/resourceGroups/none/resources" + v1, "", 404, "ResourceGroupNotFound", ""},
		{"GET", strings.Replace(uami, "Dev", "none", 1) + "one" + v1, "", 404, "ResourceGroupNotFound", ""},
		{"DELETE", strings.Replace(uami, "Dev", "none", 1) + "one" + v1, "", 404, "ResourceGroupNotFound", ""},
		{"PUT", strings.Replace(jobs, "Dev", "none", 1) + "one" + v1, `{"location":"local"}`, 404, "ResourceGroupNotFound", ""},
		{"GET", uami + "two" + v1, "", 404, "ResourceNotFound", "The Resource 'Microsoft.ManagedIdentity/userAssignedIdentities/two' under resource" +
			" group 'Dev' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix"},
		{"PATCH", uami + "two" + v1, "{}", 404, "ResourceNotFound", ""},
		{"GET", jobs + "daily/steps/1" + v1, "", 404, "ResourceNotFound", "The Resource 'Contoso.Jobs/jobs/daily/steps/1' under"},
		{"PATCH", jobs + "daily" + v1, "{}", 404, "ResourceNotFound", ""},
		{"PUT", jobs + "daily/steps/1" + v1, "{}", 404, "ParentResourceNotFound", "Parent resource 'Contoso.Jobs/jobs/daily' not found."},
		{"GET", "/nowhere" + v1, "", 404, "InvalidResourceType", ""},
		{"POST", jobs + "nightly" + v1, "", 405, "HttpMethodNotAllowed", ""},
		{"GET", jobs + "a%2Fb" + v1, "", 400, "InvalidResourceId", "it holds a slash"},
		{"GET", uami + "a%2Fb" + v1, "", 400, "InvalidResourceId", "it holds a slash"},
		{"PUT", jobs + "a%3Cb" + v1, `{"location":"local"}`, 400, "InvalidResourceId", ""},

		// Namespaces with a meaning of their own never become generic resources.
		{"PUT", rg + "/providers/Microsoft.ManagedIdentity/identities/one" + v1, `{"location":"local"}`, 404, "InvalidResourceType",
			"The resource type could not be found in the namespace 'Microsoft.ManagedIdentity' for api version '2024-11-30'."},
		{"PUT", uami + "one/federatedIdentityCredentials/one" + v1, `{"location":"local"}`, 400, "BadRequest", "is not the URL of an issuer"},
		{"PUT", rg + "/providers/microsoft.authorization/roleAssignments/one" + v1, `{"location":"local"}`, 400, "BadRequest", "must be a GUID"},
		{"PUT", jobs + "nightly/providers/Microsoft.Authorization/policyDefinitions/one" + v1, `{"location":"local"}`, 404, "InvalidResourceType", ""},
		{"PUT", jobs + "nightly/providers/Contoso.Jobs" + v1, `{"location":"local"}`, 400, "InvalidResourceId", ""},
		{"PUT", rg + "/providers/Microsoft.Resources/deployments/one" + v1, `{"location":"local"}`, 404, "InvalidResourceType", ""},
		{"PUT", rg + "/providers/Inborn.Platform/things/one" + v1, `{"location":"local"}`, 404, "InvalidResourceType", ""},
		{"PUT", rg + "/providers/Jobs/jobs/one" + v1, `{"location":"local"}`, 404, "InvalidResourceType", ""},
		{"PUT", rg + "/providers/Contoso.Jobs/j%20bs/one" + v1, `{"location":"local"}`, 404, "InvalidResourceType", ""},
		{"PUT", rg + "/providers/Micro%C5%BFoft.Authorization/locks/one" + v1, `{"location":"local"}`, 400, "InvalidResourceId", ""},
		{"PUT", "/providers/Contoso.Jobs/jobs/one" + v1, `{"location":"local"}`, 404, "InvalidResourceType", ""},
		{"PUT", "/subscriptions/" + subscription + "/providers/Contoso.Jobs/jobs/one" + v1, `{"location":"local"}`, 404, "InvalidResourceType", ""},

		// Bodies.
		{"PUT", rg + "2" + v1, "{}", 400, "LocationRequired", "The location property is required for this definition."},
		{"PUT", rg + "2" + v1, "", 400, "InvalidRequestContent", ""},
		{"PUT", rg + "." + v1, `{"location":"local"}`, 400, "InvalidResourceName", ""},
		{"PUT", rg + "~" + v1, `{"location":"local"}`, 400, "InvalidResourceName", ""},
		{"PUT", rg + v1, `{"location":"mars"}`, 409, "InvalidResourceLocation", "The resource 'Dev' already exists in location 'local' in resource group 'Dev'."},
		{"PUT", uami + "two" + v1, "{}", 400, "LocationRequired", ""},
		{"PUT", uami + "ab" + v1, `{"location":"local"}`, 400, "InvalidResourceName", ""},
		{"PUT", uami + "-two" + v1, `{"location":"local"}`, 400, "InvalidResourceName", ""},
		{"PUT", uami + "t.wo" + v1, `{"location":"local"}`, 400, "InvalidResourceName", ""},
		{"PUT", uami + long + v1, `{"location":"local"}`, 400, "InvalidResourceName", ""},
		{"PUT", uami + "one" + v1, `{"location":"mars"}`, 409, "InvalidResourceLocation", ""},
		{"PATCH", uami + "one" + v1, `{"location":"mars"}`, 409, "InvalidResourceLocation", ""},
		{"PUT", uami + "one" + v1, `{"location":"local","properties":{"isolationScope":"Regional"}}`, 400, "BadRequest", "isolationScope"},
		{"PUT", uami + "one" + v1, `{"location":"local","properties":[]}`, 400, "BadRequest", ""},
		{"PUT", uami + "one" + v1, `{"location":7}`, 400, "BadRequest", `"location"`},
		{"PUT", uami + "one" + v1, `{"location":`, 400, "InvalidRequestContent", ""},
		{"PUT", uami + "one" + v1, `{"tags":{"a":"` + long + long + `"}}`, 400, "BadRequest", ""},
		{"PUT", jobs + "one" + v1, "{}", 400, "LocationRequired", ""},
		{"PUT", jobs + "nightly" + v1, `{"location":"mars"}`, 409, "InvalidResourceLocation", ""},
		{"PUT", jobs + "nightly" + v1, `{"properties":"text"}`, 400, "BadRequest", `"properties" must be a JSON object`},
		{"PATCH", jobs + "nightly" + v1, `{"properties":[1]}`, 400, "BadRequest", ""},
		{"PUT", jobs + "nightly" + v1, `{"kind":"a\nb"}`, 400, "BadRequest", ""},
		{"PUT", jobs + "nightly" + v1, `{"properties":{"a":"` + strings.Repeat("x", maxBody) + `"}}`, 413, "RequestEntityTooLarge", ""},

		// Lists.
		{"GET", rg + "/resources" + v1 + "&$top=0", "", 400, "BadRequest", "$top"},
		{"GET", rg + "/resources" + v1 + "&$top=many", "", 400, "BadRequest", "$top"},
		{"GET", rg + "/resources" + v1 + "&$skipToken=!", "", 400, "BadRequest", "$skipToken"},
		{"GET", rg + "/resources" + v1 + "&$filter=plan+eq+'a'", "", 400, "UnsupportedQuery", "plan eq 'a'"},
		{"GET", "/subscriptions/" + subscription + "/resourceGroups" + v1 + "&$filter=name+eq+'a'", "", 400, "UnsupportedQuery", "tagName eq '..'"},
		{"GET", rg + "/resources" + v1 + "&$filter=name+eq+one", "", 400, "UnsupportedQuery", ""},

		// Workload bindings.
		{"GET", "/providers/Inborn.Platform/bindings" + own, "", 400, "InvalidResourceId", "belong to a node"},
		{"GET", rg + "/providers/Inborn.Platform/bindings" + own, "", 400, "InvalidResourceId", "belong to a node"},
		{"GET", jobs + "none/providers/Inborn.Platform/bindings" + own, "", 404, "ResourceNotFound", ""},
		{"GET", bindings + "/1" + own, "", 400, "BadRequest", "must be a GUID"},
		{"GET", binding + own, "", 404, "NotFound", "The node 'web-01' has no workload binding"},
		{"PUT", binding + own, "{}", 400, "BadRequest", "The property resource is missing"},
		{"PUT", binding + own, `{"properties":{"resource":"nightly"}}`, 400, "InvalidResourceId", ""},
		{"PUT", binding + own, `{"properties":{"resource":"` + jobs + `none"}}`, 400, "InvalidResourceReference", ""},
		{"PUT", binding + own, `{"properties":{"resource":"` + jobs + `nightly","selectors":["1000"]}}`, 400, "BadRequest", `is not one that can be attested here`},
		{"PUT", binding + own, `{"properties":{"resource":"` + jobs + `nightly","selectors":["UID:1000"]}}`, 400, "BadRequest", ""},
		{"PUT", binding + own, `{"properties":{"resource":"` + jobs + `nightly","expires":"2026-03-01T12:00:00Z"}}`, 400, "BadRequest", "expired"},
		{"PUT", binding + own, `{"properties":{"resource":"` + jobs + `nightly","expires":"soon"}}`, 400, "InvalidRequestContent", ""},

		// The rest of the platform.
		{"POST", "/providers/Inborn.Platform/apply" + own + "&dryRun=maybe", "", 400, "BadRequest", "dryRun"},
		{"POST", "/providers/Inborn.Platform/apply" + own, "users: [", 400, "ManifestInvalid", ""},
		{"POST", "/providers/Inborn.Platform/apply" + own, strings.Repeat("#", maxManifest+1), 413, "RequestEntityTooLarge", ""},
		{"GET", "/providers/Inborn.Platform/traces/1" + own, "", 400, "BadRequest", "GUID"},
		{"GET", "/providers/Inborn.Platform/traces/00000000-0000-4000-8000-000000000000" + own, "", 404, "NotFound", ""},
	} {
		before := w.live.View().At()
		a := w.do(test.method, test.path, test.body)
		body := test.body[:min(len(test.body), 100)]
		if a.status != test.status || a.at("error", "code") != test.code || !strings.Contains(a.at("error", "message"), test.message) {
			t.Errorf("%s %s %s: %d %s; want %d %s %s", test.method, test.path, body, a.status, a.text, test.status, test.code, test.message)
		}
		if w.live.View().At() != before {
			t.Errorf("%s %s %s: refused, and something changed", test.method, test.path, body)
		}
	}
}
