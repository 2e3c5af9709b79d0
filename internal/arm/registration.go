package arm

import (
	"net/http"
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

func providerNamed(namespace string) (provider, bool) {
	for _, p := range providers() {
		if len(p.namespace) == len(namespace) && strings.EqualFold(p.namespace, namespace) { // of equal length no other letter folds
			return p, true
		}
	}
	return provider{}, false
}

// versions are the api-versions that are shown for the types of p.
func (p provider) versions() []string {
	if p.namespace == "Inborn.Platform" {
		return []string{PlatformVersion}
	}
	versions := slices.DeleteFunc(slices.Clone(typeVersions[:]), func(v string) bool { return v < p.since })
	if p.since != "" && versions[len(versions)-1] != p.since {
		versions = append(versions, p.since)
	}
	return versions
}

// checkTypeVersion refuses an api-version from before there was such a resource provider. Every later one will do.
func checkTypeVersion(r *http.Request, needs action) error {
	version := query(r, "api-version")
	namespace, kind, _ := strings.Cut(string(needs), "/")
	p, ok := providerNamed(namespace)
	if !ok || p.namespace == "Inborn.Platform" || version >= p.since && version >= sinceEver {
		return nil
	}
	if end := strings.LastIndexByte(kind, '/'); end >= 0 {
		kind = kind[:end]
	}
	var regions []string
	for name := range locations() {
		regions = append(regions, name)
	}
	return apierr.New(apierr.APIVersionInvalid, "No registered resource provider found for location '' and API version '%s' for type '%s'."+
		" The supported api-versions are '%s'. The supported locations are '%s'.", version, kind, strings.Join(p.versions(), ", "),
		strings.Join(regions, ", ")).At(kind).Because(noRegisteredProvider)
}

// Wire codes that have no code of Inborn's own.
const noRegisteredProvider shade = "NoRegisteredProviderFound"

// registration says whether the subscription may make resources of a namespace; without a subscription it may.
func registration(dir *state.Directory, id resource.ID, namespace string) string {
	subscription, err := guid.Parse(id.Subscription())
	if err != nil {
		return "Registered"
	}
	s, ok := dir.Subscription(subscription)
	if ok {
		if _, out := slices.BinarySearch(s.Unregistered, strings.ToLower(namespace)); out {
			return "NotRegistered"
		}
	}
	return "Registered"
}

// checkRegistered refuses to write a resource of a namespace whose registration was taken back. Clients know that answer:
// they register the namespace and try again.
func checkRegistered(dir *state.Directory, needs action, id resource.ID) error {
	namespace, rest, _ := strings.Cut(string(needs), "/")
	if !strings.HasSuffix(rest, "/write") || registration(dir, id, namespace) == "Registered" {
		return nil
	}
	p, _ := providerNamed(namespace)
	return apierr.New(apierr.ProviderNotRegistered, "The subscription is not registered to use namespace '%s'."+
		" See https://aka.ms/rps-not-found for how to register subscriptions.", p.namespace).At(p.namespace)
}

func (c *call) registerProvider() error   { return c.setRegistration(true) }
func (c *call) unregisterProvider() error { return c.setRegistration(false) }

// setRegistration registers a namespace, or takes that back. What everything else rests on stays registered.
func (c *call) setRegistration(registered bool) error {
	p, err := c.findProvider()
	if err != nil {
		return err
	}
	if _, err := findSubscription(c.dir, c.id); err != nil {
		return err
	}
	free := p.namespace == "Microsoft.Resources" || p.namespace == "Microsoft.Authorization" || p.namespace == "Inborn.Platform"
	answer := ""
	err = c.update(func(d *state.Draft) error {
		s, err := findSubscription(d.Directory(), c.id)
		if err == nil && !free {
			err = d.RegisterProvider(s.ID, p.namespace, registered)
		}
		answer = registration(d.Directory(), c.id, p.namespace)
		return err
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, providerOut(c.id, p, answer))
}

// listOperations lists what can be permitted on the types of a namespace.
func (c *call) listOperations() error {
	p, err := c.findProvider()
	if err != nil {
		return err
	}
	return c.page(func(yield func(string, any) bool) {
		for _, kind := range slices.Sorted(slices.Values(p.types)) {
			for _, o := range operationsOut(p.namespace, kind) {
				if !yield(strings.ToLower(kind)+" "+o.Name, o) {
					return
				}
			}
		}
	})
}

func (c *call) listProviderOperations() error {
	return c.page(func(yield func(string, any) bool) {
		for _, p := range providers() {
			if !yield(strings.ToLower(p.namespace), providerOperationsOut(p)) {
				return
			}
		}
	})
}

func (c *call) getProviderOperations() error {
	p, err := c.findProvider()
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, providerOperationsOut(p))
}
