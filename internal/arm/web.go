package arm

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
)

// App Service: plans, sites and their slots (Microsoft.Web, 2022-03-01 as az sends it and 2023-12-01 as azurerm does).

const (
	typePlan = "Microsoft.Web/serverfarms"
	typeSite = resource.TypeSite
	typeSlot = "Microsoft.Web/sites/slots"
)

const siteDefaults = `{"enabled":true,"usageState":"Normal","availabilityState":"Normal","clientAffinityEnabled":false,"clientCertEnabled":false,
"clientCertMode":"Required","containerSize":1536,"dailyMemoryTimeQuota":0,"hostNamesDisabled":false,"httpsOnly":false,"hyperV":false,"isXenon":false,
"keyVaultReferenceIdentity":"SystemAssigned","publicNetworkAccess":"Enabled","redundancyMode":"None","reserved":false,"scmSiteAlsoStopped":false,
"storageAccountRequired":false,"targetSwapSlot":null,"trafficManagerHostNames":null,"virtualNetworkSubnetId":null,"vnetRouteAllEnabled":false}`

// siteConfigDefaults is what a site shows of its configuration that nobody has set.
const siteConfigDefaults = `{"acrUseManagedIdentityCreds":false,"alwaysOn":false,"appSettings":null,"autoHealEnabled":false,"connectionStrings":null,
"defaultDocuments":["Default.htm","index.html","hostingstart.html"],"detailedErrorLoggingEnabled":false,"ftpsState":"FtpsOnly",
"functionAppScaleLimit":0,"functionsRuntimeScaleMonitoringEnabled":false,"http20Enabled":false,"httpLoggingEnabled":false,"ipSecurityRestrictions":[],
"linuxFxVersion":"","loadBalancing":"LeastRequests","localMySqlEnabled":false,"managedPipelineMode":"Integrated","minTlsVersion":"1.2",
"minimumElasticInstanceCount":0,"netFrameworkVersion":"v4.0","numberOfWorkers":1,"preWarmedInstanceCount":0,"remoteDebuggingEnabled":false,
"requestTracingEnabled":false,"scmIpSecurityRestrictions":[],"scmIpSecurityRestrictionsUseMain":false,"scmMinTlsVersion":"1.2","scmType":"None",
"use32BitWorkerProcess":true,"virtualApplications":[{"virtualPath":"/","physicalPath":"site\\wwwroot","preloadEnabled":false}],"vnetName":"",
"webSocketsEnabled":false,"windowsFxVersion":null}`

// siteComputed is said by Inborn, whatever a client sends back.
const siteComputed = "state hostNames repositorySiteName usageState enabledHostNames availabilityState lastModifiedTimeUtc outboundIpAddresses" +
	" possibleOutboundIpAddresses resourceGroup defaultHostName inProgressOperationId customDomainVerificationId hostNameSslStates suspendedTill" +
	" maxNumberOfWorkers isDefaultContainer slotSwapStatus"

func webKinds() []kind {
	isName := func(name string) bool {
		return alphanumeric(name, 1, 60, "-") && !strings.HasPrefix(name, "-") && !strings.HasSuffix(name, "-")
	}
	const rule = "1 to 60 letters, digits and hyphens, and no hyphen at an end"
	site := kind{name: typeSite, created: http.StatusOK, defaults: siteDefaults, readOnly: siteComputed, names: isName, naming: rule, unique: true,
		strip: stripSite, show: showSite}
	slot := site
	slot.name, slot.unique = typeSlot, false
	all := []kind{site, slot, {name: typePlan, created: http.StatusOK, show: showPlan, check: checkPlan,
		readOnly: "status numberOfSites resourceGroup subscription geoRegion",
		defaults: `{"hyperV":false,"isSpot":false,"isXenon":false,"maximumElasticWorkerCount":1,"maximumNumberOfWorkers":3,"perSiteScaling":false,
			"elasticScaleEnabled":false,"planName":"VirtualDedicatedPlan","reserved":false,"targetWorkerCount":0,"targetWorkerSizeId":0,"zoneRedundant":false}`}}
	for _, below := range []string{"config", "functions", "host", "sourcecontrols", "basicPublishingCredentialsPolicies", "publishingcredentials"} {
		all = append(all, kind{name: typeSite + "/" + below, closed: true})
	}
	return all
}

// stripSite turns the settings that came with a site into documents, each of which replaces the one there is.
func stripSite(s *stripped) error {
	config, _ := respell(s.props, "siteConfig").(map[string]any)
	return stripConfig(s, config)
}

// stripConfig does that for the configuration of a site, wherever it came.
func stripConfig(s *stripped, config map[string]any) error {
	for _, one := range []struct {
		property, document string
		read               func(any) (any, error)
	}{
		{"appSettings", "appsettings", settingPairs},
		{"connectionStrings", "connectionstrings", connectionList},
		{"azureStorageAccounts", "azurestorageaccounts", func(v any) (any, error) { return v, nil }},
		{"metadata", "metadata", settingPairs},
	} {
		value, found := take(config, one.property)
		if !found {
			continue
		}
		document, err := one.read(value)
		if err != nil {
			return err
		}
		text, err := json.Marshal(document)
		if err != nil {
			return err
		}
		s.gained(one.document, secret(text))
	}
	return nil
}

// settingPairs reads a list of {name, value} as it stands in a site.
func settingPairs(value any) (any, error) {
	rows, ok := value.([]any)
	settings := map[string]string{}
	for _, row := range rows {
		pair, isObject := row.(map[string]any)
		name := text(pair, "name")
		if ok = ok && isObject && name != ""; ok {
			settings[name] = scalar(pair["value"])
		}
	}
	if !ok {
		return nil, apierr.New(apierr.PropertyInvalid, "The application settings of a site must be a list of objects with a name and a value.").
			At("properties.siteConfig.appSettings")
	}
	return settings, nil
}

func connectionList(value any) (any, error) {
	rows, ok := value.([]any)
	connections := map[string]any{}
	for _, row := range rows {
		one, isObject := row.(map[string]any)
		name := text(one, "name")
		if ok = ok && isObject && name != ""; ok {
			connections[name] = map[string]any{"value": text(one, "connectionString"), "type": one["type"]}
		}
	}
	if !ok {
		return nil, apierr.New(apierr.PropertyInvalid, "The connection strings of a site must be a list of objects with name, connectionString and type.").
			At("properties.siteConfig.connectionStrings")
	}
	return connections, nil
}

func showSite(s *shown) {
	names := strings.Split(string(s.r.ID), "/sites/")
	name := strings.ToLower(strings.ReplaceAll(names[len(names)-1], "/slots/", "-"))
	host, manage := name+"."+s.hosts.sites, name+".scm."+s.hosts.sites
	s.out.Kind = orText(s.out.Kind, "app")
	runs := "Running"
	if s.r.Condition != "" {
		runs = "Stopped"
	}
	for property, value := range map[string]any{
		"state": runs, "defaultHostName": host, "hostNames": []string{host}, "enabledHostNames": []string{host, manage},
		"repositorySiteName": s.r.ID.Name(), "resourceGroup": s.r.ID.Group(), "lastModifiedTimeUtc": s.r.Changed.UTC().Format("2006-01-02T15:04:05.999999"),
		"outboundIpAddresses": "127.0.0.1", "possibleOutboundIpAddresses": "127.0.0.1",
		"customDomainVerificationId": verificationID(s.dir.Tenant()),
		"hostNameSslStates": []map[string]any{
			{"name": host, "sslState": "Disabled", "hostType": "Standard"}, {"name": manage, "sslState": "Disabled", "hostType": "Repository"}},
	} {
		s.props[property] = value
	}
	s.props["siteConfig"] = configOf(s.props)
}

// configOf returns the configuration in the properties of a site, with what nobody has set.
func configOf(props map[string]any) map[string]any {
	config := object(props, "siteConfig")
	var defaults map[string]any
	if json.Unmarshal([]byte(siteConfigDefaults), &defaults) == nil {
		for name, value := range defaults {
			fill(config, name, value)
		}
	}
	return config
}

func orText(have, otherwise string) string {
	if have == "" {
		return otherwise
	}
	return have
}

// planTiers are the names that sizes of plans begin with, and what they are called; the longest that fits counts.
func planTiers() [][2]string {
	return [][2]string{{"F", "Free"}, {"D", "Shared"}, {"B", "Basic"}, {"S", "Standard"}, {"P1v2", "PremiumV2"}, {"P2v2", "PremiumV2"}, {"P3v2", "PremiumV2"},
		{"P0v3", "PremiumV3"}, {"P1v3", "PremiumV3"}, {"P2v3", "PremiumV3"}, {"P3v3", "PremiumV3"}, {"P", "Premium"}, {"Y", "Dynamic"}, {"EP", "ElasticPremium"},
		{"FC", "FlexConsumption"}, {"WS", "WorkflowStandard"}, {"I", "Isolated"}}
}

// checkPlan completes the size of a plan from its name: clients send no more.
func checkPlan(w *written) error {
	sku := object(w.members, "sku")
	fill(sku, "name", "F1")
	name, tier := text(sku, "name"), ""
	longest := 0
	for _, one := range planTiers() {
		if len(one[0]) > longest && len(name) >= len(one[0]) && strings.EqualFold(name[:len(one[0])], one[0]) {
			longest, tier = len(one[0]), one[1]
		}
	}
	if tier == "" {
		return apierr.New(apierr.PropertyInvalid, "The size '%s' is none of a service plan: use F1, B1, S1, P1v3, EP1 or Y1.", name).At("sku.name")
	}
	sku["tier"], sku["size"], sku["family"] = tier, name, strings.TrimRight(name, "0123456789")
	fill(sku, "capacity", 1)
	return nil
}

func showPlan(s *shown) {
	s.out.Kind = orText(s.out.Kind, "app")
	capacity := object(s.members, "sku")["capacity"]
	s.props["status"], s.props["numberOfWorkers"] = "Ready", capacity
	s.props["resourceGroup"], s.props["subscription"], s.props["geoRegion"] = s.r.ID.Group(), s.r.ID.Subscription(), s.r.Location
	s.props["numberOfSites"] = s.c.planUse(s.dir, s.r.ID)[s.r.ID.Key()]
}

// planUse counts the sites on each plan of a subscription, once for each answer.
func (c *call) planUse(dir *state.Directory, of resource.ID) map[resource.Key]int {
	if c.sitesOn != nil {
		return c.sitesOn
	}
	c.sitesOn = map[resource.Key]int{}
	for r := range dir.Resources(resource.SubscriptionID(of.Subscription())) {
		if !strings.EqualFold(r.ID.Type(), typeSite) && !strings.EqualFold(r.ID.Type(), typeSlot) {
			continue
		}
		if props, err := decodeProperties(r.Properties); err == nil {
			c.sitesOn[resource.ID(text(props, "serverFarmId")).Key()]++
		}
	}
	return c.sitesOn
}

// startSite, stopSite and restartSite note what was wanted: no site runs here.
func (c *call) startSite() error   { return c.setCondition("") }
func (c *call) stopSite() error    { return c.setCondition("stopped") }
func (c *call) restartSite() error { return c.setCondition("") }

// setCondition notes what was done to the resource in the path and answers that it is done.
func (c *call) setCondition(condition string) error {
	err := c.update(func(d *state.Draft) error {
		r, err := findResource(d.Directory(), c.id)
		if err != nil || r.Condition == condition {
			return err
		}
		return d.SetCondition(c.id, condition)
	})
	if err != nil {
		return err
	}
	return c.done(http.StatusOK)
}

// getFunctions lists the functions of a site, of which Inborn knows none.
func (c *call) getFunctions() error {
	if _, err := findResource(c.dir, c.id); err != nil {
		return err
	}
	return c.page(func(func(string, any) bool) {})
}

// syncTriggers has nothing to do.
func (c *call) syncTriggers() error {
	if _, err := findResource(c.dir, c.id); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}

// getSiteConfig shows the configuration of a site (config/web), which is a part of its properties.
func (c *call) getSiteConfig() error {
	r, err := findResource(c.dir, c.id)
	if err != nil {
		return err
	}
	out, err := siteConfigOut(r)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, out)
}

func siteConfigOut(r *resource.Resource) (settingWire, error) {
	props, err := decodeProperties(r.Properties)
	if err != nil {
		return settingWire{}, err
	}
	if props == nil {
		props = map[string]any{}
	}
	return settingOut(r, "config", "web", configOf(props)), nil
}

func (c *call) listSiteConfigs() error {
	r, err := findResource(c.dir, c.id)
	if err != nil {
		return err
	}
	out, err := siteConfigOut(r)
	if err != nil {
		return err
	}
	return c.page(func(yield func(string, any) bool) { yield("web", out) })
}

// changeSiteConfig replaces the configuration of a site by PUT, or merges into it by PATCH.
func (c *call) changeSiteConfig() error {
	var body bodyIn
	if err := serve.ReadJSON(c.r, maxBody, &body); err != nil {
		return err
	}
	wrapped, err := json.Marshal(map[string]json.RawMessage{"siteConfig": body.Properties})
	if err != nil || len(body.Properties) == 0 {
		return apierr.New(apierr.PropertyInvalid, "The property properties is missing: an object.").At("properties").Because(err)
	}
	body.Properties = wrapped
	sealed, err := c.strip(c.id, &body)
	if err != nil {
		return err
	}
	var out settingWire
	err = c.update(func(d *state.Draft) error {
		old, err := findResource(d.Directory(), c.id)
		if err != nil {
			return err
		}
		spec := state.SpecOf(old)
		have := spec.Properties
		if c.r.Method == http.MethodPut {
			if have, err = mergeProperties(have, []byte(`{"siteConfig":null}`)); err != nil {
				return err
			}
		}
		if spec.Properties, err = mergeProperties(have, body.Properties); err != nil {
			return err
		}
		if _, _, err := d.PutResource(spec); err != nil {
			return err
		}
		if err := d.PutSealed(c.id, sealed...); err != nil {
			return err
		}
		made, _ := d.Directory().Resource(c.id)
		out, err = siteConfigOut(made)
		return err
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, out)
}
