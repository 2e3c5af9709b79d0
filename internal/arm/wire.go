package arm

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/vault"
)

// This file spells all JSON of the package. The forms are those of the public REST reference of Resource Manager
// (Microsoft.Resources 2022-09-01, Microsoft.ManagedIdentity 2024-11-30), as far as their clients read them.

type errorWire struct {
	Error errorBody `json:"error"`
}

type errorBody struct {
	Code    string      `json:"code"`
	Message string      `json:"message"`
	Target  string      `json:"target,omitempty"`
	Details []errorBody `json:"details,omitempty"`
}

// pageWire is one page of a list; the last has no nextLink.
type pageWire struct {
	Value    []any  `json:"value"`
	NextLink string `json:"nextLink,omitempty"`
}

type subscriptionWire struct {
	ID                   resource.ID       `json:"id"`
	SubscriptionID       guid.GUID         `json:"subscriptionId"`
	TenantID             guid.GUID         `json:"tenantId"`
	DisplayName          string            `json:"displayName"`
	State                string            `json:"state"`
	AuthorizationSource  string            `json:"authorizationSource"`
	ManagedByTenants     []string          `json:"managedByTenants"`
	SubscriptionPolicies policiesWire      `json:"subscriptionPolicies"`
	Tags                 map[string]string `json:"tags"`
}

type policiesWire struct {
	LocationPlacementID string `json:"locationPlacementId"`
	QuotaID             string `json:"quotaId"`
	SpendingLimit       string `json:"spendingLimit"`
}

func subscriptionOut(tenant guid.GUID, s *resource.Subscription) subscriptionWire {
	return subscriptionWire{
		ID: resource.SubscriptionID(s.ID.String()), SubscriptionID: s.ID, TenantID: tenant, DisplayName: s.Name,
		State: "Enabled", AuthorizationSource: "RoleBased", ManagedByTenants: []string{}, Tags: tagsOut(s.Tags),
		SubscriptionPolicies: policiesWire{"Public_2014-09-01", "PayAsYouGo_2014-09-01", "Off"},
	}
}

// tenantWire is a tenant (Microsoft.Resources, tenants, 2022-12-01). Each has one domain here.
type tenantWire struct {
	ID            string    `json:"id"`
	TenantID      guid.GUID `json:"tenantId"`
	Category      string    `json:"tenantCategory"`
	DisplayName   string    `json:"displayName"`
	DefaultDomain string    `json:"defaultDomain"`
	Domains       []string  `json:"domains"`
	Type          string    `json:"tenantType"`
}

func tenantOut(t *directory.Tenant) tenantWire {
	return tenantWire{ID: "/tenants/" + t.ID.String(), TenantID: t.ID, Category: "Home", DisplayName: t.Name,
		DefaultDomain: t.Name, Domains: []string{t.Name}, Type: "AAD"}
}

// endpointsWire is the cloud metadata before 2019-05-01.
type endpointsWire struct {
	Graph          string      `json:"graphEndpoint"`
	GraphAudience  string      `json:"graphAudience"`
	Authentication cloudSignIn `json:"authentication"`
}

// cloudWire is the cloud metadata of one cloud since then. What is not served is left out: the readers make clients for
// all that is there.
type cloudWire struct {
	Name            string        `json:"name"`
	Authentication  cloudSignIn   `json:"authentication"`
	ResourceManager string        `json:"resourceManager"`
	MicrosoftGraph  string        `json:"microsoftGraphResourceId"`
	Graph           string        `json:"graph"`
	GraphAudience   string        `json:"graphAudience"`
	Databases       string        `json:"ossrdbmsResourceId"`
	Suffixes        cloudSuffixes `json:"suffixes"` // an object even when empty: az looks into it
}

type cloudSignIn struct {
	Login            string   `json:"loginEndpoint"`
	Audiences        []string `json:"audiences"` // of Resource Manager; az asks for the first
	Tenant           string   `json:"tenant"`
	IdentityProvider string   `json:"identityProvider"`
}

type cloudSuffixes struct {
	Vaults  string `json:"keyVaultDns,omitempty"`
	Storage string `json:"storage,omitempty"`
}

// olderGraph is the audience of the API that Microsoft Graph replaced. It is served nowhere, but az wants a name for it.
const olderGraph = "https://graph.windows.net/"

func signInOut(c cloud) cloudSignIn {
	return cloudSignIn{Login: c.login, Audiences: []string{"https://management.core.windows.net/", "https://management.azure.com/"},
		Tenant: "common", IdentityProvider: "AAD"}
}

func endpointsOut(c cloud) endpointsWire {
	return endpointsWire{Graph: olderGraph, GraphAudience: olderGraph, Authentication: signInOut(c)}
}

func cloudOut(c cloud) cloudWire {
	return cloudWire{Name: c.name, Authentication: signInOut(c), ResourceManager: c.manager + "/", MicrosoftGraph: c.graph + "/",
		Graph: olderGraph, GraphAudience: olderGraph, Databases: "https://ossrdbms-aad.database.windows.net",
		Suffixes: cloudSuffixes{c.vaults, c.storage}}
}

type groupWire struct {
	ID         resource.ID       `json:"id"`
	Name       string            `json:"name"`
	Type       string            `json:"type"`
	Location   string            `json:"location"`
	Tags       map[string]string `json:"tags"`
	Properties stateWire         `json:"properties"`
}

type stateWire struct {
	ProvisioningState string `json:"provisioningState"`
}

func groupOut(g *resource.Group) groupWire {
	return groupWire{ID: g.ID, Name: g.ID.Name(), Type: "Microsoft.Resources/resourceGroups", Location: g.Location,
		Tags: tagsOut(g.Tags), Properties: stateWire{succeeded}}
}

// succeeded is the provisioningState of everything, since nothing here takes time but in slow mode.
const succeeded = "Succeeded"

type identityWire struct {
	ID         resource.ID       `json:"id"`
	Name       string            `json:"name"`
	Type       string            `json:"type"`
	Location   string            `json:"location"`
	Tags       map[string]string `json:"tags"` // an object even when empty: clients rely on it
	Properties identityProps     `json:"properties"`
}

type identityProps struct {
	TenantID       guid.GUID `json:"tenantId"`
	PrincipalID    guid.GUID `json:"principalId"`
	ClientID       guid.GUID `json:"clientId"`
	IsolationScope string    `json:"isolationScope"`
}

func identityOut(tenant guid.GUID, i *resource.ManagedIdentity) identityWire {
	return identityWire{ID: i.ID, Name: i.ID.Name(), Type: resource.TypeIdentity, Location: i.Location, Tags: tagsOut(i.Tags),
		Properties: identityProps{TenantID: tenant, PrincipalID: i.PrincipalID, ClientID: i.ClientID, IsolationScope: noIsolation}}
}

func tagsOut(tags map[string]string) map[string]string {
	if tags == nil {
		return map[string]string{}
	}
	return tags
}

// bodyIn is the body of a PUT or PATCH of a group, an identity or a resource. A member that is absent or null is nil.
type bodyIn struct {
	Location   string            `json:"location"`
	Tags       map[string]string `json:"tags"`
	Kind       *string           `json:"kind"`
	Identity   *blockIn          `json:"identity"`
	Properties json.RawMessage   `json:"properties"`

	Members map[string]json.RawMessage `json:"-"` // all others, but those that say what the path says
}

// UnmarshalJSON reads the members that all types have, and keeps the others.
func (b *bodyIn) UnmarshalJSON(text []byte) error {
	type plain bodyIn
	if err := json.Unmarshal(text, (*plain)(b)); err != nil {
		return err
	}
	if err := json.Unmarshal(text, &b.Members); err != nil {
		return err
	}
	for name := range b.Members {
		switch strings.ToLower(name) {
		case "id", "name", "type", "etag", "systemdata", "location", "tags", "kind", "identity", "properties":
			delete(b.Members, name)
		}
	}
	return nil
}

// blockIn is an identity block as clients send it. Of the values in the map only null and not null count.
type blockIn struct {
	Type string                     `json:"type"`
	User map[string]*map[string]any `json:"userAssignedIdentities"`
}

// isolationIn is what may stand in the properties of a user-assigned identity.
type isolationIn struct {
	IsolationScope string `json:"isolationScope"`
}

type resourceWire struct {
	ID         resource.ID       `json:"id"`
	Name       string            `json:"name"`
	Type       string            `json:"type"`
	Kind       string            `json:"kind,omitempty"`
	Location   string            `json:"location,omitempty"`
	Tags       map[string]string `json:"tags"`
	Identity   *blockWire        `json:"identity,omitempty"`
	ETag       string            `json:"etag,omitempty"`       // not in lists
	Properties json.RawMessage   `json:"properties,omitempty"` // not in lists

	Members map[string]json.RawMessage `json:"-"` // sku, plan, zones and whatever else; not in lists

	// In lists, where $expand asks for them.
	CreatedTime       *time.Time `json:"createdTime,omitempty"`
	ChangedTime       *time.Time `json:"changedTime,omitempty"`
	ProvisioningState string     `json:"provisioningState,omitempty"`
}

// MarshalJSON writes the further members beside the others.
func (r resourceWire) MarshalJSON() ([]byte, error) {
	type plain resourceWire
	text, err := json.Marshal(plain(r))
	if err != nil || len(r.Members) == 0 {
		return text, err
	}
	more, err := json.Marshal(r.Members)
	if err != nil {
		return nil, err
	}
	return append(append(text[:len(text)-1], ','), more[1:]...), nil
}

// blockWire is an identity block; the first two are those of the system-assigned identity, if there is one.
type blockWire struct {
	PrincipalID *guid.GUID              `json:"principalId,omitempty"`
	TenantID    *guid.GUID              `json:"tenantId,omitempty"`
	Type        string                  `json:"type"`
	User        map[resource.ID]userIDs `json:"userAssignedIdentities,omitempty"`
}

type userIDs struct {
	PrincipalID guid.GUID `json:"principalId"`
	ClientID    guid.GUID `json:"clientId"`
}

type bindingWire struct {
	ID         resource.ID  `json:"id"`
	Name       guid.GUID    `json:"name"`
	Type       string       `json:"type"`
	Properties bindingProps `json:"properties"`
}

// bindingProps are the properties of a workload binding, in both directions.
type bindingProps struct {
	Resource  resource.ID `json:"resource"`
	Selectors []string    `json:"selectors"`
	Expires   *time.Time  `json:"expires"` // null: never
}

type bindingIn struct {
	Properties *bindingProps `json:"properties"`
}

func bindingOut(b *resource.WorkloadBinding) bindingWire {
	out := bindingWire{ID: b.Node + resource.ID("/providers/"+typeBinding+"/"+b.ID.String()), Name: b.ID, Type: typeBinding,
		Properties: bindingProps{Resource: b.Resource, Selectors: append([]string{}, b.Selectors...)}}
	if !b.Expires.IsZero() {
		out.Properties.Expires = &b.Expires
	}
	return out
}

// manifestIn is a manifest with what it takes from where it was read.
type manifestIn struct {
	Manifest string                 `json:"manifest"` // YAML
	Values   map[string]vault.Value `json:"values"`   // by source
}

type appliedWire struct {
	Changes []changeWire `json:"changes"`
	DryRun  bool         `json:"dryRun"`
}

type changeWire struct {
	Action string `json:"action"`
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Detail string `json:"detail"`
}

// traceWire is a decision trace. It is a document and no resource: it has no type and no properties.
type traceWire struct {
	ID      guid.GUID  `json:"id"` // the request id
	At      time.Time  `json:"at"`
	API     string     `json:"api"`
	Method  string     `json:"method"`
	Path    string     `json:"path"`
	Caller  string     `json:"caller"`
	Steps   []stepWire `json:"steps"`
	Status  int        `json:"status"`
	Code    string     `json:"code"` // Inborn's own name of the refusal
	Message string     `json:"message"`
	Help    string     `json:"help,omitempty"`
}

type stepWire struct {
	Check  string `json:"check"`
	Result string `json:"result"`
}

func traceOut(t apierr.Trace) traceWire {
	out := traceWire{ID: t.ID, At: t.At, API: t.API, Method: t.Method, Path: t.Path, Caller: t.Caller, Steps: []stepWire{},
		Status: t.Status, Code: t.Code, Message: t.Message, Help: t.Help}
	for _, s := range t.Steps {
		out.Steps = append(out.Steps, stepWire{s.Check, s.Result})
	}
	return out
}

// providerWire is a resource provider (Microsoft.Resources, providers, 2022-09-01).
type providerWire struct {
	ID        string             `json:"id"`
	Namespace string             `json:"namespace"`
	Policy    string             `json:"registrationPolicy"`
	State     string             `json:"registrationState"`
	Types     []providerTypeWire `json:"resourceTypes"`
}

type providerTypeWire struct {
	Type           string   `json:"resourceType"`
	Locations      []string `json:"locations"`
	Versions       []string `json:"apiVersions"`
	DefaultVersion string   `json:"defaultApiVersion"`
	Capabilities   string   `json:"capabilities"`
}

func providerOut(subscription resource.ID, p provider, state string) providerWire {
	out := providerWire{ID: string(subscription) + "/providers/" + p.namespace, Namespace: p.namespace,
		Policy: "RegistrationRequired", State: state, Types: []providerTypeWire{}}
	var regions []string
	for _, display := range locations() {
		regions = append(regions, display)
	}
	versions := p.versions()
	for _, name := range p.types {
		out.Types = append(out.Types, providerTypeWire{Type: name, Locations: regions, Versions: versions, DefaultVersion: versions[0],
			Capabilities: "SupportsTags, SupportsLocation"})
	}
	return out
}

// locationWire is a region (Microsoft.Resources, subscriptions/locations, 2022-12-01).
type locationWire struct {
	ID              string               `json:"id"`
	Name            string               `json:"name"`
	Type            string               `json:"type"`
	DisplayName     string               `json:"displayName"`
	RegionalDisplay string               `json:"regionalDisplayName"`
	Metadata        locationMetadataWire `json:"metadata"`
}

type locationMetadataWire struct {
	Type     string `json:"regionType"`
	Category string `json:"regionCategory"`
}

func locationOut(subscription resource.ID, name, display string) locationWire {
	return locationWire{ID: string(subscription) + "/locations/" + name, Name: name, Type: "Region", DisplayName: display,
		RegionalDisplay: display, Metadata: locationMetadataWire{"Physical", "Recommended"}}
}

// associatedPage is a page of the resources that have an identity.
type associatedPage struct {
	Total    int              `json:"totalCount"`
	Value    []associatedWire `json:"value"`
	NextLink string           `json:"nextLink,omitempty"`
}

// associatedWire has type and group in lower case, unlike everything else.
type associatedWire struct {
	ID               resource.ID `json:"id"`
	Name             string      `json:"name"`
	Type             string      `json:"type"`
	Group            string      `json:"resourceGroup"`
	SubscriptionID   string      `json:"subscriptionId"`
	SubscriptionName string      `json:"subscriptionDisplayName"`
}

func associatedOut(r *resource.Resource, subscriptionName string) associatedWire {
	return associatedWire{ID: r.ID, Name: r.ID.Name(), Type: strings.ToLower(r.ID.Type()), Group: strings.ToLower(r.ID.Group()),
		SubscriptionID: r.ID.Subscription(), SubscriptionName: subscriptionName}
}

// systemIdentityWire is the view of a system-assigned identity (Microsoft.ManagedIdentity, identities/default).
type systemIdentityWire struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Type       string            `json:"type"`
	Location   string            `json:"location"`
	Tags       map[string]string `json:"tags"`
	Properties systemProps       `json:"properties"`
}

// systemProps has no clientSecretUrl: nothing here hands out a credential of an identity.
type systemProps struct {
	TenantID    guid.GUID `json:"tenantId"`
	PrincipalID guid.GUID `json:"principalId"`
	ClientID    guid.GUID `json:"clientId"`
}

func systemIdentityOut(tenant guid.GUID, r *resource.Resource) systemIdentityWire {
	return systemIdentityWire{ID: string(r.ID) + "/providers/" + typeSystemIdentity + "/default", Name: "default", Type: typeSystemIdentity,
		Location: r.Location, Tags: tagsOut(r.Tags),
		Properties: systemProps{TenantID: tenant, PrincipalID: r.Identity.System.PrincipalID, ClientID: r.Identity.System.ClientID}}
}
