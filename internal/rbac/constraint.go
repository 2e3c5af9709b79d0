package rbac

import (
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/guid"
)

// Of a condition can be asked what it means for requests of which not all is known, such as whether it keeps the holder of an
// assignment from giving himself a role. What is not known makes a term neither true nor false.

// truth is what is known of a term; the order matters: and takes the least, or the greatest.
type truth int8

const (
	isFalse truth = iota
	mayBe
	isTrue
)

// Possible reports whether the condition may hold for a request, whatever those attributes are that the request does not
// tell. One that cannot be read may.
func (c *Condition) Possible(r *Request) bool {
	return c == nil || c.root == nil || c.root.truth(r) != isFalse
}

// Certain reports whether the condition holds for a request, whatever those attributes are that the request does not tell.
func (c *Condition) Certain(r *Request) bool {
	return c == nil || c.root != nil && c.root.truth(r) == isTrue
}

func (n *node) truth(r *Request) truth {
	switch n.kind {
	case nodeAnd, nodeOr:
		found := n.kids[0].truth(r)
		for _, kid := range n.kids[1:] {
			if n.kind == nodeAnd {
				found = min(found, kid.truth(r))
			} else {
				found = max(found, kid.truth(r))
			}
		}
		return found
	case nodeNot:
		return isTrue - n.kids[0].truth(r)
	case nodeAction:
		return known(true, n.holds(r))
	case nodeSubOperation:
		return known(len(subOperation(r)) > 0, n.holds(r))
	case nodeExists:
		return known(len(n.attr.of(r)) > 0, true)
	default:
		c := n.compare
		return known(c.left.isKnown(r) && c.right.isKnown(r), c.holds(r))
	}
}

func known(is, holds bool) truth {
	switch {
	case !is:
		return mayBe
	case holds:
		return isTrue
	default:
		return isFalse
	}
}

func (o *operand) isKnown(r *Request) bool { return o.attr == nil || len(o.attr.of(r)) > 0 }

// MayGive reports whether a condition of an assignment or a permission that lets give roles may let give one role to
// somebody. It does not matter to whom: whoever may give it to another may have that one act for him.
func (c *Condition) MayGive(role guid.GUID) bool {
	return c.Possible(&Request{Action: ControlAction(writeAssignments),
		Attributes: []Attribute{{RequestSource, AttributeRoleDefinitionID, []string{role.String()}}}})
}

// IsIdle reports whether the condition says nothing about what a role allows: it is true for all of that, or it asks only
// about role assignments, which the role does not change. Where it is not sure it reports false.
func (c *Condition) IsIdle(role *Role) bool {
	if c == nil || c.root == nil {
		return c == nil
	}
	changes := role.Has(ControlAction(writeAssignments)) || role.Has(ControlAction(deleteAssignments))
	if !changes && c.root.isAboutAssignments() {
		return true
	}
	return c.Certain(&Request{Action: ControlAction("")}) && !c.root.concerns(c, role)
}

// isAboutAssignments reports whether all that the term names are role assignments, and what is done to them.
func (n *node) isAboutAssignments() bool {
	about := func(name string) bool {
		return strings.HasPrefix(strings.ToLower(name), "microsoft.authorization/roleassignments")
	}
	switch n.kind {
	case nodeAction:
		return about(n.pattern.head)
	case nodeSubOperation:
		return false
	case nodeExists:
		return about(n.attr.name)
	case nodeCompare:
		return (n.compare.left.attr == nil || about(n.compare.left.attr.name)) && (n.compare.right.attr == nil || about(n.compare.right.attr.name))
	default:
		return !slices.ContainsFunc(n.kids, func(kid *node) bool { return !kid.isAboutAssignments() })
	}
}

// concerns reports whether the term, which is of a condition, names actions that a role may have, for which the condition may
// be false.
func (n *node) concerns(c *Condition, role *Role) bool {
	if n.kind != nodeAction {
		return slices.ContainsFunc(n.kids, func(kid *node) bool { return kid.concerns(c, role) })
	}
	if n.pattern.wild {
		return slices.ContainsFunc(role.permissions, func(p permission) bool {
			return slices.ContainsFunc(slices.Concat(p.control, p.data), n.pattern.mayMeet)
		})
	}
	a, data := ControlAction(n.pattern.head), DataAction(n.pattern.head)
	return (role.Has(a) || role.Has(data)) && !c.Certain(&Request{Action: a})
}

// mayMeet reports whether there may be an action that both patterns match: what stands before their first and behind their
// last * does not rule it out.
func (p *pattern) mayMeet(q pattern) bool {
	if !q.wild {
		return p.match(q.head)
	}
	return (strings.HasPrefix(p.head, q.head) || strings.HasPrefix(q.head, p.head)) &&
		(strings.HasSuffix(p.tail, q.tail) || strings.HasSuffix(q.tail, p.tail))
}

// OnlyRoles makes the condition that lets the holder of an assignment give and take away some roles only.
func OnlyRoles(roles []guid.GUID) string {
	var ids []string
	for _, id := range roles {
		ids = append(ids, id.String())
	}
	set := "{" + strings.Join(ids, ", ") + "}"
	clause := func(action, source string) string {
		return "((!(ActionMatches{'" + action + "'})) OR (@" + source + "[" + AttributeRoleDefinitionID + "] ForAnyOfAnyValues:GuidEquals " + set + "))"
	}
	return clause(writeAssignments, "Request") + " AND " + clause(deleteAssignments, "Resource")
}
