package cli

// reviewPage is one page of Inborn.Platform/access/review.
type reviewPage struct {
	Value    []reviewFinding `json:"value"`
	NextLink string          `json:"nextLink"`
	reviewScope
}

// reviewScope is what a review looked at.
type reviewScope struct {
	Identities  int    `json:"identities"`
	Assignments int    `json:"roleAssignments"`
	UnusedDays  int    `json:"unusedDays"`
	Since       string `json:"usesKnownSince,omitempty"` // RFC 3339
}

type reviewFinding struct {
	Kind       string `json:"kind"`
	Severity   string `json:"severity"`
	Principal  string `json:"principalId"`
	Name       string `json:"principalName"`
	Type       string `json:"principalType"`
	Assignment string `json:"roleAssignmentId,omitempty"`
	Role       string `json:"roleName,omitempty"`
	AppRole    string `json:"appRole,omitempty"`
	Scope      string `json:"scope,omitempty"`
	Why        string `json:"why"`
	LastUse    string `json:"lastUse,omitempty"` // RFC 3339
	Command    string `json:"command"`
}

// reviewOutput is what `inborn access review --output json` prints.
type reviewOutput struct {
	Findings []reviewFinding `json:"findings"`
	reviewScope
}
