package interop

import (
	"fmt"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/msi/armmsi"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armresources/v3"
)

// What the Go clients do with groups, identities and resources.

const (
	managerLocation = "westeurope"
	managerSite     = "func-go"
	webVersion      = "2023-12-01"
)

func (m *manager) groupID() string {
	return "/subscriptions/" + m.subscription + "/resourceGroups/" + managerGroup
}

func (m *manager) siteID() string {
	return m.groupID() + "/providers/Microsoft.Web/sites/" + managerSite
}

func (m *manager) identityID(name string) string {
	return m.groupID() + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/" + name
}

func (m *manager) manageGroups() error {
	groups := m.resources.NewResourceGroupsClient()
	there, err := groups.CheckExistence(m.ctx, managerGroup, nil)
	m.check(err == nil && !there.Success, "a group that is not there yet: %v, %v", there.Success, err)
	want := armresources.ResourceGroup{Location: pointer(managerLocation), Tags: map[string]*string{"a": pointer("b")}}
	for range 2 { // 201, then 200
		made, err := groups.CreateOrUpdate(m.ctx, managerGroup, want, nil)
		if err != nil {
			return err
		}
		m.check(text(made.ID) == m.groupID() && text(made.Properties.ProvisioningState) == "Succeeded", "made %s, %s", text(made.ID), text(made.Properties.ProvisioningState))
	}
	if there, err = groups.CheckExistence(m.ctx, managerGroup, nil); err != nil || !there.Success {
		return fmt.Errorf("the group is not there: %w", err)
	}
	changed, err := groups.Update(m.ctx, managerGroup, armresources.ResourceGroupPatchable{Tags: map[string]*string{"c": pointer("d")}}, nil)
	if err != nil {
		return err
	}
	m.check(text(changed.Tags["c"]) == "d", "tags after the change: %v", changed.Tags)
	got, err := groups.Get(m.ctx, managerGroup, nil)
	if err != nil {
		return err
	}
	m.check(text(got.Location) == managerLocation && text(got.Type) == "Microsoft.Resources/resourceGroups", "got a %s in %s", text(got.Type), text(got.Location))
	values := func(p armresources.ResourceGroupsClientListResponse) []*armresources.ResourceGroup { return p.Value }
	all, pages := every(m, groups.NewListPager(&armresources.ResourceGroupsClientListOptions{Top: pointer[int32](1)}), values)
	m.check(len(all) >= 2 && pages >= len(all), "%d groups on %d pages, want a page for each", len(all), pages)
	tagged, _ := every(m, groups.NewListPager(&armresources.ResourceGroupsClientListOptions{Filter: pointer("tagName eq 'c' and tagValue eq 'd'")}), values)
	m.check(len(tagged) == 1 && text(tagged[0].Name) == managerGroup, "%d groups have the tag", len(tagged))
	_, err = groups.Get(m.ctx, "rg-nowhere", nil)
	m.refused("a group that does not exist", err, 404, "ResourceGroupNotFound")
	return nil
}

func (m *manager) manageTags() error {
	tags := m.resources.NewTagsClient()
	merge, err := tags.BeginUpdateAtScope(m.ctx, m.groupID(), armresources.TagsPatchResource{Operation: pointer(armresources.TagsPatchOperationMerge),
		Properties: &armresources.Tags{Tags: map[string]*string{"e": pointer("f")}}}, nil)
	if err != nil {
		return err
	}
	if _, err := merge.PollUntilDone(m.ctx, nil); err != nil {
		return err
	}
	got, err := tags.GetAtScope(m.ctx, m.groupID(), nil)
	if err != nil {
		return err
	}
	m.check(text(got.Properties.Tags["c"]) == "d" && text(got.Properties.Tags["e"]) == "f", "tags: %v", got.Properties.Tags)
	return nil
}

// registerAgain takes back the registration of a namespace. Whoever then writes in it registers it again, by itself.
func (m *manager) registerAgain() error {
	const namespace = "Microsoft.ManagedIdentity"
	providers := m.resources.NewProvidersClient()
	out, err := providers.Unregister(m.ctx, namespace, nil)
	if err != nil {
		return err
	}
	m.check(text(out.RegistrationState) != "Registered", "after unregister: %s", text(out.RegistrationState))
	if _, err := m.makeIdentity("id-go-1"); err != nil {
		return err
	}
	in, err := providers.Get(m.ctx, namespace, nil)
	if err != nil {
		return err
	}
	m.check(text(in.RegistrationState) == "Registered", "after the client: %s", text(in.RegistrationState))
	all, pages := every(m, providers.NewListPager(nil), func(p armresources.ProvidersClientListResponse) []*armresources.Provider { return p.Value })
	m.check(len(all) > 5 && pages >= len(all), "%d namespaces on %d pages", len(all), pages)
	return nil
}

func (m *manager) makeIdentity(name string) (armmsi.Identity, error) {
	made, err := m.identities.NewUserAssignedIdentitiesClient().CreateOrUpdate(m.ctx, managerGroup, name, armmsi.Identity{Location: pointer(managerLocation)}, nil)
	return made.Identity, err
}

func (m *manager) manageIdentities() error {
	client := m.identities.NewUserAssignedIdentitiesClient()
	first, err := client.Get(m.ctx, managerGroup, "id-go-1", nil)
	if err != nil {
		return err
	}
	m.check(len(text(first.Properties.ClientID)) == 36 && len(text(first.Properties.PrincipalID)) == 36 && len(text(first.Properties.TenantID)) == 36, "ids: %+v", first.Properties)
	again, err := m.makeIdentity("id-go-1")
	m.check(err == nil && text(again.Properties.PrincipalID) == text(first.Properties.PrincipalID), "made again: %v", err)
	if _, err := m.makeIdentity("id-go-2"); err != nil {
		return err
	}
	changed, err := client.Update(m.ctx, managerGroup, "id-go-1", armmsi.IdentityUpdate{Tags: map[string]*string{"a": pointer("b")}}, nil)
	if err != nil {
		return err
	}
	m.check(text(changed.Tags["a"]) == "b" && text(changed.Properties.ClientID) == text(first.Properties.ClientID), "changed: %+v", changed.Identity)
	inGroup, pages := every(m, client.NewListByResourceGroupPager(managerGroup, nil),
		func(p armmsi.UserAssignedIdentitiesClientListByResourceGroupResponse) []*armmsi.Identity {
			return p.Value
		})
	m.check(len(inGroup) == 2 && pages == 2, "%d identities of the group on %d pages", len(inGroup), pages)
	everywhere, _ := every(m, client.NewListBySubscriptionPager(nil),
		func(p armmsi.UserAssignedIdentitiesClientListBySubscriptionResponse) []*armmsi.Identity {
			return p.Value
		})
	m.check(len(everywhere) > 2, "%d identities of the subscription", len(everywhere))
	_, err = client.Get(m.ctx, managerGroup, "id-nobody", nil)
	m.refused("an identity that does not exist", err, 404, "ResourceNotFound")
	operations, _ := every(m, m.identities.NewOperationsClient().NewListPager(nil), func(p armmsi.OperationsClientListResponse) []*armmsi.Operation { return p.Value })
	m.check(slices.ContainsFunc(operations, func(o *armmsi.Operation) bool {
		return strings.EqualFold(text(o.Name), "Microsoft.ManagedIdentity/userAssignedIdentities/write")
	}), "none of the %d operations is to write an identity", len(operations))
	return nil
}

func (m *manager) manageCredentials() error {
	client := m.identities.NewFederatedIdentityCredentialsClient()
	put := func(name, subject string) (armmsi.FederatedIdentityCredential, error) {
		made, err := client.CreateOrUpdate(m.ctx, managerGroup, "id-go-1", name, armmsi.FederatedIdentityCredential{Properties: &armmsi.FederatedIdentityCredentialProperties{
			Issuer: pointer("https://token.actions.example"), Subject: pointer(subject), Audiences: []*string{pointer("api://AzureADTokenExchange")}}}, nil)
		return made.FederatedIdentityCredential, err
	}
	for _, name := range []string{"fic-1", "fic-2"} {
		if _, err := put(name, "repo:orders:"+name); err != nil {
			return err
		}
	}
	if changed, err := put("fic-1", "repo:orders:main"); err != nil || text(changed.Properties.Subject) != "repo:orders:main" {
		return fmt.Errorf("changed: %w", err)
	}
	got, err := client.Get(m.ctx, managerGroup, "id-go-1", "fic-1", nil)
	if err != nil {
		return err
	}
	m.check(text(got.Properties.Subject) == "repo:orders:main" && len(got.Properties.Audiences) == 1, "got %+v", got.Properties)
	all, pages := every(m, client.NewListPager(managerGroup, "id-go-1", &armmsi.FederatedIdentityCredentialsClientListOptions{Top: pointer[int32](1)}),
		func(p armmsi.FederatedIdentityCredentialsClientListResponse) []*armmsi.FederatedIdentityCredential {
			return p.Value
		})
	m.check(len(all) == 2 && pages == 2, "%d credentials on %d pages", len(all), pages)
	for range 2 { // 200, then 204
		if _, err := client.Delete(m.ctx, managerGroup, "id-go-1", "fic-2", nil); err != nil {
			return err
		}
	}
	_, err = client.Get(m.ctx, managerGroup, "id-go-1", "fic-2", nil)
	m.refused("a credential that is gone", err, 404, "ResourceNotFound")
	_, err = put("x", "repo:orders:main")
	m.refused("a name that is too short", err, 400, "BadRequest")
	return nil
}

func (m *manager) manageSite() error {
	client := m.resources.NewClient()
	site := armresources.GenericResource{Location: pointer(managerLocation), Kind: pointer("functionapp"), Properties: map[string]any{},
		Identity: &armresources.Identity{Type: pointer(armresources.ResourceIdentityTypeSystemAssignedUserAssigned),
			UserAssignedIdentities: map[string]*armresources.IdentityUserAssignedIdentitiesValue{m.identityID("id-go-1"): {}}}}
	poller, err := client.BeginCreateOrUpdateByID(m.ctx, m.siteID(), webVersion, site, nil)
	if err != nil {
		return err
	}
	made, err := poller.PollUntilDone(m.ctx, nil)
	if err != nil {
		return err
	}
	m.check(len(text(made.Identity.PrincipalID)) == 36 && len(made.Identity.UserAssignedIdentities) == 1, "identity: %+v", made.Identity)
	system, err := m.identities.NewSystemAssignedIdentitiesClient().GetByScope(m.ctx, m.siteID(), nil)
	if err != nil {
		return err
	}
	m.check(text(system.Properties.PrincipalID) == text(made.Identity.PrincipalID) && len(text(system.Properties.ClientID)) == 36, "identities/default: %+v", system.Properties)
	listed, pages := every(m, client.NewListByResourceGroupPager(managerGroup, nil),
		func(p armresources.ClientListByResourceGroupResponse) []*armresources.GenericResourceExpanded {
			return p.Value
		})
	m.check(len(listed) == 3 && pages == 3, "%d resources of the group on %d pages", len(listed), pages)
	found, _ := every(m, client.NewListPager(&armresources.ClientListOptions{Filter: pointer("resourceType eq 'Microsoft.Web/sites' and name eq '" + managerSite + "'")}),
		func(p armresources.ClientListResponse) []*armresources.GenericResourceExpanded { return p.Value })
	m.check(len(found) == 1 && strings.EqualFold(text(found[0].ID), m.siteID()), "found %d sites", len(found))
	site.Identity.UserAssignedIdentities = map[string]*armresources.IdentityUserAssignedIdentitiesValue{m.identityID("id-nobody"): {}}
	_, err = client.BeginCreateOrUpdateByID(m.ctx, m.siteID(), webVersion, site, nil)
	m.refused("a site with an identity that does not exist", err, 400, "FailedIdentityOperation")
	return nil
}

// deleteAll deletes one by one what can be, and the group with the rest.
func (m *manager) deleteAll() error {
	client := m.identities.NewUserAssignedIdentitiesClient()
	for range 2 { // 200, then 204
		if _, err := client.Delete(m.ctx, managerGroup, "id-go-1", nil); err != nil {
			return err
		}
	}
	site, err := m.resources.NewClient().GetByID(m.ctx, m.siteID(), webVersion, nil)
	if err != nil {
		return err
	}
	m.check(text(site.Identity.Type) == "SystemAssigned", "the site of the deleted identity: %s", text(site.Identity.Type))
	groups := m.resources.NewResourceGroupsClient()
	poller, err := groups.BeginDelete(m.ctx, managerGroup, nil)
	if err != nil {
		return err
	}
	if _, err := poller.PollUntilDone(m.ctx, nil); err != nil {
		return err
	}
	_, err = groups.Get(m.ctx, managerGroup, nil)
	m.refused("the group", err, 404, "ResourceGroupNotFound")
	_, err = client.Get(m.ctx, managerGroup, "id-go-2", nil)
	m.refused("an identity of the group", err, 404, "ResourceGroupNotFound")
	return nil
}
