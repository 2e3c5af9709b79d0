package arm

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
)

// What belongs to a site beside its properties: application settings, connection strings, sign-in, logs and so on. Each is
// one document, which PUT replaces as a whole. All are kept encrypted, since any may hold a secret.

// setting is one of these documents.
type setting struct {
	name  string // as it is spelled in answers; the name of the document is in lower case
	below string // the segment before it in ids
	empty string // its properties while nobody has put any; "" is 404
	texts bool   // its properties are texts
}

// settings are all of them.
func settings() []setting {
	return []setting{
		{name: resource.AppSettings, below: "config", empty: `{}`, texts: true},
		{name: "connectionstrings", below: "config", empty: `{}`},
		{name: "azurestorageaccounts", below: "config", empty: `{}`},
		{name: "metadata", below: "config", empty: `{}`, texts: true},
		{name: "backup", below: "config"},
		{name: "slotConfigNames", below: "config", empty: `{"appSettingNames":null,"azureStorageConfigNames":null,"connectionStringNames":null}`},
		{name: "authsettings", below: "config", empty: `{"enabled":false,"tokenStoreEnabled":false,"unauthenticatedClientAction":"RedirectToLoginPage"}`},
		{name: "authsettingsV2", below: "config", empty: `{"platform":{"enabled":false,"runtimeVersion":"~1"},
			"globalValidation":{"requireAuthentication":false,"unauthenticatedClientAction":"RedirectToLoginPage"},
			"identityProviders":{},"login":{"tokenStore":{"enabled":false}},"httpSettings":{"requireHttps":true}}`},
		{name: "logs", below: "config", empty: `{"applicationLogs":{"fileSystem":{"level":"Off"},"azureBlobStorage":{"level":"Off","sasUrl":null,
			"retentionInDays":null},"azureTableStorage":{"level":"Off","sasUrl":null}},"httpLogs":{"fileSystem":{"retentionInMb":35,"retentionInDays":null,
			"enabled":false},"azureBlobStorage":{"sasUrl":null,"retentionInDays":3,"enabled":false}},"failedRequestsTracing":{"enabled":false},
			"detailedErrorMessages":{"enabled":false}}`},
		{name: "ftp", below: "basicPublishingCredentialsPolicies", empty: `{"allow":true}`},
		{name: "scm", below: "basicPublishingCredentialsPolicies", empty: `{"allow":true}`},
		{name: "web", below: "sourcecontrols", empty: `{"repoUrl":null,"branch":null,"isManualIntegration":false,"isGitHubAction":false,
			"deploymentRollbackEnabled":false,"isMercurial":false}`},
	}
}

// settingHere returns the setting that the path names.
func (c *call) settingHere() (setting, error) {
	name := serve.Param(c.r, "setting")
	for _, s := range settings() {
		if strings.EqualFold(s.name, name) {
			return s, nil
		}
	}
	return setting{}, apierr.New(apierr.PathUnknown, "There is no setting '%s' of a site.", name).At(name)
}

func (s setting) document() string { return strings.ToLower(s.name) }

// readSetting returns the properties of a setting of r.
func (c *call) readSetting(r *resource.Resource, s setting) (map[string]any, error) {
	text, found, err := c.unseal(r, s.document())
	if err != nil {
		return nil, err
	}
	if !found {
		if s.empty == "" {
			return nil, apierr.New(apierr.ResourceNotFound, "The site '%s' has no %s.", r.ID.Name(), s.name).At(string(r.ID) + "/" + s.below + "/" + s.name)
		}
		text = secret(s.empty)
	}
	return decodeProperties([]byte(text))
}

// getSetting answers GET of those without secrets, and POST to .../list of the others, which takes another right.
func (c *call) getSetting() error {
	s, err := c.settingHere()
	if err != nil {
		return err
	}
	r, err := findResource(c.dir, c.id)
	if err != nil {
		return err
	}
	props, err := c.readSetting(r, s)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, settingOut(r, s.below, s.name, props))
}

// putSetting replaces a setting.
func (c *call) putSetting() error {
	s, err := c.settingHere()
	if err != nil {
		return err
	}
	var body bodyIn
	if err := serve.ReadJSON(c.r, maxBody, &body); err != nil {
		return err
	}
	props, err := decodeProperties(body.Properties)
	if err != nil {
		return err
	}
	if props == nil {
		props = map[string]any{}
	}
	if s.texts {
		for name, value := range props {
			if _, nested := value.(map[string]any); nested || strings.TrimSpace(name) == "" {
				return apierr.New(apierr.PropertyInvalid, "The values of %s must be texts.", s.name).At("properties")
			}
			props[name] = scalar(value)
		}
	}
	text, err := json.Marshal(props)
	if err != nil {
		return err
	}
	sealed, err := c.seal(c.id, s.document(), secret(text))
	if err != nil {
		return err
	}
	var r *resource.Resource
	err = c.update(func(d *state.Draft) (err error) {
		if r, err = findResource(d.Directory(), c.id); err != nil {
			return err
		}
		return d.PutSealed(c.id, sealed)
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, settingOut(r, s.below, s.name, props))
}

// scalar is the text of a value in a list of settings. Numbers and booleans are taken as they are written.
func scalar(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

// listPolicies lists who may publish with a password: both ways, always.
func (c *call) listPolicies() error {
	r, err := findResource(c.dir, c.id)
	if err != nil {
		return err
	}
	var rows []settingWire
	for _, s := range settings() {
		if s.below != "basicPublishingCredentialsPolicies" {
			continue
		}
		props, err := c.readSetting(r, s)
		if err != nil {
			return err
		}
		rows = append(rows, settingOut(r, s.below, s.name, props))
	}
	return c.page(func(yield func(string, any) bool) {
		for _, row := range rows {
			if !yield(row.Name, row) {
				return
			}
		}
	})
}

// listHostKeys answers with the keys of a function app. They are made when somebody asks first.
func (c *call) listHostKeys() error {
	r, err := findResource(c.dir, c.id)
	if err != nil {
		return err
	}
	master, err := c.keep(r, "hostkey/master", func() (secret, error) { return c.newKey(40) })
	if err != nil {
		return err
	}
	function, err := c.keep(r, "hostkey/default", func() (secret, error) { return c.newKey(40) })
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, hostKeysWire{Master: string(master), Functions: map[string]string{"default": string(function)}, Systems: map[string]string{}})
}

// getPublishXML answers with how to publish to a site, as XML: az functionapp show looks for the address of FTP in it.
func (c *call) getPublishXML() error {
	r, err := findResource(c.dir, c.id)
	if err != nil {
		return err
	}
	password, err := c.keep(r, "publishing", func() (secret, error) { return c.newKey(45) })
	if err != nil {
		return err
	}
	text, err := xml.Marshal(publishOut(r, c.hostsAt(serve.Origin(c.r)), password))
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "application/xml")
	_, _ = c.w.Write(text)
	return nil
}

// listPublishingCredentials answers with the name and password for publishing. Nothing here takes them.
func (c *call) listPublishingCredentials() error {
	r, err := findResource(c.dir, c.id)
	if err != nil {
		return err
	}
	password, err := c.keep(r, "publishing", func() (secret, error) { return c.newKey(45) })
	if err != nil {
		return err
	}
	user := "$" + r.ID.Name()
	hosts := c.hostsAt(serve.Origin(c.r))
	out := settingOut(r, "publishingcredentials", user, map[string]any{"name": user, "publishingUserName": user,
		"publishingPassword": string(password), "scmUri": "https://" + strings.ToLower(r.ID.Name()) + ".scm." + hosts.sites})
	return c.json(http.StatusOK, out)
}
