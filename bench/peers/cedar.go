package main

import (
	"context"
	"fmt"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"github.com/inborn-id/inborn/bench/roles"
)

// newCedar makes a policy of each role: it permits its actions on what stands below a scope at which the principal has it.
// Scopes have the scope above as their parent, actions the roles that have them, principals a set of scopes for each role.
func newCedar(_ context.Context, p *roles.Policy) (roles.Engine, error) {
	text := ""
	for i := range p.Roles {
		text += fmt.Sprintf("permit (principal, action in Role::\"r%[1]d\", resource) when { principal has r%[1]d && resource in principal.r%[1]d };\n", i)
	}
	policies, err := cedar.NewPolicySetFromBytes("roles", []byte(text))
	if err != nil {
		return roles.Engine{}, err
	}
	entities := types.EntityMap{}
	put := func(id types.EntityUID, attributes types.RecordMap, parents ...types.EntityUID) {
		entities[id] = types.Entity{UID: id, Parents: types.NewEntityUIDSet(parents...), Attributes: types.NewRecord(attributes)}
	}
	for own, line := range lineages(p) {
		if len(line) == 1 {
			put(scopeOf(own), nil)
		} else {
			put(scopeOf(own), nil, scopeOf(line[1]))
		}
	}
	having := map[string][]types.EntityUID{}
	for i, actions := range actionsOf(p) {
		for action := range actions {
			having[action] = append(having[action], types.NewEntityUID("Role", types.String(fmt.Sprint("r", i))))
		}
	}
	for action, in := range having {
		put(types.NewEntityUID("Action", types.String(action)), nil, in...)
	}
	name, held := numbers(p), map[string]map[string][]types.Value{}
	for _, a := range p.Assignments {
		who, role := a.Principal.String(), name[a.Role.String()]
		if held[who] == nil {
			held[who] = map[string][]types.Value{}
		}
		held[who][role] = append(held[who][role], scopeOf(key(a.Scope)))
	}
	for who, all := range held {
		attributes := types.RecordMap{}
		for role, scopes := range all {
			attributes[types.String(role)] = types.NewSet(scopes...)
		}
		put(types.NewEntityUID("Principal", types.String(who)), attributes)
	}
	return roles.Engine{Name: "cedar-go", Allowed: func(c *roles.Check) (bool, error) {
		decision, diagnostic := cedar.Authorize(policies, entities, cedar.Request{
			Principal: types.NewEntityUID("Principal", types.String(c.Principal)),
			Action:    types.NewEntityUID("Action", types.String(c.Action)),
			Resource:  scopeOf(c.Scope),
		})
		if len(diagnostic.Errors) > 0 {
			return false, fmt.Errorf("%v", diagnostic.Errors)
		}
		return decision == cedar.Allow, nil
	}}, nil
}

func scopeOf(id string) types.EntityUID { return types.NewEntityUID("Scope", types.String(id)) }
