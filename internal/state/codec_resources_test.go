package state

import (
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

// What the first version did not have is in bodies of its own, which must stay readable as well.
func TestLaterMembersStayReadable(t *testing.T) {
	id := guid.MustParse("f8973019-6953-433b-b935-adc31f5646d5")
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	stored(t, resource.Subscription{ID: id, Name: "dev", Tags: map[string]string{"k": "v"}, Unregistered: []string{"microsoft.web"}, Created: at}, kindSubscription,
		`{"ID":"f8973019-6953-433b-b935-adc31f5646d5","Name":"dev","Tags":{"k":"v"},"Unregistered":["microsoft.web"],"Created":"2026-11-21T12:00:00Z"}`)
	stored(t, resource.Group{ID: "/subscriptions/s/resourceGroups/G", Location: "local", Tags: map[string]string{"k": "v"}, Created: at}, kindResourceGroup,
		`{"ID":"/subscriptions/s/resourceGroups/G","Location":"local","Tags":{"k":"v"},"Created":"2026-11-21T12:00:00Z"}`)
	stored(t, resource.Resource{ID: "/a/b", Location: "local", Members: []byte(`{"sku":1}`), Condition: "stopped", Sealed: []string{"keys"}, Created: at, Changed: at}, kindResource,
		`{"ID":"/a/b","Location":"local","Tags":null,"Kind":"","Identity":{"System":null,"User":null},"Properties":null,"Members":"eyJza3UiOjF9","Condition":"stopped","Sealed":["keys"],"Created":"2026-11-21T12:00:00Z","Changed":"2026-11-21T12:00:00Z"}`)
}
