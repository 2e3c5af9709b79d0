package graph

import (
	"bytes"
	"iter"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/state"
)

type assignment = *directory.AppRoleAssignment

// side is from where an app role assignment is looked at. It is one record with two addresses.
type side uint8

const (
	ofPrincipal side = iota // /servicePrincipals/{principal}/appRoleAssignments
	toResource              // /servicePrincipals/{resource}/appRoleAssignedTo
)

// String returns the segment of the path.
func (s side) String() string {
	if s == ofPrincipal {
		return "appRoleAssignments"
	}
	return "appRoleAssignedTo"
}

// of returns the side that s is of sp. A first-party API holds no app roles, it only offers them, and published scripts
// grant and list under /servicePrincipals/{Microsoft Graph}/appRoleAssignments (seen in an article with its answer): for
// such a principal both addresses are the resource's side.
func (s side) of(c *call, sp *directory.ServicePrincipal) side {
	if app, ok := c.dir.AppOf(sp); ok && app.FirstParty {
		return toResource
	}
	return s
}

// end returns the object id of the service principal below which a is found on this side.
func (s side) end(a assignment) guid.GUID {
	if s == ofPrincipal {
		return a.Principal
	}
	return a.Resource
}

// assignmentKind is microsoft.graph.appRoleAssignment (Graph v1.0 reference) below one service principal.
func assignmentKind(from side) *kind[assignment] {
	return &kind[assignment]{
		name: "appRoleAssignment",
		set:  "appRoleAssignments", // on both sides
		properties: []property[assignment]{
			{field{name: "id"}, func(_ *state.Directory, a assignment) any { return a.ID.String() }},
			{field{name: "deletedDateTime", kind: kindNull}, nil},
			{field{name: "appRoleId", kind: kindID}, func(_ *state.Directory, a assignment) any { return a.AppRole }},
			{field{name: "createdDateTime", kind: kindTime}, func(_ *state.Directory, a assignment) any { return a.Created }},
			{field{name: "principalDisplayName"}, func(d *state.Directory, a assignment) any { return nameOf(d, a.Principal) }},
			{field{name: "principalId", kind: kindID}, func(_ *state.Directory, a assignment) any { return a.Principal }},
			{field{name: "principalType"}, func(_ *state.Directory, a assignment) any { return principalType(a) }},
			{field{name: "resourceDisplayName"}, func(d *state.Directory, a assignment) any { return nameOf(d, a.Resource) }},
			{field{name: "resourceId", kind: kindID}, func(_ *state.Directory, a assignment) any { return a.Resource }},
		},
		find: func(c *call) (assignment, error) {
			sp, err := principalOfPath(c)
			if err != nil {
				return nil, err
			}
			return from.of(c, sp).below(c.dir, sp.ID, c.param("assignment"))
		},
		walk: func(c *call, after []byte) (iter.Seq[assignment], error) {
			sp, err := principalOfPath(c)
			if err != nil {
				return nil, err
			}
			return behind(from.of(c, sp).walk(c.dir, sp.ID), after), nil
		},
		key:       func(a assignment) []byte { return a.ID[:] },
		keyLength: len(directory.AssignmentID{}),
		context:   from.context,
	}
}

// below returns the assignment with that id, if it is found below the service principal end.
func (s side) below(d *state.Directory, end guid.GUID, text string) (assignment, error) {
	id, err := directory.ParseAssignmentID(text)
	if err != nil {
		return nil, notFound(text)
	}
	a, ok := d.Assignment(id)
	if !ok || s.end(a) != end {
		return nil, notFound(text)
	}
	return a, nil
}

func (s side) walk(d *state.Directory, end guid.GUID) iter.Seq[assignment] {
	if s == ofPrincipal {
		return d.AssignmentsOf(end)
	}
	return d.AssignedTo(end)
}

// context names the collection of one item.
func (s side) context(c *call) string {
	sp, err := principalOfPath(c)
	if err != nil {
		return s.String()
	}
	return s.of(c, sp).collection(sp.ID)
}

func (s side) collection(end guid.GUID) string {
	return "servicePrincipals('" + end.String() + "')/" + s.String()
}

// behind leaves out what is not greater than after. Both walks of assignments are in the order of their ids.
func behind(walk iter.Seq[assignment], after []byte) iter.Seq[assignment] {
	return func(yield func(assignment) bool) {
		for a := range walk {
			if bytes.Compare(a.ID[:], after) > 0 && !yield(a) {
				return
			}
		}
	}
}

func nameOf(d *state.Directory, id guid.GUID) any {
	_, name, _ := d.Principal(id)
	return orNull(name)
}

func principalType(a assignment) string {
	if a.PrincipalType == directory.TypeApplication {
		return "ServicePrincipal" // applications and managed identities alike
	}
	return a.PrincipalType.String()
}
