package arm

import (
	"maps"
	"net/http"
	"strings"

	"github.com/inborn-id/inborn/internal/serve"
)

// What clients ask before they make something: is the name free, in which regions, with which runtimes.

// runtime is a language in which functions or web apps are written.
type runtime struct {
	name, display, worker string
	versions              []string // the first is the default
	linux                 string   // what linuxFxVersion of a function app begins with
	windows               bool
	web                   string // what linuxFxVersion of a web app is, %s being the version; "" where there are only functions
}

func runtimes() []runtime {
	return []runtime{
		{"dotnet", ".NET", "dotnet", []string{"8", "6"}, "DOTNET", true, "DOTNETCORE|%s.0"},
		{"java", "Java", "java", []string{"17.0", "11.0", "8.0"}, "Java", true, ""},
		{"node", "Node.js", "node", []string{"20", "18", "16"}, "Node", true, "NODE|%s-lts"},
		{"powershell", "PowerShell Core", "powershell", []string{"7.4", "7.2"}, "PowerShell", true, ""},
		{"python", "Python", "python", []string{"3.11", "3.10", "3.9"}, "Python", false, "PYTHON|%s"},
	}
}

func (c *call) listFunctionStacks() error {
	return c.page(func(yield func(string, any) bool) {
		for _, r := range runtimes() {
			if !yield(r.name, stackOut("functionAppStacks", r, map[string]string{"FUNCTIONS_WORKER_RUNTIME": r.worker}, []string{"~4"})) {
				return
			}
		}
	})
}

func (c *call) listWebStacks() error {
	return c.page(func(yield func(string, any) bool) {
		for _, r := range runtimes() {
			if r.web != "" && !yield(r.name, stackOut("webAppStacks", r, map[string]string{}, nil)) {
				return
			}
		}
	})
}

func stackOut(kind string, r runtime, settings map[string]string, extensions []string) stackWire {
	major := stackMajor{Value: r.name, DisplayText: r.display, MinorVersions: []stackMinor{}}
	for i, version := range r.versions {
		minor := stackMinor{Value: version, DisplayText: r.display + " " + version}
		with := runtimeSettings{RuntimeVersion: version, IsDefault: i == 0, Insights: supportWire{true}, GitHubActions: supportWire{true},
			AppSettings: maps.Clone(settings), Extensions: extensions, SiteConfig: map[string]any{"use32BitWorkerProcess": false}}
		if r.windows {
			minor.Settings.Windows = &with
		}
		linux := with
		linux.SiteConfig = map[string]any{"use32BitWorkerProcess": false, "linuxFxVersion": r.linux + "|" + version}
		if extensions == nil {
			linux.RuntimeVersion = strings.ReplaceAll(r.web, "%s", version)
			linux.SiteConfig["linuxFxVersion"] = linux.RuntimeVersion
		}
		minor.Settings.Linux = &linux
		major.MinorVersions = append(major.MinorVersions, minor)
	}
	return stackWire{ID: "/providers/Microsoft.Web/" + kind + "/" + r.name, Name: r.name, Type: "Microsoft.Web/" + kind,
		Properties: stackProps{Value: r.name, DisplayText: r.display, PreferredOS: "linux", MajorVersions: []stackMajor{major}}}
}

// listRegions lists the regions in which sites can be: all there are.
func (c *call) listRegions() error {
	if err := c.checkSubscription(); err != nil {
		return err
	}
	return c.page(func(yield func(string, any) bool) {
		for name, display := range locations() {
			out := regionWire{ID: string(c.id) + "/providers/Microsoft.Web/geoRegions/" + display, Name: display, Type: "Microsoft.Web/geoRegions",
				Properties: regionProps{display, display, display, "PUBLIC;DYNAMIC;ELASTICPREMIUM;LINUX;LINUXDYNAMIC;FUNCTIONS"}}
			if !yield(name, out) {
				return
			}
		}
	})
}

func (c *call) checkSiteName() error    { return c.checkNewName(typeSite, "Invalid") }
func (c *call) checkVaultName() error   { return c.checkNewName(typeVault, "AccountNameInvalid") }
func (c *call) checkAccountName() error { return c.checkNewName(typeAccount, "AccountNameInvalid") }

// checkNewName says whether a resource of that type could have the name in the body. That it is taken tells no more than
// the host name of the other would.
func (c *call) checkNewName(kind, invalid string) error {
	if err := c.checkSubscription(); err != nil {
		return err
	}
	var body nameIn
	if err := serve.ReadJSON(c.r, maxBody, &body); err != nil {
		return err
	}
	k := c.kindOf(kind)
	out := nameOut{Available: true}
	switch {
	case !k.names(body.Name):
		out = nameOut{Reason: invalid, Message: "The name '" + body.Name + "' is not valid: " + k.naming + "."}
	case kind == typeVault && c.nameWaits(body.Name):
		out = nameOut{Reason: "AlreadyExists", Message: "The vault name '" + body.Name + "' is already in use: a vault of that name was deleted." +
			" Recover it or purge it, or choose another name."}
	case c.taken(kind, body.Name):
		out = nameOut{Reason: "AlreadyExists", Message: strings.TrimPrefix(kind, "Microsoft.") + " '" + body.Name + "' already exists. Choose another name."}
	}
	return c.json(http.StatusOK, out)
}
