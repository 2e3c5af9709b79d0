package main

import (
	"context"

	"github.com/casbin/casbin/v3"
	"github.com/casbin/casbin/v3/model"

	"github.com/inborn-id/inborn/bench/roles"
)

// casbinModel is access by roles in domains, which are the scopes.
const casbinModel = `
[request_definition]
r = sub, dom, act
[policy_definition]
p = sub, dom, act
[role_definition]
g = _, _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub, r.dom) && r.act == p.act
`

// newCasbin uses casbin as the store of who has which role where, and asks it at each scope. To let it decide as well takes
// it through all policies at every scope, which is slower a hundred times.
func newCasbin(_ context.Context, p *roles.Policy) (roles.Engine, error) {
	m, err := model.NewModelFromString(casbinModel)
	if err != nil {
		return roles.Engine{}, err
	}
	e, err := casbin.NewEnforcer(m)
	if err != nil {
		return roles.Engine{}, err
	}
	name, rules := numbers(p), [][]string{}
	for _, a := range p.Assignments {
		rules = append(rules, []string{a.Principal.String(), name[a.Role.String()], key(a.Scope)})
	}
	if _, err := e.AddGroupingPolicies(rules); err != nil {
		return roles.Engine{}, err
	}
	has, above := map[string]map[string]bool{}, lineages(p)
	for i, actions := range actionsOf(p) {
		has[name[p.Roles[i].ID.String()]] = actions
	}
	return roles.Engine{Name: "casbin", Allowed: func(c *roles.Check) (bool, error) {
		for _, scope := range above[c.Scope] {
			for _, role := range e.GetRolesForUserInDomain(c.Principal, scope) {
				if has[role][c.Action] {
					return true, nil
				}
			}
		}
		return false, nil
	}}, nil
}
