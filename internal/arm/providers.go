package arm

import (
	"iter"
	"net/http"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/serve"
)

// Resource providers are namespaces of resource types. Here all of them are registered from the start; the list is there
// because clients ask it: az for the api-version of a type, Terraform for what it can make.

// provider is one namespace: those with types of our own list them, the others keep any type (resource.IsPlain).
type provider struct {
	namespace string
	types     []string
	since     string // the api-version with which it began; "" is sinceEver
}

// sinceEver is older than any client.
const sinceEver = "2014-01-01"

// providers returns the namespaces that az and the Terraform providers look for, in the order of their names.
func providers() []provider {
	return []provider{
		{"Inborn.Platform", []string{"apply", "bindings", "traces"}, PlatformVersion},
		{"Microsoft.ApiManagement", []string{"service"}, ""},
		{"Microsoft.App", []string{"containerApps", "jobs", "managedEnvironments"}, "2022-01-01-preview"},
		{"Microsoft.AppConfiguration", []string{"configurationStores"}, ""},
		{"Microsoft.Authorization", []string{"denyAssignments", "locks", "permissions", "roleAssignments", "roleDefinitions"}, ""},
		{"Microsoft.Compute", []string{"virtualMachines", "virtualMachineScaleSets"}, "2015-06-15"},
		{"Microsoft.ContainerInstance", []string{"containerGroups"}, ""},
		{"Microsoft.ContainerRegistry", []string{"registries"}, ""},
		{"Microsoft.ContainerService", []string{"managedClusters"}, ""},
		{"Microsoft.CostManagement", nil, ""},
		{"Microsoft.DataFactory", []string{"factories"}, ""},
		{"Microsoft.DocumentDB", []string{"databaseAccounts"}, ""},
		{"Microsoft.EventGrid", []string{"topics"}, ""},
		{"Microsoft.EventHub", []string{"namespaces"}, ""},
		{"Microsoft.HybridCompute", []string{"machines"}, "2019-03-18-preview"},
		{"Microsoft.Insights", []string{"components"}, ""},
		{"Microsoft.KeyVault", []string{"deletedVaults", "locations/deletedVaults", "vaults"}, "2015-06-01"},
		{"Microsoft.Logic", []string{"workflows"}, ""},
		{"Microsoft.ManagedIdentity", []string{"identities", "userAssignedIdentities", "userAssignedIdentities/federatedIdentityCredentials"}, "2018-11-30"},
		{"Microsoft.Management", []string{"managementGroups", "managementGroups/subscriptions"}, ""},
		{"Microsoft.MarketplaceOrdering", nil, ""},
		{"Microsoft.Network", []string{"virtualNetworks"}, ""},
		{"Microsoft.OperationalInsights", []string{"workspaces"}, ""},
		{"Microsoft.Resources", []string{"resourceGroups", "resources", "subscriptions", "tags", "tenants"}, ""},
		{"Microsoft.ServiceBus", []string{"namespaces"}, ""},
		{"Microsoft.Sql", []string{"servers"}, ""},
		{"Microsoft.Storage", []string{"storageAccounts"}, "2015-06-15"},
		{"Microsoft.Web", []string{"geoRegions", "serverfarms", "sites", "sites/config", "sites/slots"}, "2015-08-01"},
	}
}

// typeVersions are the api-versions that are shown for every type, the newest first. Any well-formed one is accepted.
var typeVersions = [...]string{"2025-01-01", "2024-11-30", "2024-03-01", "2023-01-31", "2022-09-01", "2022-04-01", "2021-04-01", "2020-06-01", "2019-08-01", "2018-11-30"}

// locations are the regions that are shown. Any name is accepted: a region is a word here and no place.
func locations() iter.Seq2[string, string] {
	return func(yield func(name, display string) bool) {
		for _, l := range [...][2]string{{"centralus", "Central US"}, {"eastus", "East US"}, {"eastus2", "East US 2"}, {"germanywestcentral", "Germany West Central"},
			{"local", "Local"}, {"northeurope", "North Europe"}, {"swedencentral", "Sweden Central"}, {"uksouth", "UK South"},
			{"westeurope", "West Europe"}, {"westus", "West US"}, {"westus2", "West US 2"}} {
			if !yield(l[0], l[1]) {
				return
			}
		}
	}
}

func (c *call) listProviders() error {
	if err := c.checkSubscription(); err != nil {
		return err
	}
	return c.page(func(yield func(string, any) bool) {
		for _, p := range providers() {
			if !yield(strings.ToLower(p.namespace), providerOut(c.id, p, registration(c.dir, c.id, p.namespace))) {
				return
			}
		}
	})
}

// findProvider returns the provider in the path.
func (c *call) findProvider() (provider, error) {
	namespace := serve.Param(c.r, "provider")
	if p, ok := providerNamed(namespace); ok {
		return p, nil
	}
	return provider{}, apierr.New(apierr.PathUnknown, "The resource namespace '%s' is invalid.", namespace).At(namespace)
}

func (c *call) getProvider() error {
	if err := c.checkSubscription(); err != nil {
		return err
	}
	p, err := c.findProvider()
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, providerOut(c.id, p, registration(c.dir, c.id, p.namespace)))
}

func (c *call) listLocations() error {
	if err := c.checkSubscription(); err != nil {
		return err
	}
	return c.page(func(yield func(string, any) bool) {
		for name, display := range locations() {
			if !yield(name, locationOut(c.id, name, display)) {
				return
			}
		}
	})
}

// checkSubscription refuses a subscription that does not exist; the tenant has none to check.
func (c *call) checkSubscription() error {
	if c.id == "" {
		return nil
	}
	_, err := findSubscription(c.dir, c.id)
	return err
}
