package arm

import (
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

// deletedWire is one of Inborn.Platform/deletedItems.
type deletedWire struct {
	ID         string       `json:"id"`
	Name       guid.GUID    `json:"name"`
	Type       string       `json:"type"`
	Properties deletedProps `json:"properties"`
}

type deletedProps struct {
	DisplayName string      `json:"displayName"`
	Kind        string      `json:"kind"` // UserAssigned or SystemAssigned
	ResourceID  resource.ID `json:"resourceId"`
	PrincipalID guid.GUID   `json:"principalId"`
	ClientID    guid.GUID   `json:"clientId"`
	Deleted     time.Time   `json:"deletedOn"`
	Purge       time.Time   `json:"scheduledPurgeOn"`
}

func deletedOut(item *state.DeletedItem) deletedWire {
	kind := "UserAssigned"
	if item.System {
		kind = "SystemAssigned"
	}
	return deletedWire{ID: "/providers/Inborn.Platform/deletedItems/" + item.ID.String(), Name: item.ID, Type: "Inborn.Platform/deletedItems",
		Properties: deletedProps{DisplayName: item.Name, Kind: kind, ResourceID: item.Resource, PrincipalID: item.ID, ClientID: item.ClientID,
			Deleted: item.Deleted, Purge: item.Expires()}}
}

// restoredWire answers a restoration.
type restoredWire struct {
	DisplayName string      `json:"displayName"`
	ResourceID  resource.ID `json:"resourceId"`
	PrincipalID guid.GUID   `json:"principalId"`
	ClientID    guid.GUID   `json:"clientId"`
	Restored    int         `json:"restored"` // grants, memberships, credentials and attachments
	Lost        []string    `json:"lost"`     // what could not be put back, and why
}

func restoredOut(r state.Restored) restoredWire {
	return restoredWire{DisplayName: r.Item.Name, ResourceID: r.Item.Resource, PrincipalID: r.Item.ID, ClientID: r.Item.ClientID,
		Restored: r.Back, Lost: append([]string{}, r.Lost...)}
}
