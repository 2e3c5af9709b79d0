package state

import (
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
)

// bodyOf returns what is written for object. Members that came after the first version are written only when they hold
// something: an older version goes on reading what does not use them, and most objects stay as small as they were.
func bodyOf(object any) any {
	switch o := object.(type) {
	case resource.Subscription:
		return subscriptionBody{o, o.Tags, o.Unregistered}
	case resource.Group:
		return groupBody{o, o.Tags}
	case resource.Resource:
		return resourceBody{o, o.Members, o.Condition, o.Sealed}
	case rbac.RoleAssignment:
		return storedAssignment(o)
	default:
		return object
	}
}

type subscriptionBody struct {
	resource.Subscription
	Tags         map[string]string `json:",omitempty"`
	Unregistered []string          `json:",omitempty"`
}

type groupBody struct {
	resource.Group
	Tags map[string]string `json:",omitempty"`
}

type resourceBody struct {
	resource.Resource
	Members   []byte   `json:",omitempty"`
	Condition string   `json:",omitempty"`
	Sealed    []string `json:",omitempty"`
}
