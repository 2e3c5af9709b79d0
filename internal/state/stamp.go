package state

import (
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"

	"github.com/inborn-id/inborn/internal/guid"
)

// Stamp changes whenever anything changes that goes into the tokens of a principal: its own record, what has been given
// to it, or an application of the tenant. A token cache that keeps the stamp with the token knows when to ask again.
// "" means that there is no such principal.
func (d *Directory) Stamp(principal guid.GUID) string {
	sp, ok := d.ServicePrincipal(principal)
	if !ok {
		return ""
	}
	h := fnv.New128a()
	word := func(n int64) { h.Write(binary.BigEndian.AppendUint64(nil, uint64(n))) }
	word(d.appsChanged)
	h.Write(sp.AppID[:])
	if sp.Enabled {
		word(1)
	}
	h.Write([]byte(sp.ResourceID)) // its length need not be told: what follows has fixed sizes
	if sp.Explicit {
		word(2)
	}
	for a := range d.AssignmentsOf(principal) {
		h.Write(a.ID[:])
		h.Write(a.Resource[:])
		h.Write(a.AppRole[:])
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
