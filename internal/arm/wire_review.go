package arm

import (
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

// reviewWire is what Inborn.Platform/access/review answers, the gravest findings first.
type reviewWire struct {
	Value       []findingWire `json:"value"`
	NextLink    string        `json:"nextLink,omitempty"`
	Total       int           `json:"total"` // findings, on all pages
	Identities  int           `json:"identities"`
	Assignments int           `json:"roleAssignments"` // that were looked at
	UnusedDays  int           `json:"unusedDays"`
	Since       *time.Time    `json:"usesKnownSince,omitempty"`
}

// findingWire is one finding. Command is for a shell; "" means that nothing less is known to be enough.
type findingWire struct {
	Kind       findingKind `json:"kind"`
	Severity   string      `json:"severity"` // high, medium or low
	Principal  guid.GUID   `json:"principalId"`
	Name       string      `json:"principalName"`
	Type       string      `json:"principalType"`
	Assignment string      `json:"roleAssignmentId,omitempty"`
	Role       string      `json:"roleName,omitempty"`
	AppRole    string      `json:"appRole,omitempty"`
	Scope      resource.ID `json:"scope,omitempty"` // of the assignment; the identity; or the resource that a system-assigned one is of
	Why        string      `json:"why"`
	LastUse    *time.Time  `json:"lastUse,omitempty"`
	Command    string      `json:"command"`
}

func (r *review) findingOut(f *accessFinding, command string) findingWire {
	_, name, known := r.dir.Principal(f.who)
	if !known {
		name = f.who.String()
	}
	out := findingWire{Kind: f.kind, Severity: f.severity.String(), Principal: f.who, Name: name, Type: typeOf(r.dir, f.who).String(),
		AppRole: f.appRole, Scope: f.at, Why: f.why, Command: command}
	if f.assignment != nil {
		out.Assignment, out.Role = assignmentPath(f.assignment.Scope, f.assignment.ID), f.role.Name
	}
	if !f.last.IsZero() {
		out.LastUse = &f.last
	}
	return out
}
