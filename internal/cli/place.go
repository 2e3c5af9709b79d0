package cli

import (
	"strings"

	"github.com/inborn-id/inborn/internal/sandbox"
)

// appServicePath is where App Service's identity endpoint is, below the address of the identity endpoints.
const appServicePath = "/msi/token"

// place is where the programs of a launch find Inborn.
type place struct {
	resource string // its id
	header   string // the secret of the launch
	endpoint string // URL of App Service's identity endpoint
	origin   string // of all APIs by path
	tenant   string

	certificateFile string // for clients of origin; "" if there is none
	clientID        string // for AZURE_CLIENT_ID; "" leaves it away
}

// inSandbox is the same place as it looks from inside a sandbox.
func (p place) inSandbox(bundle string) place {
	p.endpoint, p.origin, p.certificateFile = "http://"+sandbox.MetadataAddress+appServicePath, "https://localhost", bundle
	return p
}

// site is the name of the App Service site that the resource is, or is a slot of; "" for other resources.
func (p place) site() string {
	const sites = "/providers/microsoft.web/sites/"
	i := strings.Index(strings.ToLower(p.resource), sites)
	if i < 0 {
		return ""
	}
	name, _, _ := strings.Cut(p.resource[i+len(sites):], "/")
	return name
}

// inborn is what a program needs to find Inborn by its own names.
func (p place) inborn() map[string]string {
	env := map[string]string{"INBORN_ORIGIN": p.origin, "INBORN_TENANT": p.tenant}
	if p.certificateFile != "" {
		env["INBORN_CA"] = p.certificateFile
	}
	if p.clientID != "" {
		env["AZURE_CLIENT_ID"] = p.clientID
	}
	return env
}

// isContainer reports whether the resource is a container app or a job.
func (p place) isContainer() bool {
	id := strings.ToLower(p.resource)
	return strings.Contains(id, "/providers/microsoft.app/containerapps/") || strings.Contains(id, "/providers/microsoft.app/jobs/")
}

// platform is what App Service and Container Apps set for their programs; other resources have the metadata address only. A
// site has the variables of the older endpoint, too: az knows no others. All libraries that know both prefer
// IDENTITY_ENDPOINT.
func (p place) platform() map[string]string {
	site := p.site()
	switch {
	case p.isContainer():
		return map[string]string{"IDENTITY_ENDPOINT": p.endpoint, "IDENTITY_HEADER": p.header}
	case site == "":
		return nil
	}
	return map[string]string{"IDENTITY_ENDPOINT": p.endpoint, "IDENTITY_HEADER": p.header,
		"MSI_ENDPOINT": p.endpoint, "MSI_SECRET": p.header, "APPSETTING_WEBSITE_SITE_NAME": site}
}

// environment is what a program needs to be the resource where there is nothing but variables. Every resource gets the
// endpoint of App Service then, but only a site the older one: without the name of a site, az takes MSI_ENDPOINT for the
// endpoint of Cloud Shell. NODE_EXTRA_CA_CERTS adds our certificate to Node's own; other runtimes have only variables
// that replace theirs, and a program may need both.
func (p place) environment() map[string]string {
	env := p.inborn()
	env["IDENTITY_ENDPOINT"], env["IDENTITY_HEADER"] = p.endpoint, p.header
	if p.certificateFile != "" {
		env["NODE_EXTRA_CA_CERTS"] = p.certificateFile
	}
	for name, value := range p.platform() {
		env[name] = value
	}
	return env
}

// conflicting are variables that would make an SDK look for another kind of endpoint first, where the launch does not set
// them itself.
var conflicting = [...]string{"IDENTITY_SERVER_THUMBPRINT", "IDENTITY_API_VERSION", "IMDS_ENDPOINT", "MSI_ENDPOINT", "MSI_SECRET",
	"DEFAULT_IDENTITY_CLIENT_ID", "APPSETTING_WEBSITE_SITE_NAME"}

// with returns env with those variables set.
func with(env []string, sets ...map[string]string) []string {
	var kept []string
	for _, entry := range env {
		name, _, _ := strings.Cut(entry, "=")
		replaced := false
		for _, set := range sets {
			if _, ok := set[name]; ok {
				replaced = true
			}
		}
		if !replaced {
			kept = append(kept, entry)
		}
	}
	for _, set := range sets {
		for name, value := range set {
			kept = append(kept, name+"="+value)
		}
	}
	return kept
}
