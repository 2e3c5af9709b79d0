package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/attest"
	"github.com/inborn-id/inborn/internal/guid"
)

// A launch makes whoever knows its endpoint header the workload of a resource. The directory holds only the hash of the
// header, as the selector of a workload binding.
type launch struct {
	client   *client
	resource armResource
	path     string // of the binding
	header   string
	selector string
	expires  time.Time
}

// knownWithin is how long the agent may take to learn of a new binding; it takes milliseconds.
const knownWithin = 5 * time.Second

// launch binds a fresh header to a resource for that long.
func (c *client) launch(ctx context.Context, resource string, life time.Duration) (*launch, error) {
	r, err := c.findResource(ctx, resource)
	if err != nil {
		return nil, err
	}
	id, err := guid.New(rand.Reader)
	if err != nil {
		return nil, err
	}
	secret, err := newSecret()
	if err != nil {
		return nil, err
	}
	l := &launch{client: c, resource: r, header: secret,
		path: c.status.Node + "/providers/Inborn.Platform/bindings/" + id.String() + ownVersion}
	l.selector = string(attest.Launch(l.header))
	if err := l.extend(ctx, life); err != nil {
		return nil, err
	}
	if err := l.wait(ctx); err != nil {
		return nil, errors.Join(err, l.end(context.WithoutCancel(ctx)))
	}
	return l, nil
}

// extend makes the launch live for that long from now on.
func (l *launch) extend(ctx context.Context, life time.Duration) error {
	expires := time.Now().Add(life).UTC().Truncate(time.Second)
	err := l.client.arm(ctx, http.MethodPut, l.path, bindingResource{bindingProperties{
		Resource: l.resource.ID, Selectors: []string{l.selector}, Expires: expires.Format(time.RFC3339)}}, nil)
	if err == nil {
		l.expires = expires
	}
	return err
}

// end takes the identity away from whoever knows the header.
func (l *launch) end(ctx context.Context) error {
	return l.client.arm(ctx, http.MethodDelete, l.path, nil, nil)
}

// wait returns when the agent knows the launch: then the endpoint asks for a resource instead of refusing the header.
func (l *launch) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, knownWithin)
	defer cancel()
	for pause := time.Millisecond; ; pause *= 2 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.endpoint()+"?api-version=2019-08-01", nil)
		if err != nil {
			return err
		}
		req.Header.Set("X-IDENTITY-HEADER", l.header)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return apierr.New(apierr.StoreFailed, "The identity endpoint %s does not answer.", l.endpoint()).Because(err)
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusBadRequest && resp.Header.Get("x-ms-request-id") != "" {
			return nil // known: only the resource parameter is missed
		}
		select {
		case <-ctx.Done():
			return apierr.New(apierr.StateStale, "The agent at %s has not learned of the launch within %s.", l.endpoint(), knownWithin)
		case <-time.After(pause):
		}
	}
}

func (l *launch) endpoint() string { return l.client.status.IdentityEndpoint + appServicePath }

// place returns where programs of the launch find Inborn.
func (l *launch) place() place {
	return place{resource: l.resource.ID, header: l.header, endpoint: l.endpoint(),
		origin: l.client.status.Origin, tenant: l.client.status.Tenant, certificateFile: l.client.status.CA}
}
