package arm

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/serve"
)

// The cloud metadata tells a client that knows one name of a cloud where its other services are. az reads it to register
// a cloud, and the Terraform providers and OpenTofu read it before anything else, so it is for everyone, without a token.

// cloud is where a client that reached us under one origin finds everything. Origins have no slash at the end, suffixes
// no dot in front (the readers put it there); a suffix is "" where no names are made under it.
type cloud struct {
	name    string
	login   string // origin
	manager string // origin
	graph   string // origin
	vaults  string // suffix of the names of key vaults
	storage string // suffix of account.blob, account.queue and so on
}

// The name of the cloud behind Microsoft's own host names, and of every other. az replaces the login endpoint of the
// first by Microsoft's, whatever the document says.
const (
	publicCloud = "AzureCloud"
	ownCloud    = "Inborn"
)

// cloudAt returns the cloud of a request's origin: a client that came to Microsoft's name, which leads here in a sandbox,
// is told Microsoft's names; one that came to a name under our domain, the names beside it on the same port; everyone
// else, that all is in one place.
func (a *api) cloudAt(origin string) cloud {
	u, err := url.Parse(origin)
	host := ""
	if err == nil {
		host = u.Hostname()
	}
	switch {
	case host == "management.azure.com" || host == "management.core.windows.net":
		return cloud{
			name: publicCloud, login: "https://login.microsoftonline.com", manager: "https://management.azure.com",
			graph: "https://graph.microsoft.com", vaults: "vault.azure.net", storage: "core.windows.net",
		}
	case a.Domain != "" && host == "management."+strings.ToLower(a.Domain):
		domain := strings.TrimPrefix(u.Host, "management.") // with the port
		return cloud{
			name: ownCloud, login: u.Scheme + "://login." + domain, manager: origin, graph: u.Scheme + "://graph." + domain,
			vaults: "vault." + domain, storage: domain,
		}
	default:
		return cloud{name: ownCloud, login: origin, manager: origin, graph: origin}
	}
}

// getEndpoints answers in the form of the api-version: before 2019-05-01 a short object, then a list of clouds, and from
// 2022-09-01 on the one cloud that was asked. A version between those seen is taken for the one before it.
func (a *api) getEndpoints(w http.ResponseWriter, r *http.Request) error {
	version := query(r, "api-version")
	if version == "1.0" { // as older clients call the first
		version = "2015-01-01"
	} else if err := checkVersion(r, ""); err != nil {
		return err
	}
	here := a.cloudAt(serve.Origin(r))
	switch {
	case version < "2015-01-01":
		return apierr.New(apierr.APIVersionInvalid, "The api-version '%s' is invalid. The supported versions are"+
			" '2015-01-01, 2018-01-01, 2019-05-01, 2022-09-01, 2023-11-01'.", version).At("api-version")
	case version < "2019-05-01":
		return serve.WriteJSON(w, http.StatusOK, endpointsOut(here))
	case version < "2022-09-01":
		return serve.WriteJSON(w, http.StatusOK, []cloudWire{cloudOut(here)})
	default:
		return serve.WriteJSON(w, http.StatusOK, cloudOut(here))
	}
}
