package state

import (
	"encoding/json"
	"iter"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

// DeletedFor is how long a deleted identity can be restored.
const DeletedFor = 30 * 24 * time.Hour

// maxDeleted bounds the deleted items of a tenant, as each is held in memory: beyond it the oldest ends with the next
// deletion.
const maxDeleted = 20_000

// DeletedItem is a managed identity that was deleted, with everything that went with it, so that it can be put back as it
// was. Nothing else in the directory knows of it: it gets no tokens and has no rights.
type DeletedItem struct {
	ID       guid.GUID   // the object id that the identity had
	ClientID guid.GUID   // and its client id
	Name     string      // its display name
	Resource resource.ID // the user-assigned identity itself, or the resource whose system-assigned identity it was
	System   bool        // which of the two
	Deleted  time.Time
	Records  []KeptRecord
	Denied   []KeptRecord  // deny assignments that named it among others and are still there without it
	Attached []resource.ID // the resources in whose identity blocks it was
}

// KeptRecord is a record that a deletion removed.
type KeptRecord struct {
	Kind string
	ID   string
	Body json.RawMessage
}

// Expires is when the item ends for good.
func (i *DeletedItem) Expires() time.Time { return i.Deleted.Add(DeletedFor) }

// byAge is the key of an item in the order of deletion.
func byAge(i *DeletedItem) string {
	return i.Deleted.UTC().Format("2006-01-02T15:04:05.000000") + i.ID.String()
}

// DeletedItem returns the deleted identity with that object id.
func (d *Directory) DeletedItem(id guid.GUID) (*DeletedItem, bool) { return d.deleted.get(id) }

// DeletedItems walks the deleted identities whose object id is greater than after, in the order of their ids.
func (d *Directory) DeletedItems(after guid.GUID) iter.Seq[*DeletedItem] {
	return following(d.deleted, after)
}

// DeletedBefore walks the deleted items that are older than t, oldest first.
func (d *Directory) DeletedBefore(t time.Time) iter.Seq[*DeletedItem] {
	return func(yield func(*DeletedItem) bool) {
		for _, item := range d.deletedByAge.from("") {
			if !item.Deleted.Before(t) || !yield(item) {
				return
			}
		}
	}
}
