package imds

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
)

func TestParseReadsWhatClientsSend(t *testing.T) {
	for raw, want := range map[string]Ask{
		"api-version=2018-02-01&resource=https%3A%2F%2Fv.net":                    {Resource: "https://v.net"},
		"resource=https://v.net/&api%2Dversion=2018-02-01":                       {Resource: "https://v.net/"},
		"API-Version=2018-02-01&RESOURCE=a+b%20c":                                {Resource: "a b c"},
		"&&api-version=2018-02-01&=&resource=a=b&":                               {Resource: "a=b"},
		"api-version=2018-02-01&resource=r&client_id=x":                          {Resource: "r", By: ByClientID, Value: "x"},
		"api-version=2018-02-01&resource=r&object_id=x":                          {Resource: "r", By: ByObjectID, Value: "x"},
		"api-version=2018-02-01&resource=r&principal_id=x":                       {Resource: "r", By: ByObjectID, Value: "x"},
		"api-version=2018-02-01&resource=r&msi_res_id=%2Fx":                      {Resource: "r", By: ByResourceID, Value: "/x"},
		"api-version=2018-02-01&resource=r&mi_res_id=/x":                         {Resource: "r", By: ByResourceID, Value: "/x"},
		"api-version=2018-02-01&resource=r&bypass_cache=TRUE":                    {Resource: "r", Fresh: true},
		"api-version=2018-02-01&resource=r&bypass_cache=1":                       {Resource: "r"},
		"api-version=2018-02-01&resource=r&token_sha256_to_refresh=" + hex64:     {Resource: "r", Refused: hex64},
		"api-version=2018-02-01&resource=r&token_sha256_to_refresh=" + hex64[1:]: {Resource: "r"},
		"api-version=2018-02-01&resource=r&resourceid=x&clientid=y&xms_cc=cp1":   {Resource: "r"},
	} {
		var got Ask
		if err := got.parse(raw); err != nil || got != want {
			t.Errorf("%s: %+v, %v", raw, got, err)
		}
	}
}

const hex64 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestParseNamesTheParameterAtFault(t *testing.T) {
	const good = "api-version=2018-02-01&resource=r"
	for raw, want := range map[string]struct {
		code   apierr.Code
		target string
	}{
		"":                                    {apierr.APIVersionMissing, "api-version"},
		"api-version=":                        {apierr.APIVersionMissing, "api-version"},
		"api-version=2018-02-1":               {apierr.APIVersionInvalid, "api-version"},
		"api-version=2018-02-01":              {apierr.ParameterMissing, "resource"},
		good + "&resource=r":                  {apierr.ParameterDuplicate, "resource"},
		good + "&resourc%65=r":                {apierr.ParameterDuplicate, "resource"},
		good + "&client_id=&client_id=x":      {apierr.ParameterDuplicate, "client_id"},
		good + "&bypass_cache=&bypass_cache=": {apierr.ParameterDuplicate, "bypass_cache"},
		good + "&client_id=%":                 {apierr.ParameterInvalid, "client_id"},
		good + "&mi_res_id=x&client_id=y":     {apierr.SelectorConflict, "client_id"},
		good + "&claims=x":                    {apierr.ParameterInvalid, "claims"},
	} {
		var a Ask
		if e := apierr.From(a.parse(raw)); e == nil || e.Code != want.code || e.Target != want.target {
			t.Errorf("%s: %v at %v, want %s at %s", raw, e, e, want.code, want.target)
		}
	}
}

func TestParseReadsTheFormOf2017(t *testing.T) {
	for raw, want := range map[string]Ask{
		// As az sends it: the resource as it is, the slash of the path not ours.
		"resource=https://management.core.windows.net/&api-version=2017-09-01":       {Resource: "https://management.core.windows.net/"},
		"resource=https://v.net&api-version=2017-09-01&clientid=x":                   {Resource: "https://v.net", By: ByClientID, Value: "x"},
		"api-version=2017-09-01&clientid=&resource=r":                                {Resource: "r"}, // Go for Azure ML
		"api-version=2017-09-01&resource=r&ClientID=x&client_id=&object_id=":         {Resource: "r", By: ByClientID, Value: "x"},
		"api-version=2017-09-01&resource=r&bypass_cache=true&foo=1&claims=none&a=%g": {Resource: "r", Fresh: true},
	} {
		want.Form = AppService2017
		got := Ask{Form: AppService2017}
		if err := got.parse(raw); err != nil || got != want {
			t.Errorf("%s: %+v, %v", raw, got, err)
		}
	}
	const good = "api-version=2017-09-01&resource=r"
	for raw, want := range map[string]struct {
		code   apierr.Code
		target string
	}{
		good + "&clientid=x&clientid=x":         {apierr.ParameterDuplicate, "clientid"},
		good + "&clientid=%":                    {apierr.ParameterInvalid, "clientid"},
		good + "&client_id=x":                   {apierr.ParameterUnsupported, "client_id"},
		good + "&clientid=x&mi_res_id=/x":       {apierr.ParameterUnsupported, "mi_res_id"},
		good + "&object_id=x":                   {apierr.ParameterUnsupported, "object_id"},
		"api-version=2019-08-01&resource=r":     {apierr.APIVersionInvalid, "api-version"},
		"api-version=2018-02-01&resource=r":     {apierr.APIVersionInvalid, "api-version"},
		"resource=r":                            {apierr.APIVersionMissing, "api-version"},
		"api-version=2017-09-01":                {apierr.ParameterMissing, "resource"},
		"api-version=2017-09-01&clientid=x&a=b": {apierr.ParameterMissing, "resource"},
	} {
		a := Ask{Form: AppService2017}
		if e := apierr.From(a.parse(raw)); e == nil || e.Code != want.code || e.Target != want.target {
			t.Errorf("%s: %v, want %s at %s", raw, e, want.code, want.target)
		}
	}
}

func TestOnlyTheFormOf2017KnowsClientid(t *testing.T) {
	for _, form := range []Form{IMDS, AppService} {
		version := map[Form]string{IMDS: "2018-02-01", AppService: "2019-08-01"}[form]
		a := Ask{Form: form}
		if err := a.parse("api-version=" + version + "&resource=r&clientid=x&clientid=%"); err != nil || a.By != ByDefault {
			t.Errorf("%s: %+v, %v", form, a, err)
		}
	}
}

func TestParseInPlaceAllocatesNothing(t *testing.T) {
	const raw = "api-version=2018-02-01&resource=https://vault.azure.net&client_id=f8973019-6953-433b-b935-adc31f5646d5"
	if n := testing.AllocsPerRun(100, func() {
		var a Ask
		if a.parse(raw) != nil {
			t.Fatal("refused")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestLocate(t *testing.T) {
	for path, want := range map[string]element{
		pathToken: imdsToken, pathToken + "/": imdsToken, "/" + pathToken: imdsToken, strings.ToUpper(pathToken): imdsToken,
		pathAppService: appServiceToken, "/MSI/token/": appServiceToken, "/metadata/identity/info": imdsInfo, "/metadata/versions/": imdsVersions,
		"/metadata/identity/issuecredential": imdsCredential, "/metadata": imdsUnknown, "/metadata/": imdsUnknown, "/metadata/identity": imdsUnknown,
		"/metadatax": unknown, "": unknown, "/": unknown, "*": unknown, "msi/token": unknown, "/msi/token/x": unknown, "/x/msi/token": unknown,
	} {
		if got := locate(path); got != want {
			t.Errorf("%q is %d, want %d", path, got, want)
		}
	}
}

// FuzzIMDSQuery sends any path and query with any headers: never a 5xx, always JSON, and a token only for callers that
// sent the header of the endpoint, and one version and resource that were understood.
func FuzzIMDSQuery(f *testing.F) {
	for _, seed := range []string{"api-version=2018-02-01&resource=https%3A%2F%2Fv.net", "api-version=2018-02-01&resource=r&client_id=a&object_id=b",
		"api%2Dversion=2018-02-01&resource=%zz", "resource=a&resource=b", "api-version=2019-08-01&resource=r&mi_res_id=/x", "&;=%00&claims={}"} {
		f.Add(pathToken, seed, "true", "", "localhost")
		f.Add("/msi/token", seed, "", "secret", "127.0.0.1:80")
		f.Add("/msi/token/", strings.Replace(seed, "2018-02-01", "2017-09-01", 1), "", "2017 secret", "127.0.0.1:80")
	}
	f.Add("//METADATA/identity/info/", "api-version=2018-02-01", "true", "", "[::1]:1")
	f.Fuzz(func(t *testing.T, path, query, metadata, secret, host string) {
		var asked Ask
		h := fixed(nil, nil)
		h.Token = func(_ context.Context, ask Ask) (*Token, error) {
			asked = ask
			return sampleToken(), nil
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path, r.URL.RawQuery, r.Host, r.RemoteAddr = path, query, host, "127.0.0.1:1"
		if metadata != "" {
			r.Header.Set("Metadata", metadata)
		}
		if secret != "" {
			name := "X-IDENTITY-HEADER"
			if strings.HasPrefix(secret, "2017") {
				name = "secret"
			}
			r.Header.Set(name, secret)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var body map[string]any
		if w.Code >= 500 || json.Unmarshal(w.Body.Bytes(), &body) != nil {
			t.Fatalf("%d %q", w.Code, w.Body)
		}
		if w.Code != 200 {
			return
		}
		if secret == "" && !strings.EqualFold(metadata, "true") {
			t.Fatalf("200 without a header: %s", w.Body)
		}
		if _, isToken := body["access_token"]; !isToken {
			return
		}
		if asked.Form.Header() != "" && asked.Secret != secret || asked.Resource == "" || (asked.By == ByDefault) != (asked.Value == "") {
			t.Fatalf("%+v", asked)
		}
		if values, err := url.ParseQuery(query); err == nil && len(values["resource"]) == 1 && values.Get("resource") != asked.Resource {
			t.Fatalf("the standard library reads resource %q, Ask has %q", values.Get("resource"), asked.Resource)
		}
	})
}

func TestTheSecondsOfATokenAreOfTheMoment(t *testing.T) {
	token, h := sampleToken(), fixed(nil, nil)
	for _, c := range []struct {
		now      int64
		selector string
		want     string
	}{
		{1000, "", `"expires_in":"3600","expires_on":"4600","ext_expires_in":"3600"`},
		{1000, "&object_id=x", `"token_type":"Bearer","object_id":"02000000-0000-0000-0000-000000000000"}`},
		{1001, "", `"expires_in":"3599","expires_on":"4600","ext_expires_in":"3599"`},
		{4591, "", `"expires_in":"9","expires_on":"4600","ext_expires_in":"9"`},
		{4591, "&msi_res_id=x", `"token_type":"Bearer","msi_res_id":"/subscriptions/s"}`},
		{4700, "", `"expires_in":"0","expires_on":"4600"`},
		{1001, "", `"expires_in":"3599","expires_on":"4600"`},
	} {
		h.Token = func(context.Context, Ask) (*Token, error) { return token, nil }
		h.Now = func() time.Time { return time.Unix(c.now, 0) }
		w := call(h, pathToken+"?api-version=2018-02-01&resource=r"+c.selector, "Metadata", "true")
		if !strings.Contains(w.Body.String(), c.want) || !json.Valid(w.Body.Bytes()) {
			t.Errorf("at %d: %s", c.now, w.Body)
		}
	}
}
