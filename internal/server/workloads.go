package server

import (
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/nodeapi"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

// workloads makes the snapshot of what runs on a node: a function of the View and the time.
func workloads(v *state.View, tenant guid.GUID, node resource.ID, now time.Time) (nodeapi.Workloads, error) {
	dir, err := directoryOf(v, tenant)
	if err != nil {
		return nodeapi.Workloads{}, err
	}
	snapshot := nodeapi.Workloads{Position: v.At().Seq, Tenant: tenant, TenantName: dir.Tenant().Name}
	for b := range dir.Bindings(node) {
		r, ok := dir.Resource(b.Resource)
		if !ok || b.Expired(now) {
			continue
		}
		snapshot.Bindings = append(snapshot.Bindings, workload(dir, b, r))
	}
	return snapshot, nil
}

func workload(dir *state.Directory, b *resource.WorkloadBinding, r *resource.Resource) nodeapi.Workload {
	w := nodeapi.Workload{Binding: b.ID, Selectors: b.Selectors, Resource: r.ID, Expires: b.Expires}
	if system := r.Identity.System; system != nil {
		w.System = &nodeapi.Identity{
			ClientID: system.ClientID, ObjectID: system.PrincipalID, ResourceID: r.ID, Stamp: dir.Stamp(system.PrincipalID)}
	}
	for _, id := range r.Identity.User {
		if identity, ok := dir.Identity(id); ok {
			w.User = append(w.User, nodeapi.Identity{
				ClientID: identity.ClientID, ObjectID: identity.PrincipalID, ResourceID: identity.ID, Stamp: dir.Stamp(identity.PrincipalID)})
		}
	}
	return w
}
