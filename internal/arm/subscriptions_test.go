package arm

import (
	"testing"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

const theSubscription = `{"id":"/subscriptions/` + subscription + `","subscriptionId":"` + subscription + `","tenantId":"7ae3a2f0-9b4e-4d57-a7c1-0d6a3b0c5e11",` +
	`"displayName":"dev","state":"Enabled","authorizationSource":"RoleBased","managedByTenants":[],"subscriptionPolicies":` +
	`{"locationPlacementId":"Public_2014-09-01","quotaId":"PayAsYouGo_2014-09-01","spendingLimit":"Off"},"tags":{}}`

func TestSubscriptionsAtEveryVersionThatClientsSend(t *testing.T) {
	w := start(t)
	for _, version := range []string{"2014-04-01", "2016-06-01", "2018-06-01", "2019-06-01", "2019-11-01", "2021-01-01", "2022-12-01", "2024-11-30-preview"} {
		w.equal("list, "+version, w.want(200, "GET", "/subscriptions?api-version="+version, "").text, `{"value":[`+theSubscription+`]}`)
		w.equal("one, "+version, w.want(200, "GET", "/Subscriptions/"+subscription+"?api-version="+version, "").text, theSubscription)
	}
}

func TestSubscriptionsComeInPages(t *testing.T) {
	w := start(t)
	w.change(home, func(d *state.Draft) error {
		return d.PutSubscription(resource.Subscription{ID: guid.MustParse("ffffffff-5f63-4c5c-8a44-6c6a5fd0c9a1"), Name: "last"})
	})
	first := w.want(200, "GET", "/subscriptions?api-version=2019-11-01&$top=1", "")
	second := w.want(200, "GET", first.at("nextLink"), "")
	w.equal("names", first.at("value", "0", "displayName")+" "+second.at("value", "0", "displayName")+second.at("nextLink"), "dev last")
}

// An identity without a role may ask; az says that it found no subscriptions and goes on with --allow-no-subscriptions.
func TestSubscriptionsOfAnIdentityWithoutARole(t *testing.T) {
	w := start(t)
	_, bearer := w.robot()
	if a := w.as(bearer, "GET", "/subscriptions?api-version=2019-11-01", ""); a.status != 200 || a.text != `{"value":[]}` {
		t.Errorf("%d %s", a.status, a.text)
	}
}

func TestTenantsShowsTheTenantOfTheToken(t *testing.T) {
	w := start(t)
	want := func(of directory.Tenant) string {
		return `{"value":[{"id":"/tenants/` + of.ID.String() + `","tenantId":"` + of.ID.String() + `","tenantCategory":"Home","displayName":"` + of.Name +
			`","defaultDomain":"` + of.Name + `","domains":["` + of.Name + `"],"tenantType":"AAD"}]}`
	}
	_, robot := w.robot()
	for name, test := range map[string]struct {
		bearer string
		of     directory.Tenant
	}{
		"administrator":              {sign(t, grantOf(home), signingKey(), now), home},
		"an identity without a role": {robot, home},
		"administrator of the other": {sign(t, grantOf(other), signingKey(), now), other},
	} {
		for _, version := range []string{"2016-06-01", "2019-11-01", "2022-12-01"} {
			if a := w.as(test.bearer, "GET", "/tenants?api-version="+version, ""); a.status != 200 || a.text != want(test.of) {
				t.Errorf("%s, %s: %d %s", name, version, a.status, a.text)
			}
		}
	}
	if a := w.as("", "GET", "/tenants?api-version=2019-11-01", ""); a.status != 401 || a.at("error", "code") != "AuthenticationFailed" {
		t.Errorf("without a token: %d %s", a.status, a.text)
	}
	w.equal("no version", w.do("GET", "/tenants", "").at("error", "code"), "MissingApiVersionParameter")
}
