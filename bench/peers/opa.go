package main

import (
	"context"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/inborn-id/inborn/bench/roles"
)

// opaModule allows what some role of the principal at some scope above has.
const opaModule = `
package roles

allow if {
	some scope in data.above[input.scope]
	some role in data.grants[input.principal][scope]
	data.has[input.action][role]
}
`

// newOPA prepares a query on data that is kept as the values that queries work on.
func newOPA(ctx context.Context, p *roles.Policy) (roles.Engine, error) {
	above, grants, has := map[string]any{}, map[string]any{}, map[string]any{}
	for own, line := range lineages(p) {
		list := make([]any, len(line))
		for i, scope := range line {
			list[i] = scope
		}
		above[own] = list
	}
	name := numbers(p)
	for _, a := range p.Assignments {
		who, at := a.Principal.String(), key(a.Scope)
		if grants[who] == nil {
			grants[who] = map[string]any{}
		}
		of := grants[who].(map[string]any)
		have, _ := of[at].([]any)
		of[at] = append(have, name[a.Role.String()])
	}
	for i, actions := range actionsOf(p) {
		for action := range actions {
			if has[action] == nil {
				has[action] = map[string]any{}
			}
			has[action].(map[string]any)[name[p.Roles[i].ID.String()]] = true
		}
	}
	data := inmem.NewFromObjectWithOpts(map[string]any{"above": above, "grants": grants, "has": has}, inmem.OptRoundTripOnWrite(false),
		inmem.OptReturnASTValuesOnRead(true))
	query, err := rego.New(rego.Query("data.roles.allow"), rego.Module("roles.rego", opaModule), rego.Store(data)).PrepareForEval(ctx)
	return roles.Engine{Name: "OPA", Allowed: func(c *roles.Check) (bool, error) {
		input := ast.NewObject(term("principal", c.Principal), term("action", c.Action), term("scope", c.Scope))
		found, err := query.Eval(ctx, rego.EvalParsedInput(input))
		return found.Allowed(), err
	}}, err
}

func term(name, value string) [2]*ast.Term {
	return [2]*ast.Term{ast.StringTerm(name), ast.StringTerm(value)}
}
