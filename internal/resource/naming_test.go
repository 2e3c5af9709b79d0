package resource

import (
	"strings"
	"testing"
)

func TestIsConventional(t *testing.T) {
	for name, want := range map[string]bool{
		"id-myapp-prod-uks-01": true, "id-orders-dev-local-1": true, "id-order-history-dev-local-01": true, "id-a1-dev-westus2-007": true,
		"id-myapp-prod-01": false, "id-myapp-prod-uks": false, "id-myapp-prod-uks-a1": false, "id-myapp-prod-uks-": false,
		"id--prod-uks-01": false, "ID-myapp-prod-uks-01": false, "mi-myapp-prod-uks-01": false, "orders": false, "": false, "id-----01": false,
	} {
		if IsConventional(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func TestConventionalName(t *testing.T) {
	taken := map[string]bool{"id-orders-dev-local-01": true, "id-orders-dev-local-02": true, "id-bills-dev-local-01": true}
	for _, c := range []struct{ name, location, hints, want string }{
		{"billing", "local", "", "id-billing-dev-local-01"},
		{"billing", "", "", "id-billing-dev-local-01"},
		{"orders", "local", "", "id-orders-dev-local-03"},
		{"orders-identity", "West Europe", "rg-orders-prod", "id-orders-prod-westeurope-01"},
		{"id_orders_prd_uks_3", "uksouth", "rg-dev", "id-orders-prd-uks-03"},
		{"uami-order-history-westus2", "westus2", "test,prod", "id-order-history-test-westus2-01"},
		{"orders7", "local", "", "id-orders-dev-local-07"},
		{"2024", "local", "", "id-2024-dev-local-01"},
		{"managed-identity-02", "local", "", "id-app-dev-local-02"},
		{"id-orders-local-01", "local", "", "id-orders-dev-local-03"},
		{"local", "local", "", "id-app-dev-local-01"},
		{"id-prod", "local", "", "id-app-prod-local-01"},
		{"Orders-PROD", "local", "", "id-orders-prod-local-01"},
		{"bills-dev", "local", "", "id-bills-dev-local-02"},
		{"x9999999999999999999999", "local", "", "id-x9999999999999999999999-dev-local-01"},
		{strings.Repeat("a", 128), strings.Repeat("b", 60), "", "id-" + strings.Repeat("a", 77) + "-dev-" + strings.Repeat("b", 40) + "-01"},
	} {
		got := ConventionalName(c.name, c.location, strings.Split(c.hints, ","), func(name string) bool { return taken[name] })
		if got != c.want {
			t.Errorf("%s in %s (%s): %s, want %s", c.name, c.location, c.hints, got, c.want)
		}
		if !IsConventional(got) || !IsIdentityName(got) {
			t.Errorf("%s becomes %s, which is no conventional name", c.name, got)
		}
	}
}

func FuzzConventionalName(f *testing.F) {
	f.Add("orders", "local", "prod")
	f.Add("id-id-01", "", "-")
	f.Add("001", "0", "é")
	f.Fuzz(func(t *testing.T, name, location, hint string) {
		first := ConventionalName(name, location, []string{hint}, func(string) bool { return false })
		if !IsConventional(first) || !IsIdentityName(first) {
			t.Errorf("%q", first)
		}
		next := ConventionalName(name, location, []string{hint}, func(n string) bool { return n == first })
		if next == first || !IsConventional(next) || !IsIdentityName(next) {
			t.Errorf("%q after %q", next, first)
		}
	})
}
