package interop

import (
	"fmt"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/authorization/armauthorization/v2"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armresources/v3"
)

// What the Go clients do with roles, and what a role does.

const (
	readerRole      = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
	contributorRole = "b24988ac-6180-42a0-ab88-20f7382dd24c"
	customRole      = "3f0c9a52-5b1d-4c1e-9a55-0d6c2b7e8f10"
	roleTypes       = "/providers/Microsoft.Authorization/roleDefinitions/"
	assignmentTypes = "/providers/Microsoft.Authorization/roleAssignments/"
)

// assignmentName is the name of the n-th assignment that the program makes.
func assignmentName(n int) string { return fmt.Sprintf("6a1d0c3e-0000-4000-8000-%012d", n) }

func (m *manager) roleID(role string) string {
	return "/subscriptions/" + m.subscription + roleTypes + role
}

type roleDefinition = armauthorization.RoleDefinition

func (m *manager) listRoles(scope, filter string) []*roleDefinition {
	all, _ := every(m, m.access.NewRoleDefinitionsClient().NewListPager(scope, &armauthorization.RoleDefinitionsClientListOptions{Filter: &filter}),
		func(p armauthorization.RoleDefinitionsClientListResponse) []*roleDefinition { return p.Value })
	return all
}

func (m *manager) manageRoles() error {
	client := m.access.NewRoleDefinitionsClient()
	built := m.listRoles(m.groupID(), "roleName eq 'Reader'")
	if len(built) != 1 || text(built[0].ID) != m.roleID(readerRole) || text(built[0].Properties.RoleType) != "BuiltInRole" {
		return fmt.Errorf("%d roles are called Reader", len(built))
	}
	scope := "/subscriptions/" + m.subscription
	want := roleDefinition{Properties: &armauthorization.RoleDefinitionProperties{RoleName: pointer("Restarter of go"), RoleType: pointer("CustomRole"),
		Permissions:      []*armauthorization.Permission{{Actions: []*string{pointer("Microsoft.Web/sites/restart/action")}, NotActions: []*string{}}},
		AssignableScopes: []*string{&scope}}}
	for _, description := range []string{"first", "second"} {
		want.Properties.Description = &description
		if _, err := client.CreateOrUpdate(m.ctx, scope, customRole, want, nil); err != nil {
			return err
		}
		got, err := client.GetByID(m.ctx, m.roleID(customRole), nil)
		if err != nil {
			return err
		}
		m.check(text(got.Properties.Description) == description && text(got.Properties.RoleType) == "CustomRole", "got %+v", got.Properties)
	}
	if custom := m.listRoles(scope, "type eq 'CustomRole'"); len(custom) != 1 || text(custom[0].Name) != customRole {
		m.check(false, "%d custom roles", len(custom))
	}
	_, err := client.CreateOrUpdate(m.ctx, scope, "3f0c9a52-5b1d-4c1e-9a55-0d6c2b7e8f11", want, nil)
	m.refused("another role of the same name", err, 409, "RoleDefinitionWithSameNameExists")
	_, err = client.Get(m.ctx, scope, "3f0c9a52-5b1d-4c1e-9a55-0d6c2b7e8f12", nil)
	m.refused("a role that does not exist", err, 404, "RoleDefinitionDoesNotExist")
	_, err = m.assign(m.groupID(), assignmentName(9), customRole)
	if err != nil {
		return err
	}
	_, err = client.Delete(m.ctx, scope, customRole, nil)
	m.refused("to delete a role that somebody has", err, 400, "RoleDefinitionHasAssignments")
	if _, err := m.access.NewRoleAssignmentsClient().Delete(m.ctx, m.groupID(), assignmentName(9), nil); err != nil {
		return err
	}
	for range 2 { // 200, then 204
		if _, err := client.Delete(m.ctx, scope, customRole, nil); err != nil {
			return err
		}
	}
	return nil
}

// assign gives the stranger a role.
func (m *manager) assign(scope, name, role string) (armauthorization.RoleAssignment, error) {
	made, err := m.access.NewRoleAssignmentsClient().Create(m.ctx, scope, name, m.assignment(m.stranger.ObjectID, role), nil)
	return made.RoleAssignment, err
}

func (m *manager) assignment(principal, role string) armauthorization.RoleAssignmentCreateParameters {
	return armauthorization.RoleAssignmentCreateParameters{Properties: &armauthorization.RoleAssignmentProperties{PrincipalID: &principal,
		RoleDefinitionID: pointer(m.roleID(role))}}
}

// manageAssignments leaves the stranger a role at each of two scopes: Reader of the group and Contributor of the site.
func (m *manager) manageAssignments() error {
	client := m.access.NewRoleAssignmentsClient()
	for range 2 {
		made, err := m.assign(m.groupID(), assignmentName(1), readerRole)
		if err != nil {
			return err
		}
		m.check(text(made.ID) == m.groupID()+assignmentTypes+assignmentName(1) && text(made.Properties.RoleDefinitionID) == m.roleID(readerRole) &&
			text(made.Properties.PrincipalType) == "ServicePrincipal" && text(made.Properties.Scope) == m.groupID() && made.Properties.CreatedOn != nil,
			"made %s %+v", text(made.ID), made.Properties)
	}
	if _, err := m.assign(m.siteID(), assignmentName(2), contributorRole); err != nil {
		return err
	}
	got, err := client.GetByID(m.ctx, m.siteID()+assignmentTypes+assignmentName(2), nil)
	if err != nil {
		return err
	}
	m.check(text(got.Properties.PrincipalID) == m.stranger.ObjectID, "got %+v", got.Properties)
	for n, make := range []func(id string) error{
		func(id string) error {
			_, err := client.CreateByID(m.ctx, id, m.assignment(m.stranger.ObjectID, contributorRole), nil)
			return err
		},
		func(id string) error { _, err := client.DeleteByID(m.ctx, id, nil); return err },
		func(id string) error { _, err := client.DeleteByID(m.ctx, id, nil); return err }, // 204
	} {
		if err := make(m.groupID() + assignmentTypes + assignmentName(3)); err != nil {
			return fmt.Errorf("by id, %d: %w", n, err)
		}
	}
	_, err = client.Get(m.ctx, m.groupID(), assignmentName(3), nil)
	m.refused("an assignment that is gone", err, 404, "RoleAssignmentNotFound")
	return nil
}

func (m *manager) listAssignments() error {
	client := m.access.NewRoleAssignmentsClient()
	type assignment = armauthorization.RoleAssignment
	atScope := func(scope, filter string) (all []*assignment, pages int) {
		return every(m, client.NewListForScopePager(scope, &armauthorization.RoleAssignmentsClientListForScopeOptions{Filter: &filter}),
			func(p armauthorization.RoleAssignmentsClientListForScopeResponse) []*assignment { return p.Value })
	}
	inSubscription := func(filter string) (all []*assignment, pages int) {
		return every(m, client.NewListForSubscriptionPager(&armauthorization.RoleAssignmentsClientListForSubscriptionOptions{Filter: &filter}),
			func(p armauthorization.RoleAssignmentsClientListForSubscriptionResponse) []*assignment {
				return p.Value
			})
	}
	inGroup, pagesOfGroup := every(m, client.NewListForResourceGroupPager(managerGroup, nil),
		func(p armauthorization.RoleAssignmentsClientListForResourceGroupResponse) []*assignment {
			return p.Value
		})
	ofSite, _ := every(m, client.NewListForResourcePager(managerGroup, "Microsoft.Web", "sites", managerSite, nil),
		func(p armauthorization.RoleAssignmentsClientListForResourceResponse) []*assignment { return p.Value })
	here, _ := atScope(m.groupID(), "atScope()")
	exactly, pagesOfOne := inSubscription("principalId eq '" + m.stranger.ObjectID + "'")
	to, _ := inSubscription("assignedTo('" + m.stranger.ObjectID + "')")
	both, _ := atScope(m.siteID(), "atScope() and assignedTo('"+m.stranger.ObjectID+"')")
	for _, c := range []struct {
		what       string
		got        []*assignment
		has, hasNo []int // numbers of assignments
	}{
		{"of the group", inGroup, []int{1, 2}, nil},
		{"of the site", ofSite, []int{1, 2}, nil},
		{"at the scope of the group", here, []int{1}, []int{2}},
		{"of the stranger", exactly, []int{1, 2}, nil},
		{"assigned to the stranger", to, []int{1, 2}, nil},
		{"assigned to the stranger at the scope of the site", both, []int{1, 2}, nil},
	} {
		has := func(n int) bool {
			return slices.ContainsFunc(c.got, func(a *assignment) bool { return text(a.Name) == assignmentName(n) })
		}
		for _, n := range c.has {
			m.check(has(n), "%s: %d assignments without number %d", c.what, len(c.got), n)
		}
		for _, n := range c.hasNo {
			m.check(!has(n), "%s: number %d is among %d assignments", c.what, n, len(c.got))
		}
	}
	m.check(len(exactly) == 2 && pagesOfOne == 2, "the stranger has %d assignments on %d pages", len(exactly), pagesOfOne)
	m.check(len(inGroup) > 2 && pagesOfGroup == len(inGroup), "%d assignments on %d pages, want that of the owner, too", len(inGroup), pagesOfGroup)
	return nil
}

func (m *manager) refuseAssignments() error {
	client := m.access.NewRoleAssignmentsClient()
	_, err := m.assign(m.groupID(), assignmentName(4), readerRole)
	m.refused("the same assignment by another name", err, 409, "RoleAssignmentExists")
	_, err = m.assign(m.groupID(), assignmentName(1), contributorRole)
	m.refused("another role by the same name", err, 400, "RoleAssignmentUpdateNotPermitted")
	_, err = client.Create(m.ctx, m.groupID(), assignmentName(5), m.assignment("00000000-1111-2222-3333-444444444444", readerRole), nil)
	m.refused("a principal that does not exist", err, 400, "PrincipalNotFound")
	m.check(err != nil && strings.Contains(err.Error(), " does not exist in the directory "), "the text that clients look for is not in %v", err)
	_, err = m.assign(m.groupID(), assignmentName(6), "00000000-1111-2222-3333-444444444444")
	m.refused("a role that does not exist", err, 400, "RoleDefinitionDoesNotExist")
	_, err = m.strangerMakes.Create(m.ctx, m.siteID(), assignmentName(7), m.assignment(m.stranger.ObjectID, readerRole), nil)
	m.refused("a Contributor who assigns roles", err, 403, "AuthorizationFailed")
	m.check(err != nil && strings.Contains(err.Error(), "'Microsoft.Authorization/roleAssignments/write' over scope '"+m.siteID()), "the action and the scope are not in %v", err)
	return nil
}

// holdAtOnce gives and takes a role, and looks each time whether the next request knows.
func (m *manager) holdAtOnce() error {
	_, err := m.strangerSees.Get(m.ctx, managerGroup, nil)
	m.check(err == nil, "a Reader cannot read: %v", err)
	_, err = m.strangerSees.Update(m.ctx, managerGroup, armresources.ResourceGroupPatchable{}, nil)
	m.refused("a Reader who writes", err, 403, "AuthorizationFailed")
	if _, err := m.access.NewRoleAssignmentsClient().Delete(m.ctx, m.groupID(), assignmentName(1), nil); err != nil {
		return err
	}
	_, err = m.strangerSees.Get(m.ctx, managerGroup, nil)
	m.refused("who was a Reader", err, 403, "AuthorizationFailed")
	if _, err := m.assign(m.groupID(), assignmentName(8), contributorRole); err != nil {
		return err
	}
	_, err = m.strangerSees.Update(m.ctx, managerGroup, armresources.ResourceGroupPatchable{}, nil)
	m.check(err == nil, "a Contributor cannot write: %v", err)
	return nil
}

func (m *manager) readAccess() error {
	type permission = armauthorization.Permission
	client := m.access.NewPermissionsClient()
	ofGroup, _ := every(m, client.NewListForResourceGroupPager(managerGroup, nil),
		func(p armauthorization.PermissionsClientListForResourceGroupResponse) []*permission { return p.Value })
	ofSite, _ := every(m, client.NewListForResourcePager(managerGroup, "Microsoft.Web", "", "sites", managerSite, nil),
		func(p armauthorization.PermissionsClientListForResourceResponse) []*permission { return p.Value })
	for _, permissions := range [][]*permission{ofGroup, ofSite} {
		m.check(len(permissions) == 1 && len(permissions[0].Actions) == 1 && *permissions[0].Actions[0] == "*", "permissions of an Owner: %d", len(permissions))
	}
	denials, _ := every(m, m.access.NewDenyAssignmentsClient().NewListForScopePager(m.groupID(), &armauthorization.DenyAssignmentsClientListForScopeOptions{Filter: pointer("atScope()")}),
		func(p armauthorization.DenyAssignmentsClientListForScopeResponse) []*armauthorization.DenyAssignment {
			return p.Value
		})
	m.check(len(denials) == 0, "%d deny assignments", len(denials))
	classics, _ := every(m, m.access.NewClassicAdministratorsClient().NewListPager(nil),
		func(p armauthorization.ClassicAdministratorsClientListResponse) []*armauthorization.ClassicAdministrator {
			return p.Value
		})
	m.check(len(classics) == 0, "%d classic administrators", len(classics))
	operations, err := m.access.NewProviderOperationsMetadataClient().Get(m.ctx, "Microsoft.Web", nil)
	if err != nil {
		return err
	}
	m.check(text(operations.Name) == "Microsoft.Web" && len(operations.ResourceTypes) > 0, "operations of %s on %d types", text(operations.Name), len(operations.ResourceTypes))
	return nil
}
