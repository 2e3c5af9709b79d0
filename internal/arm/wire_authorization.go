package arm

import (
	"encoding/json"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
)

// checkAccessIn is the body of checkAccess (Microsoft.Authorization, 2018-09-01-preview), as the public Go client for
// data planes writes it. The names of members are in mixed case there; they are read in any.
type checkAccessIn struct {
	Subject struct {
		Attributes struct {
			ObjectID string `json:"ObjectId"`
		}
	}
	Actions []struct {
		ID         string `json:"Id"`
		IsData     bool   `json:"IsDataAction"`
		Attributes attributesIn
	}
	Resource struct {
		ID         string `json:"Id"`
		Attributes attributesIn
	}
	Environment struct {
		Attributes attributesIn
	}
}

// attributesIn are attributes by their names: each a text, a number, a truth value or a list of such.
type attributesIn map[string]valuesIn

type valuesIn []string

// UnmarshalJSON reads one value or a list of them.
func (v *valuesIn) UnmarshalJSON(text []byte) error {
	var all []json.RawMessage
	if json.Unmarshal(text, &all) != nil {
		all = []json.RawMessage{text}
	}
	for _, one := range all {
		value := ""
		if json.Unmarshal(one, &value) != nil {
			value = string(one)
		}
		if value == "" || value[0] == '{' || value[0] == '[' {
			return apierr.New(apierr.PropertyInvalid, "The value of an attribute must be a text, a number, true, false or a list of such.").At("Attributes")
		}
		*v = append(*v, value)
	}
	return nil
}

// from gives the attributes with the source that conditions find them under.
func (a attributesIn) from(source rbac.Source) []rbac.Attribute {
	var all []rbac.Attribute
	for name, values := range a {
		all = append(all, rbac.Attribute{Source: source, Name: name, Values: values})
	}
	return all
}

// accessDecisionWire is one answer of checkAccess.
type accessDecisionWire struct {
	ActionID string              `json:"actionId"`
	Decision string              `json:"accessDecision"` // Allowed, NotAllowed or Denied
	IsData   bool                `json:"isDataAction"`
	Role     *accessGrantWire    `json:"roleAssignment"` // what allows it
	Deny     *denyAssignmentWire `json:"denyAssignment"` // what takes it away
	Life     int                 `json:"timeToLiveInMs"` // 0: a decision is good for now only, as roles may change at any time
}

type accessGrantWire struct {
	ID               string      `json:"id"`
	Role             string      `json:"roleDefinitionId"`
	Principal        guid.GUID   `json:"principalId"`
	PrincipalType    string      `json:"principalType"`
	Scope            resource.ID `json:"scope"`
	Condition        *string     `json:"condition"`
	ConditionVersion *string     `json:"conditionVersion"`
}

func accessDecisionOut(d rbac.Decision) accessDecisionWire {
	out := accessDecisionWire{ActionID: d.Action.String(), Decision: d.Outcome.String(), IsData: d.Action.IsData()}
	switch d.Outcome {
	case rbac.Allowed:
		a := d.Assignment
		out.Role = &accessGrantWire{ID: assignmentPath(a.Scope, a.ID), Role: rbac.RoleDefinitionID(a.Scope, a.Role), Principal: a.Principal,
			PrincipalType: a.PrincipalType.String(), Scope: a.Scope, Condition: textOrNull(a.Condition), ConditionVersion: textOrNull(a.ConditionVersion)}
	case rbac.Denied:
		deny := denyAssignmentOut(d.Deny.DenyAssignment)
		out.Deny = &deny
	}
	return out
}
