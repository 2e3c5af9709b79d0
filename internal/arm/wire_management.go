package arm

import (
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

// managementGroupWire is a management group (Microsoft.Management, 2023-04-01). Lists have neither details nor children.
type managementGroupWire struct {
	ID         resource.ID     `json:"id"`
	Type       string          `json:"type"`
	Name       string          `json:"name"`
	Properties managementProps `json:"properties"`
}

type managementProps struct {
	TenantID    guid.GUID          `json:"tenantId"`
	DisplayName string             `json:"displayName"`
	Details     *managementDetails `json:"details,omitempty"`
	Children    []managementChild  `json:"children,omitempty"`
}

type managementDetails struct {
	UpdatedTime time.Time         `json:"updatedTime"`
	Parent      *managementParent `json:"parent"` // null of the root group
}

type managementParent struct {
	ID          resource.ID `json:"id"`
	Name        string      `json:"name"`
	DisplayName string      `json:"displayName"`
}

// managementChild is a group or a subscription under a group; the type of a subscription is the word /subscriptions.
type managementChild struct {
	Type        string            `json:"type"`
	ID          resource.ID       `json:"id"`
	Name        string            `json:"name"`
	DisplayName string            `json:"displayName"`
	Children    []managementChild `json:"children,omitempty"`
}

// managementGroupIn is the body of a PUT.
type managementGroupIn struct {
	Properties struct {
		DisplayName string `json:"displayName"`
		Details     struct {
			Parent struct {
				ID string `json:"id"`
			} `json:"parent"`
		} `json:"details"`
	} `json:"properties"`
}

// managementGroupPatch is the body of a PATCH.
type managementGroupPatch struct {
	DisplayName string `json:"displayName"`
	Parent      string `json:"parentGroupId"`
}

func managementGroupOut(dir *state.Directory, g *rbac.ManagementGroup) managementGroupWire {
	return managementGroupWire{ID: g.ID(), Type: typeManagementGroup, Name: g.Name,
		Properties: managementProps{TenantID: dir.Tenant().ID, DisplayName: g.DisplayName}}
}

func managementDetailsOut(dir *state.Directory, g *rbac.ManagementGroup) *managementDetails {
	details := &managementDetails{UpdatedTime: g.Updated}
	if parent, ok := dir.ManagementGroup(g.Parent); ok {
		details.Parent = &managementParent{parent.ID(), parent.Name, parent.DisplayName}
	}
	return details
}

// childrenOut lists what stands under a group, and with recurse under the groups there.
func childrenOut(dir *state.Directory, group resource.ID, recurse, onlySubscriptions bool) []managementChild {
	var all []managementChild
	for child := range dir.PlacedUnder(group) {
		if s, err := findSubscription(dir, child); err == nil {
			all = append(all, managementChild{Type: "/subscriptions", ID: child, Name: s.ID.String(), DisplayName: s.Name})
			continue
		}
		name, _ := rbac.ManagementGroupName(child)
		g, ok := dir.ManagementGroup(name)
		if !ok || onlySubscriptions {
			continue
		}
		row := managementChild{Type: typeManagementGroup, ID: g.ID(), Name: g.Name, DisplayName: g.DisplayName}
		if recurse {
			row.Children = childrenOut(dir, g.ID(), true, false)
		}
		all = append(all, row)
	}
	return all
}

// placedWire is a subscription as it stands under a group (Microsoft.Management, managementGroups/subscriptions).
type placedWire struct {
	ID         resource.ID `json:"id"`
	Type       string      `json:"type"`
	Name       guid.GUID   `json:"name"`
	Properties placedProps `json:"properties"`
}

type placedProps struct {
	Tenant      guid.GUID `json:"tenant"`
	DisplayName string    `json:"displayName"`
	Parent      struct {
		ID resource.ID `json:"id"`
	} `json:"parent"`
	State string `json:"state"`
}

func placedOut(dir *state.Directory, g *rbac.ManagementGroup, s *resource.Subscription) placedWire {
	out := placedWire{ID: g.ID() + resource.ID("/subscriptions/"+s.ID.String()), Type: typeManagementGroup + "/subscriptions", Name: s.ID,
		Properties: placedProps{Tenant: dir.Tenant().ID, DisplayName: s.Name, State: "Active"}}
	out.Properties.Parent.ID = g.ID()
	return out
}
