package oauth

import (
	"net/http"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/serve"
)

// Who signs in the users of a domain.
const (
	managed = "Managed" // a tenant itself, with its own credentials
	unknown = "Unknown" // nobody: no tenant has the domain
)

// userRealm tells who signs a user in. az and every MSAL ask it before they send a password, to find out whether they
// have to go to a federated server instead; here nobody ever has to. That there is such a user it does not tell.
func (h *Handler) userRealm(w http.ResponseWriter, r *http.Request) error {
	realm := realmWire{Version: "1.0", Account: unknown, Instance: "microsoftonline.com", Audience: "urn:federation:MicrosoftOnline"}
	user := serve.Param(r, "user")
	if _, domain, ok := strings.Cut(user, "@"); ok && isDomain(strings.ToLower(domain)) {
		switch _, err := h.Tenant(strings.ToLower(domain)); {
		case err == nil:
			realm.Account, realm.Domain = managed, strings.ToLower(domain)
		case !apierr.Is(err, apierr.TenantUnknown):
			return err
		}
	}
	noStore(w)
	return serve.WriteJSON(w, http.StatusOK, realm)
}
