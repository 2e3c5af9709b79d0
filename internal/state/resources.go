package state

import (
	"iter"
	"strings"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

// Subscription returns the subscription with the given id.
func (d *Directory) Subscription(id guid.GUID) (*resource.Subscription, bool) {
	return d.subscriptions.get(id)
}

// Subscriptions walks the subscriptions in the order of their ids.
func (d *Directory) Subscriptions() iter.Seq[*resource.Subscription] {
	return following(d.subscriptions, guid.GUID{})
}

// ResourceGroup returns the resource group with the given id.
func (d *Directory) ResourceGroup(id resource.ID) (*resource.Group, bool) {
	return d.resourceGroups.get(string(id.Key()))
}

// ResourceGroups walks the resource groups whose id lies under prefix, in the order of their keys.
func (d *Directory) ResourceGroups(prefix resource.ID) iter.Seq[*resource.Group] {
	return under(d.resourceGroups, prefix)
}

// Resource returns the resource with the given id.
func (d *Directory) Resource(id resource.ID) (*resource.Resource, bool) {
	return d.resources.get(string(id.Key()))
}

// Resources walks the resources whose id lies under prefix, in the order of their keys; "" walks all.
func (d *Directory) Resources(prefix resource.ID) iter.Seq[*resource.Resource] {
	return under(d.resources, prefix)
}

// ResourcesNamed walks the resources whose last segment is name.
func (d *Directory) ResourcesNamed(name string) iter.Seq[*resource.Resource] {
	return named(d.resourcesNamed, name)
}

// Identity returns the user-assigned identity with the given resource id.
func (d *Directory) Identity(id resource.ID) (*resource.ManagedIdentity, bool) {
	return d.identities.get(string(id.Key()))
}

// Identities walks the user-assigned identities whose id lies under prefix; "" walks all.
func (d *Directory) Identities(prefix resource.ID) iter.Seq[*resource.ManagedIdentity] {
	return under(d.identities, prefix)
}

// IdentityUsers walks the resources whose identity block has the user-assigned identity.
func (d *Directory) IdentityUsers(identity resource.ID) iter.Seq[*resource.Resource] {
	return named(d.identitiesUsed, string(identity.Key()))
}

// Binding returns the workload binding with the given id.
func (d *Directory) Binding(id guid.GUID) (*resource.WorkloadBinding, bool) {
	return d.bindings.get(id)
}

// Bindings walks the workload bindings of a node, expired ones included.
func (d *Directory) Bindings(node resource.ID) iter.Seq[*resource.WorkloadBinding] {
	return named(d.bindingsByNode, string(node.Key()))
}

// under walks the values whose key is prefix or lies below it.
func under[V any](t table[string, V], prefix resource.ID) iter.Seq[V] {
	first := string(prefix.Key())
	return func(yield func(V) bool) {
		for key, value := range t.from(first) {
			if !strings.HasPrefix(key, first) {
				return
			}
			inside := first == "" || len(key) == len(first) || key[len(first)] == '/'
			if inside && !yield(value) {
				return
			}
		}
	}
}
