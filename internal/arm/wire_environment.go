package arm

import (
	"cmp"
	"slices"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/vault"
)

// environmentWire is the environment of a resource (Inborn.Platform, 2026-11-01). The variables hold secrets.
type environmentWire struct {
	Resource   resource.ID         `json:"resource"`
	Variables  map[string]string   `json:"variables"`
	References []variableReferWire `json:"references"`
}

// variableReferWire tells what became of one variable that refers to a secret.
type variableReferWire struct {
	Name          string `json:"name"` // of the setting
	Variable      string `json:"variable"`
	Status        string `json:"status"`
	Details       string `json:"details,omitempty"`
	Help          string `json:"help,omitempty"`
	VaultName     string `json:"vaultName,omitempty"`
	SecretName    string `json:"secretName,omitempty"`
	ActiveVersion string `json:"activeVersion,omitempty"`
}

func environmentOut(r *resource.Resource, e *environment) environmentWire {
	out := environmentWire{Resource: r.ID, Variables: map[string]string{}, References: []variableReferWire{}}
	for name, value := range e.variables {
		out.Variables[name] = string(value)
	}
	for _, v := range e.references {
		row := variableReferWire{Name: v.name, Variable: v.variable, Status: v.status, Details: v.details, Help: v.help, VaultName: v.to.vault, SecretName: v.to.secret}
		if v.version != nil {
			row.ActiveVersion = v.version.ID
		}
		out.References = append(out.References, row)
	}
	slices.SortFunc(out.References, func(a, b variableReferWire) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// accessWire is an entry of the access log of a vault (Inborn.Platform, 2026-11-01).
type accessWire struct {
	At        time.Time `json:"at"`
	Caller    string    `json:"caller"`
	Principal guid.GUID `json:"principalId"`
	Operation string    `json:"operation"`
	Object    string    `json:"object,omitempty"`
	Status    int       `json:"status"`
	Reason    string    `json:"reason"`
	Request   guid.GUID `json:"requestId"`
}

func accessOut(a *vault.Access) accessWire {
	return accessWire{At: a.At, Caller: a.Caller, Principal: a.Principal, Operation: a.Operation, Object: a.Object, Status: a.Status,
		Reason: a.Reason, Request: a.Request}
}
