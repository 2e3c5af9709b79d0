package arm

import (
	"strings"

	"github.com/inborn-id/inborn/internal/rbac"
)

// hint says what whoever asks about an action may have meant, in a sentence for people at the command line; "" if there is
// nothing odd about the action.
func (c *call) hint(a rbac.Action) string {
	if !a.IsData() && isOperation(a.String()) {
		return ""
	}
	doubt, near := rbac.DoubtOf(c.rolesAround(rbac.Tenant, true), a)
	did := ""
	if near != "" {
		did = " Did you mean " + near + "?"
	}
	switch doubt {
	case rbac.DoubtPlane:
		if a.IsData() {
			return a.String() + " is an action of the control plane: leave out --data-action."
		}
		return a.String() + " is a data action: --data-action."
	case rbac.DoubtVerb:
		return a.String() + " may be misspelt: an action ends with read, write, delete or action." + did
	case rbac.DoubtName:
		return a.String() + " may be misspelt: no role names it." + did
	}
	return ""
}

// isOperation reports whether we list an action of the control plane ourselves, or it is of our own namespace.
func isOperation(name string) bool {
	for _, p := range providers() {
		if len(name) <= len(p.namespace) || !strings.EqualFold(name[:len(p.namespace)+1], p.namespace+"/") {
			continue
		}
		if p.namespace == "Inborn.Platform" {
			return true
		}
		for _, kind := range p.types {
			for _, o := range operationsOut(p.namespace, kind) {
				if strings.EqualFold(o.Name, name) {
					return true
				}
			}
		}
	}
	return false
}
