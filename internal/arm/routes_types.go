package arm

import "github.com/inborn-id/inborn/internal/serve"

// webRoutes are the routes of Microsoft.Web beside those that every resource has.
func (a *api) webRoutes() []serve.Route {
	const (
		sub  = "/subscriptions/{subscription}"
		site = sub + "/resourceGroups/{group}/providers/{namespace:Microsoft.Web}/{type:sites}/{name}"
		slot = site + "/{type2:slots}/{name2}"
		web  = "/providers/Microsoft.Web"
	)
	all := []serve.Route{
		a.route("GET", sub+web+"/geoRegions", "Microsoft.Web/geoRegions/read", (*call).listRegions),
		a.route("POST", sub+web+"/checknameavailability", "Microsoft.Web/checknameavailability/read", (*call).checkSiteName),
		a.filtered("GET", web+"/functionAppStacks", "Microsoft.Web/functionAppStacks/read", (*call).listFunctionStacks),
		a.filtered("GET", web+"/webAppStacks", "Microsoft.Web/webAppStacks/read", (*call).listWebStacks),
		a.filtered("GET", web+"/locations/{location}/functionAppStacks", "Microsoft.Web/functionAppStacks/read", (*call).listFunctionStacks),
		a.filtered("GET", web+"/locations/{location}/webAppStacks", "Microsoft.Web/webAppStacks/read", (*call).listWebStacks),
	}
	for _, in := range []string{site, slot} {
		const (
			secrets  = "/config/{setting:appsettings|connectionstrings|azurestorageaccounts|metadata|backup|authsettings|authsettingsV2}"
			open     = "/config/{setting:slotConfigNames|logs|authsettingsV2}"
			writable = "/config/{setting:appsettings|connectionstrings|azurestorageaccounts|metadata|backup|authsettings|authsettingsV2|slotConfigNames|logs}"
			policy   = "/basicPublishingCredentialsPolicies"
		)
		all = append(all,
			a.route("GET", in+"/config", "{type}/config/read", (*call).listSiteConfigs),
			a.route("GET", in+"/config/web", "{type}/config/read", (*call).getSiteConfig),
			a.route("PUT", in+"/config/web", "{type}/config/write", (*call).changeSiteConfig),
			a.route("PATCH", in+"/config/web", "{type}/config/write", (*call).changeSiteConfig),
			a.route("POST", in+secrets+"/list", "{type}/config/list/action", (*call).getSetting),
			a.route("GET", in+"/config/{setting:authsettingsV2}/list", "{type}/config/list/action", (*call).getSetting),
			a.route("GET", in+open, "{type}/config/read", (*call).getSetting),
			a.route("PUT", in+writable, "{type}/config/write", (*call).putSetting),
			a.route("GET", in+"/config/configreferences/appsettings", "{type}/config/read", (*call).listReferences),
			a.route("GET", in+"/config/configreferences/appsettings/{key}", "{type}/config/read", (*call).getReference),
			a.route("POST", in+"/config/publishingcredentials/list", "{type}/config/list/action", (*call).listPublishingCredentials),
			a.route("POST", in+"/publishxml", "{type}/publishxml/action", (*call).getPublishXML),
			a.route("GET", in+policy, "{type}/basicPublishingCredentialsPolicies/read", (*call).listPolicies),
			a.route("GET", in+policy+"/{setting:ftp|scm}", "{type}/basicPublishingCredentialsPolicies/read", (*call).getSetting),
			a.route("PUT", in+policy+"/{setting:ftp|scm}", "{type}/basicPublishingCredentialsPolicies/write", (*call).putSetting),
			a.route("GET", in+"/sourcecontrols/{setting:web}", "{type}/sourcecontrols/read", (*call).getSetting),
			a.route("GET", in+"/functions", "{type}/functions/read", (*call).getFunctions),
			a.route("POST", in+"/syncfunctiontriggers", "{type}/syncfunctiontriggers/action", (*call).syncTriggers),
			a.route("POST", in+"/host/default/listkeys", "{type}/host/listkeys/action", (*call).listHostKeys),
			a.route("POST", in+"/host/default/sync", "{type}/host/sync/action", (*call).syncTriggers),
			a.route("POST", in+"/start", "{type}/start/action", (*call).startSite),
			a.route("POST", in+"/stop", "{type}/stop/action", (*call).stopSite),
			a.route("POST", in+"/restart", "{type}/restart/action", (*call).restartSite),
		)
	}
	return all
}

// typeRoutes are the routes of the other types that Inborn knows, and the lists of all types.
func (a *api) typeRoutes() []serve.Route {
	const (
		sub      = "/subscriptions/{subscription}"
		in       = sub + "/resourceGroups/{group}/providers/"
		anything = in + "{namespace}/{type}/{name}"
		machine  = in + "{namespace:Microsoft.Compute}/{type:virtualMachines}/{name}"
		app      = in + "{namespace:Microsoft.App}/{type:containerApps|jobs}/{name}"
		account  = in + "{namespace:Microsoft.Storage}/{type:storageAccounts}/{name}"
		vault    = in + "{namespace:Microsoft.KeyVault}/{type:vaults}/{name}"
		vaults   = sub + "/providers/Microsoft.KeyVault"
		deleted  = vaults + "/locations/{location}/deletedVaults/{vault}"
	)
	return []serve.Route{
		a.route("GET", machine+"/instanceView", "{type}/instanceView/read", (*call).getInstanceView),
		a.route("POST", machine+"/start", "{type}/start/action", (*call).startMachine),
		a.route("POST", machine+"/restart", "{type}/restart/action", (*call).startMachine),
		a.route("POST", machine+"/powerOff", "{type}/powerOff/action", (*call).powerOffMachine),
		a.route("POST", machine+"/deallocate", "{type}/deallocate/action", (*call).deallocateMachine),

		a.route("POST", app+"/listSecrets", "{type}/listSecrets/action", (*call).listContainerSecrets),

		a.route("POST", account+"/listKeys", "{type}/listKeys/action", (*call).listAccountKeys),
		a.route("POST", account+"/regenerateKey", "{type}/regenerateKey/action", (*call).regenerateAccountKey),
		a.route("POST", sub+"/providers/Microsoft.Storage/checkNameAvailability", "Microsoft.Storage/checknameavailability/read", (*call).checkAccountName),

		a.route("PUT", vault+"/accessPolicies/{operation:add|replace|remove}", "{type}/accessPolicies/write", (*call).changePolicies),
		a.route("POST", vaults+"/checkNameAvailability", "Microsoft.KeyVault/checkNameAvailability/read", (*call).checkVaultName),
		a.route("GET", vaults+"/deletedVaults", "Microsoft.KeyVault/deletedVaults/read", (*call).listDeletedVaults),
		a.route("GET", deleted, "Microsoft.KeyVault/locations/deletedVaults/read", (*call).getDeletedVault),
		a.route("POST", deleted+"/purge", "Microsoft.KeyVault/locations/deletedVaults/purge/action", (*call).purgeDeletedVault),

		a.route("GET", sub+"/providers/{listed}/{kind}", "{namespace}/{kind}/read", (*call).listType),
		a.route("GET", in+"{listed}/{kind}", "{namespace}/{kind}/read", (*call).listType),
		a.route("GET", anything+"/{kind}", "{type}/{kind}/read", (*call).listType),
	}
}
