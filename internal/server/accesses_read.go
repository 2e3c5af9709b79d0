package server

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/vault"
)

// One row of the store holds what one principal did with one vault since the last write: written so, an entry costs a tenth of
// what a row costs.
const (
	maxAccessPart = 256
	maxAccessSpan = 10 * time.Second // from the first entry of a row to the last

	maxAccessObject = 256 // bytes; a path may be longer, and a reason hold the condition of a role assignment
	maxAccessReason = 768
)

// accessEntry is what the entries of one row do not share.
type accessEntry struct {
	At        int64 // microseconds since 1970
	Request   guid.GUID
	Operation string
	Object    string
	Status    int
	Reason    string
}

// pack makes rows of entries.
func (a *accesses) pack(batch []vault.Access) (parts []store.Accesses) {
	type whose struct {
		of        vaultOf
		principal guid.GUID
	}
	by := map[whose][]vault.Access{}
	for _, entry := range batch {
		w := whose{vaultOf{entry.Tenant, entry.Vault.Key()}, entry.Principal}
		by[w] = append(by[w], entry)
	}
	for w, entries := range by {
		slices.SortStableFunc(entries, func(a, b vault.Access) int { return a.At.Compare(b.At) })
		for len(entries) > 0 {
			n := 1
			for n < min(len(entries), maxAccessPart) && entries[n].At.Sub(entries[0].At) < maxAccessSpan {
				n++
			}
			a.n++
			part := store.Accesses{Tenant: w.of.tenant, Vault: string(w.of.vault), First: entries[0].At, Last: entries[n-1].At, N: a.n,
				Principal: w.principal.String(), Caller: entries[n-1].Caller, Entries: n}
			rest := make([]accessEntry, n)
			for i, e := range entries[:n] {
				rest[i] = accessEntry{e.At.UnixMicro(), e.Request, e.Operation, clip(e.Object, maxAccessObject), e.Status, clip(e.Reason, maxAccessReason)}
			}
			part.Body, _ = json.Marshal(rest) // texts and numbers always have a JSON form
			parts, entries = append(parts, part), entries[n:]
		}
	}
	return parts
}

// clip cuts a text that is too long.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}

// accessPlace is where an entry stands: the newest is the first to be read.
type accessPlace struct{ at, n, i int64 }

func (p accessPlace) compare(other accessPlace) int {
	return cmp.Or(cmp.Compare(other.at, p.at), cmp.Compare(other.n, p.n), cmp.Compare(other.i, p.i))
}

func (p accessPlace) String() string { return fmt.Sprintf("%d-%d-%d", p.at, p.n, p.i) }

// parseAccessPlace reads what String wrote.
func parseAccessPlace(text string) (p accessPlace, err error) {
	if _, err = fmt.Sscanf(text, "%d-%d-%d", &p.at, &p.n, &p.i); err != nil || p.String() != text {
		return p, apierr.New(apierr.ParameterInvalid, "The $skipToken is not one of this server: follow nextLink as it is.").At("$skipToken")
	}
	return p, nil
}

// placedAccess is an entry as it was read.
type placedAccess struct {
	accessPlace
	vault.Access
}

// find returns up to limit entries of a vault's log that fit, the newest first, also those that still wait.
func (a *accesses) find(ctx context.Context, tenant guid.GUID, of resource.ID, which vault.AccessFilter, limit int) (all []vault.Access, err error) {
	query := store.AccessQuery{From: which.Since, Caller: which.Caller}
	var before accessPlace
	if which.Before != "" {
		if before, err = parseAccessPlace(which.Before); err != nil {
			return nil, err
		}
		query.To = time.UnixMicro(before.at).Add(maxAccessSpan)
	}
	fits := func(p placedAccess) bool {
		return (which.Before == "" || p.compare(before) > 0) && !p.At.Before(which.Since) && isObject(p.Object, which.Object)
	}
	a.settle(ctx)
	var held []placedAccess // what was read, and may stand behind what was not read yet
	for part, err := range a.store.Accesses(ctx, tenant, string(of.Key()), query) {
		if err != nil {
			return nil, err
		}
		for len(held) > 0 && held[0].At.After(part.Last) && len(all) < limit {
			all, held = append(all, held[0].Access), held[1:]
		}
		if len(all) == limit {
			return all, nil
		}
		if held, err = unpack(part, of, fits, held); err != nil {
			return nil, err
		}
		slices.SortFunc(held, func(a, b placedAccess) int { return a.compare(b.accessPlace) })
	}
	for _, p := range held[:min(len(held), limit-len(all))] {
		all = append(all, p.Access)
	}
	return all, nil
}

// settle returns when all is written that has been added so far, if it can be.
func (a *accesses) settle(ctx context.Context) {
	a.mu.Lock()
	defer a.mu.Unlock()
	added := a.added
	a.wait(ctx, accessPatience, func() bool { return a.written >= added })
}

// unpack appends the entries of a row that fit.
func unpack(part store.Accesses, of resource.ID, fits func(placedAccess) bool, to []placedAccess) ([]placedAccess, error) {
	var entries []accessEntry
	if err := json.Unmarshal(part.Body, &entries); err != nil {
		return nil, err
	}
	principal, err := guid.Parse(part.Principal)
	if err != nil {
		return nil, err
	}
	for i, e := range entries {
		p := placedAccess{accessPlace{e.At, part.N, int64(i)}, vault.Access{Tenant: part.Tenant, Vault: of, At: time.UnixMicro(e.At).UTC(), Request: e.Request,
			Principal: principal, Caller: part.Caller, Operation: e.Operation, Object: e.Object, Status: e.Status, Reason: e.Reason}}
		p.Place = p.String()
		if fits(p) {
			to = append(to, p)
		}
	}
	return to, nil
}

// isObject reports whether an object, as in secrets/db/VERSION, has that name, which may have its kind in front; "" is the
// name of all.
func isObject(object, name string) bool {
	if name == "" {
		return true
	}
	segments := strings.Split(strings.ToLower(object), "/")
	if len(segments) < 2 {
		return false
	}
	name = strings.ToLower(name)
	return name == segments[1] || name == segments[0]+"/"+segments[1] || name == strings.ToLower(object)
}
