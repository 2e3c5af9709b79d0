package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

func (p *planner) identities() error {
	for i, want := range p.m.Identities {
		if err := p.identity(want); err != nil {
			return at(err, "$.identities[%d]", i)
		}
	}
	return nil
}

func (p *planner) identity(want Identity) error {
	group, err := p.place(want.ResourceGroup)
	if err != nil {
		return err
	}
	id, err := resource.ParseID(string(resource.In(group, resource.TypeIdentity, want.Name)))
	if err != nil {
		return err
	}
	have, exists := p.dir().Identity(id)
	fixed := want.ClientID.IsZero() || (exists && want.ClientID.GUID == have.ClientID)
	if exists && fixed && sameTags(have.Tags, want.Tags) {
		return nil
	}
	p.did(verb(exists), "identity", want.Name, "")
	_, _, err = p.draft.PutIdentity(state.ManagedIdentitySpec{
		ID: id, Location: or(want.Location, DefaultLocation), Tags: want.Tags, ClientID: want.ClientID.GUID, PrincipalID: want.ObjectID.GUID})
	return err
}

func (p *planner) resources() error {
	for i, want := range p.m.Resources {
		if err := p.resource(want, i); err != nil {
			return err
		}
	}
	return nil
}

func (p *planner) resourceID(want Resource) (resource.ID, error) {
	if namespace, kind, ok := strings.Cut(want.Type, "/"); !ok || namespace == "" || kind == "" || strings.Contains(kind, "/") {
		return "", apierr.New(apierr.PropertyInvalid, "%q is not a resource type: expected a form such as Microsoft.Web/sites.", want.Type)
	}
	group, err := p.place(want.ResourceGroup)
	if err != nil {
		return "", err
	}
	return resource.ParseID(string(resource.In(group, want.Type, want.Name)))
}

func (p *planner) resource(want Resource, i int) error {
	id, err := p.resourceID(want)
	if err != nil {
		return at(err, "$.resources[%d]", i)
	}
	spec, err := p.resourceSpec(id, want)
	if err != nil {
		return at(err, "$.resources[%d].identity.user", i)
	}
	have, exists := p.dir().Resource(id)
	if exists && sameResource(have, spec) {
		return nil
	}
	p.did(verb(exists), "resource", want.Name, "%s, identity %s", want.Type, blockName(spec.Identity))
	_, _, err = p.draft.PutResource(spec)
	return at(err, "$.resources[%d]", i)
}

// identityID resolves a reference to a user-assigned identity: its name in the default resource group, or in whichever
// group has the only one of that name, or a resource id.
func (p *planner) identityID(ref string) (resource.ID, error) {
	if strings.HasPrefix(ref, "/") {
		return resource.ParseID(ref)
	}
	id := resource.In(p.group, resource.TypeIdentity, ref)
	if _, ok := p.dir().Identity(id); ok {
		return id, nil
	}
	var found []resource.ID
	for identity := range p.dir().Identities("") {
		if strings.EqualFold(identity.ID.Name(), ref) {
			found = append(found, identity.ID)
		}
	}
	if len(found) != 1 {
		return "", apierr.New(apierr.IdentityToAssignNotFound, "No single identity is called %q: declare it under identities or give its resource id.", ref)
	}
	return found[0], nil
}

// grants gives the declared app roles, once all principals and applications exist.
func (p *planner) grants() error {
	for i, want := range p.m.Identities {
		id, err := p.identityRef(want)
		if err != nil {
			return at(err, "$.identities[%d]", i)
		}
		identity, _ := p.dir().Identity(id)
		for j, g := range want.AppRoles {
			if err := p.grant(identity.PrincipalID, want.Name, g); err != nil {
				return at(err, "$.identities[%d].appRoles[%d]", i, j)
			}
		}
	}
	for i, want := range p.m.Resources {
		if want.Identity == nil || len(want.Identity.AppRoles) == 0 {
			continue
		}
		id, err := p.resourceID(want)
		if err != nil {
			return at(err, "$.resources[%d]", i)
		}
		r, _ := p.dir().Resource(id)
		if r.Identity.System == nil {
			return invalid(fmt.Sprintf("$.resources[%d].identity.appRoles", i), "app roles here go to the system-assigned identity, and system is not true")
		}
		for j, g := range want.Identity.AppRoles {
			if err := p.grant(r.Identity.System.PrincipalID, want.Name, g); err != nil {
				return at(err, "$.resources[%d].identity.appRoles[%d]", i, j)
			}
		}
	}
	return nil
}

func (p *planner) grant(principal guid.GUID, name string, g Grant) error {
	sp, role, err := p.dir().FindAppRole(g.App, g.Role, directory.MemberApplication)
	if err != nil {
		return err
	}
	for a := range p.dir().AssignmentsOf(principal) {
		if a.Resource == sp.ID && a.AppRole == role.ID {
			return nil
		}
	}
	p.did(Create, "app role", name, "%s of %s", g.Role, g.App)
	_, err = p.draft.Grant(principal, sp.ID, role.ID)
	return err
}

// identityRef returns the id of the identity that a declaration made.
func (p *planner) identityRef(want Identity) (resource.ID, error) {
	group, err := p.place(want.ResourceGroup)
	return resource.In(group, resource.TypeIdentity, want.Name), err
}

// resourceSpec returns what the declared resource shall be. Properties that the manifest does not speak of stay.
func (p *planner) resourceSpec(id resource.ID, want Resource) (state.ResourceSpec, error) {
	spec := state.ResourceSpec{ID: id}
	if have, ok := p.dir().Resource(id); ok {
		spec = state.SpecOf(have)
	}
	spec.Kind, spec.Tags = want.Kind, want.Tags
	if spec.Location == "" || want.Location != "" {
		spec.Location = or(want.Location, DefaultLocation)
	}
	if want.Identity == nil {
		return spec, nil
	}
	spec.Identity = state.IdentitySpec{System: want.Identity.System}
	for _, ref := range want.Identity.User {
		identity, err := p.identityID(ref)
		if err != nil {
			return spec, err
		}
		if found, ok := p.dir().Identity(identity); ok {
			identity = found.ID
		}
		spec.Identity.User = append(spec.Identity.User, identity)
	}
	return spec, nil
}

func sameResource(have *resource.Resource, want state.ResourceSpec) bool {
	return have.Location == want.Location && have.Kind == want.Kind && sameTags(have.Tags, want.Tags) &&
		(have.Identity.System != nil) == want.Identity.System && slices.Equal(have.Identity.User, want.Identity.User)
}

func sameTags(a, b map[string]string) bool { return maps.Equal(a, b) }

// blockName is Resource Manager's word for an identity block that is yet to be made.
func blockName(spec state.IdentitySpec) string {
	block := resource.Identity{User: spec.User}
	if spec.System {
		block.System = &resource.SystemIdentity{}
	}
	return block.Type()
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
