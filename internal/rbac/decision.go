package rbac

import (
	"fmt"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

// Outcome is what a check says; the words of String are Resource Manager's accessDecision.
type Outcome uint8

// The outcomes. The zero value lets nobody in.
const (
	NotAllowed Outcome = iota // no role allows it
	Allowed
	Denied // a deny assignment takes it away
)

// String returns Resource Manager's word for o.
func (o Outcome) String() string {
	switch o {
	case Allowed:
		return "Allowed"
	case Denied:
		return "Denied"
	default:
		return "NotAllowed"
	}
}

// Miss is why an assignment at the right scope did not allow a request; the greater, the nearer it came.
type Miss uint8

// The ways to miss.
const (
	MissNone          Miss = iota
	MissAction             // the role does not have the action
	MissException          // it has it, and excepts it in NotActions or NotDataActions
	MissRoleCondition      // it has it under a condition that is not true
	MissCondition          // the role allows it, but the assignment's own condition is not true
)

// Decision is the answer to a request, with its reasons as references to what decided.
type Decision struct {
	Outcome   Outcome
	Principal guid.GUID // who asked, for what, where
	Action    Action
	Scope     resource.ID

	Assignment *RoleAssignment // Allowed: the one that allows it; NotAllowed: the one that came nearest, if any has the action
	Role       *Role           // of Assignment
	Miss       Miss            // NotAllowed: why Assignment does not allow it
	Deny       *Deny           // Denied: the one that takes it away
	Via        guid.GUID       // the group that Assignment or Deny names; zero for the principal itself or everyone
	Looked     int             // how many assignments at these scopes were looked at
}

// Allowed reports whether the request may go on.
func (d Decision) Allowed() bool { return d.Outcome == Allowed }

// Conditional reports whether a condition that is not true is what stands in the way; the wire text differs then.
func (d Decision) Conditional() bool {
	return d.Outcome == NotAllowed && d.Miss >= MissRoleCondition
}

// Explain says in a sentence or two why the decision is as it is. Principals appear by their ids.
func (d Decision) Explain() string {
	switch {
	case d.Outcome == Allowed:
		return fmt.Sprintf("%s may do %s at %s: %s.", d.Principal, d.what(), d.Scope, d.assignment())
	case d.Outcome == Denied:
		return fmt.Sprintf("%s may not do %s at %s: the deny assignment %q (%s) at %s takes it away%s.",
			d.Principal, d.what(), d.Scope, d.Deny.Name, d.Deny.ID, d.Deny.Scope, d.via(" through the group "))
	case d.Looked == 0:
		return fmt.Sprintf("%s may not do %s at %s: no role is assigned there or above, to it or to a group of it.", d.Principal, d.what(), d.Scope)
	}
	looked := fmt.Sprintf("none of its %d role assignments there and above allows it.", d.Looked)
	if d.Looked == 1 {
		looked = "its only role assignment there or above does not allow it."
	}
	text := fmt.Sprintf("%s may not do %s at %s: %s", d.Principal, d.what(), d.Scope, looked)
	switch d.Miss {
	case MissException:
		return text + fmt.Sprintf(" %s, which excepts this action.", capital(d.assignment()))
	case MissRoleCondition:
		return text + fmt.Sprintf(" %s, and the condition of the role is not fulfilled.", capital(d.assignment()))
	case MissCondition:
		return text + fmt.Sprintf(" %s, and the condition of the assignment is not fulfilled: %s", capital(d.assignment()), d.Assignment.Condition)
	}
	return text
}

func (d Decision) what() string {
	if d.Action.IsData() {
		return "the data action " + d.Action.String()
	}
	return d.Action.String()
}

func (d Decision) assignment() string {
	return fmt.Sprintf("the assignment %s gives the role %s at %s%s", d.Assignment.ID, d.Role.Name, d.Assignment.Scope, d.via(" to the group "))
}

func (d Decision) via(words string) string {
	if d.Via.IsZero() {
		return ""
	}
	return words + d.Via.String()
}

func capital(s string) string { return "T" + s[1:] } // of "the assignment ..."
