package state

import (
	"slices"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/store"
)

// maxBindings bounds what one node has to look through.
const maxBindings = 10_000

// PutBinding says that a process with the binding's selectors on its node is the workload of its resource. Bindings of
// that node that have expired are swept on the way.
func (d *Draft) PutBinding(b resource.WorkloadBinding) (resource.WorkloadBinding, error) {
	dir := d.Directory()
	node, ok := dir.Resource(b.Node)
	if !ok {
		return b, resourceNotFound(b.Node)
	}
	target, ok := dir.Resource(b.Resource)
	if !ok {
		return b, resourceNotFound(b.Resource)
	}
	var expired []store.Record
	count := 0
	for other := range dir.Bindings(b.Node) {
		switch {
		case other.Expired(d.env.Now):
			expired = append(expired, remove(d.tenant, *other))
		case other.ID != b.ID:
			count++
		}
	}
	if count >= maxBindings {
		return b, apierr.New(apierr.LimitExceeded, "The node %s has %d workload bindings, which is the limit.", node.ID.Name(), count).At("bindings")
	}
	d.write(expired...)
	b.ID, b.Node, b.Resource, b.Created = d.newID(b.ID), node.ID, target.ID, d.env.Now
	b.Selectors = slices.Compact(slices.Sorted(slices.Values(b.Selectors)))
	d.write(put(d.tenant, b))
	d.audit("Put workload binding", b.ID.String(), "%s on %s", target.ID.Name(), node.ID.Name())
	return b, nil
}

// DeleteBinding removes a workload binding.
func (d *Draft) DeleteBinding(id guid.GUID) error {
	b, ok := d.Directory().Binding(id)
	if !ok {
		return objectNotFound(id)
	}
	d.write(remove(d.tenant, *b))
	d.audit("Delete workload binding", id.String(), "%s on %s", b.Resource.Name(), b.Node.Name())
	return nil
}
