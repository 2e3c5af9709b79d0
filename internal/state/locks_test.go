package state

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
)

func lock(t *testing.T, d *Draft, scope resource.ID, name string, readOnly bool) {
	t.Helper()
	if _, _, err := d.PutLock(resource.Lock{Scope: scope, Name: name, ReadOnly: readOnly}); err != nil {
		t.Fatal(err)
	}
}

func TestNothingLockedIsDeleted(t *testing.T) {
	d := newDraft(t)
	site, slot, other := siteID("a"), siteID("a")+"/slots/b", siteID("ab")
	for _, id := range []resource.ID{site, slot, other} {
		if _, _, err := d.PutResource(ResourceSpec{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := d.PutIdentity(ManagedIdentitySpec{ID: identityID("id1")}); err != nil {
		t.Fatal(err)
	}
	remove := map[resource.ID]func() error{
		testGroup:         func() error { return d.DeleteResourceGroup(testGroup) },
		site:              func() error { return d.DeleteResource(site) },
		slot:              func() error { return d.DeleteResource(slot) },
		identityID("id1"): func() error { return d.DeleteIdentity(identityID("ID1")) },
	}
	for _, c := range []struct {
		at     resource.ID
		spared []resource.ID // what may be deleted all the same
	}{
		{testSubscription, nil},
		{testGroup, nil},
		{site, []resource.ID{identityID("id1")}},
		{resource.ID(strings.ToUpper(string(slot))), []resource.ID{identityID("id1")}},
		{other, []resource.ID{identityID("id1"), site, slot}},
		{identityID("id1"), []resource.ID{site, slot}},
	} {
		for _, readOnly := range []bool{false, true} {
			lock(t, d, c.at, "keep", readOnly)
			for id, try := range remove {
				if slices.Contains(c.spared, id) {
					continue
				}
				before := len(d.Batch().Records)
				if err := try(); !apierr.Is(err, apierr.ScopeLocked) || !strings.Contains(err.Error(), "'"+string(d.Directory().spelled(c.at))+"'") {
					t.Errorf("locked at %s, deleting %s: %v", c.at, id, err)
				}
				if n := len(d.Batch().Records) - before; n != 0 {
					t.Errorf("locked at %s, deleting %s was refused and wrote %d records", c.at, id, n)
				}
			}
			if err := d.DeleteLock(c.at, "KEEP"); err != nil {
				t.Fatal(err)
			}
		}
	}
	lock(t, d, other, "keep", false)
	if err := d.DeleteResource(site); err != nil {
		t.Errorf("a lock beside it holds: %v", err)
	}
	if err := d.DeleteLock(other, "keep"); err != nil {
		t.Fatal(err)
	}
	if err := d.DeleteResourceGroup(testGroup); err != nil {
		t.Error(err)
	}
	for l := range d.Directory().LocksBelow("") {
		t.Errorf("the lock %s is left", l.ID())
	}
}

func TestLocksHoldBelow(t *testing.T) {
	d := newDraft(t)
	site := newSite(t, d, "a")
	may := func(scope resource.ID, verb string) bool { return d.Directory().CheckLocks(scope, verb) == nil }
	lock(t, d, site, "one", false)
	if !may(site, "write") || may(site, "delete") || may(site+"/slots/b", "delete") || !may(testGroup, "delete") {
		t.Error("CanNotDelete forbids too much or too little")
	}
	lock(t, d, testGroup, "two", true)
	if may(site, "write") || may(testGroup, "action") || !may(site, "read") || !may(testSubscription, "write") {
		t.Error("ReadOnly forbids too much or too little")
	}
	names := func(all func(func(*resource.Lock) bool)) (s string) {
		for l := range all {
			s += l.Name + " "
		}
		return s
	}
	if got := names(d.Directory().LocksAbove(site)); got != "two one " {
		t.Errorf("above the site: %s", got)
	}
	if got := names(d.Directory().LocksBelow(testSubscription)); got != "two one " && got != "one two " {
		t.Errorf("below the subscription: %s", got)
	}
	l, created, err := d.PutLock(resource.Lock{Scope: resource.ID(strings.ToLower(string(testGroup))), Name: "TWO", Notes: "why"})
	if err != nil || created || l.Name != "two" || l.Scope != testGroup || l.ReadOnly || l.Level() != "CanNotDelete" {
		t.Errorf("%+v, %v, %v", l, created, err)
	}
}

func TestLocksRefused(t *testing.T) {
	d := newDraft(t)
	put := func(scope resource.ID, name, notes string) error {
		_, _, err := d.PutLock(resource.Lock{Scope: scope, Name: name, Notes: notes})
		return err
	}
	for name, c := range map[string]struct {
		code apierr.Code
		err  error
	}{
		"the tenant":         {apierr.ResourceIDInvalid, put(rbac.Tenant, "a", "")},
		"a management group": {apierr.ResourceIDInvalid, put(rbac.ManagementGroupID(testTenant.String()), "a", "")},
		"no subscription":    {apierr.SubscriptionNotFound, put(resource.SubscriptionID(testTenant.String()), "a", "")},
		"no group":           {apierr.ResourceGroupNotFound, put(testGroup+"2", "a", "")},
		"no resource":        {apierr.ResourceNotFound, put(siteID("none"), "a", "")},
		"no name":            {apierr.PropertyInvalid, put(testGroup, "", "")},
		"a path":             {apierr.PropertyInvalid, put(testGroup, "a/b", "")},
		"a long name":        {apierr.PropertyInvalid, put(testGroup, strings.Repeat("a", 261), "")},
		"a line feed":        {apierr.PropertyInvalid, put(testGroup, "a\nb", "")},
		"long notes":         {apierr.PropertyInvalid, put(testGroup, "a", strings.Repeat("a", 513))},
		"not there":          {apierr.LockNotFound, d.DeleteLock(testGroup, "a")},
		"too many": {apierr.LimitExceeded, func() error {
			for i := range 21 {
				if err := put(testGroup, fmt.Sprint("l", i), ""); err != nil {
					return err
				}
			}
			return nil
		}()},
	} {
		if !apierr.Is(c.err, c.code) {
			t.Errorf("%s: %v", name, c.err)
		}
	}
}
