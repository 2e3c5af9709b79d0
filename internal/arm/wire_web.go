package arm

import (
	"encoding/xml"
	"strings"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

// The JSON of Microsoft.Web (2023-12-01) that has another form than resources.

// settingWire is one document of a site.
type settingWire struct {
	ID         string         `json:"id"`
	Name       string         `json:"name"`
	Type       string         `json:"type"`
	Location   string         `json:"location"`
	Properties map[string]any `json:"properties"`
}

func settingOut(r *resource.Resource, below, name string, props map[string]any) settingWire {
	return settingWire{ID: string(r.ID) + "/" + below + "/" + name, Name: name, Type: "Microsoft.Web/sites/" + below, Location: r.Location,
		Properties: props}
}

type hostKeysWire struct {
	Master    string            `json:"masterKey"`
	Functions map[string]string `json:"functionKeys"`
	Systems   map[string]string `json:"systemKeys"`
}

// publishWire is a publishing profile, the one document in XML.
type publishWire struct {
	XMLName  xml.Name         `xml:"publishData"`
	Profiles []publishProfile `xml:"publishProfile"`
}

type publishProfile struct {
	Name     string `xml:"profileName,attr"`
	Method   string `xml:"publishMethod,attr"`
	URL      string `xml:"publishUrl,attr"`
	Site     string `xml:"msdeploySite,attr"`
	User     string `xml:"userName,attr"`
	Password string `xml:"userPWD,attr"`
	App      string `xml:"destinationAppUrl,attr"`
}

func publishOut(r *resource.Resource, h hosts, password secret) publishWire {
	name := strings.ToLower(r.ID.Name())
	profile := func(method, url string) publishProfile {
		return publishProfile{Name: r.ID.Name() + " - " + method, Method: method, URL: url, Site: r.ID.Name(), User: "$" + r.ID.Name(),
			Password: string(password), App: "https://" + name + "." + h.sites}
	}
	return publishWire{Profiles: []publishProfile{profile("ZipDeploy", name+".scm."+h.sites+":443"), profile("FTP", "ftps://ftp."+h.sites+"/site/wwwroot")}}
}

// nameIn asks whether a name is free (checkNameAvailability of Microsoft.Web, .KeyVault and .Storage).
type nameIn struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

type nameOut struct {
	Available bool   `json:"nameAvailable"`
	Reason    string `json:"reason"`
	Message   string `json:"message"`
}

// referenceWire is a reference from an application setting to a secret.
type referenceWire struct {
	ID         string         `json:"id"`
	Name       string         `json:"name"`
	Type       string         `json:"type"`
	Location   string         `json:"location"`
	Properties referenceProps `json:"properties"`
}

type referenceProps struct {
	Reference     string    `json:"reference"`
	Status        string    `json:"status"`
	VaultName     string    `json:"vaultName"`
	SecretName    string    `json:"secretName"`
	SecretVersion string    `json:"secretVersion"`
	IdentityType  blockWire `json:"identityType"`
	Details       string    `json:"details"`
	Source        string    `json:"source"`
	ActiveVersion string    `json:"activeVersion"`
}

func referenceOut(r *resource.Resource, name, text string, to reference, who secretReader, f *finding, tenant guid.GUID) referenceWire {
	out := referenceWire{ID: string(r.ID) + "/config/configreferences/appsettings/" + name, Name: name,
		Type: "Microsoft.Web/sites/config/configreferences", Location: r.Location,
		Properties: referenceProps{Reference: text, Status: f.status, VaultName: to.vault, SecretName: to.secret, SecretVersion: to.version,
			IdentityType: who.identityOf(tenant), Details: f.details, Source: "KeyVault"}}
	if f.version != nil {
		out.Properties.ActiveVersion = f.version.ID
	}
	return out
}

// regionWire is a region in which sites can be (geoRegions).
type regionWire struct {
	ID         string      `json:"id"`
	Name       string      `json:"name"`
	Type       string      `json:"type"`
	Properties regionProps `json:"properties"`
}

type regionProps struct {
	Name        string `json:"name"`
	DisplayName string `json:"displayName"`
	Description string `json:"description"`
	OrgDomain   string `json:"orgDomain"`
}

// stackWire is a language runtime (functionAppStacks, webAppStacks), as far as az reads it.
type stackWire struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Type       string     `json:"type"`
	Properties stackProps `json:"properties"`
}

type stackProps struct {
	Value         string       `json:"value"`
	DisplayText   string       `json:"displayText"`
	PreferredOS   string       `json:"preferredOs"`
	MajorVersions []stackMajor `json:"majorVersions"`
}

type stackMajor struct {
	Value         string       `json:"value"`
	DisplayText   string       `json:"displayText"`
	MinorVersions []stackMinor `json:"minorVersions"`
}

type stackMinor struct {
	Value       string        `json:"value"`
	DisplayText string        `json:"displayText"`
	Settings    stackSettings `json:"stackSettings"`
}

type stackSettings struct {
	Linux   *runtimeSettings `json:"linuxRuntimeSettings,omitempty"`
	Windows *runtimeSettings `json:"windowsRuntimeSettings,omitempty"`
}

type runtimeSettings struct {
	RuntimeVersion string            `json:"runtimeVersion"`
	IsDefault      bool              `json:"isDefault"`
	IsPreview      bool              `json:"isPreview"`
	IsDeprecated   bool              `json:"isDeprecated"`
	IsHidden       bool              `json:"isHidden"`
	Insights       supportWire       `json:"appInsightsSettings"`
	GitHubActions  supportWire       `json:"gitHubActionSettings"`
	AppSettings    map[string]string `json:"appSettingsDictionary"`
	SiteConfig     map[string]any    `json:"siteConfigPropertiesDictionary"`
	Extensions     []string          `json:"supportedFunctionsExtensionVersions,omitempty"`
}

type supportWire struct {
	IsSupported bool `json:"isSupported"`
}
