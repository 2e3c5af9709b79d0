package arm

import (
	"net/http"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

// findSubscription returns the subscription that id lies in.
func findSubscription(dir *state.Directory, id resource.ID) (*resource.Subscription, error) {
	name := id.Subscription()
	key, err := guid.Parse(name)
	s, ok := dir.Subscription(key)
	if err != nil || !ok {
		return nil, apierr.New(apierr.SubscriptionNotFound, "The subscription '%s' could not be found.", name).At(name)
	}
	return s, nil
}

// listSubscriptions lists the subscriptions that the caller may read. None is an answer as well: every az login asks, and
// an identity without a role has `az login --identity --allow-no-subscriptions`.
func (c *call) listSubscriptions() error {
	tenant := c.dir.Tenant().ID
	return c.page(func(yield func(string, any) bool) {
		for s := range c.dir.Subscriptions() {
			id := resource.SubscriptionID(s.ID.String())
			if sees(c.dir, c.caller, id) && !yield(string(id.Key()), subscriptionOut(tenant, s)) {
				return
			}
		}
	})
}

func (c *call) getSubscription() error {
	s, err := findSubscription(c.dir, c.id)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, subscriptionOut(c.dir.Tenant().ID, s))
}
