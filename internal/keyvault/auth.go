package keyvault

import (
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/token"
	"github.com/inborn-id/inborn/internal/vault"
)

// audience is the name by which everybody asks for tokens for Key Vault.
const audience = "https://vault.azure.net"

// caller is the principal behind a request.
type caller struct {
	id    guid.GUID
	appID guid.GUID // of the client; zero if the token names none
	name  string
	iss   string
}

// vault is the caller as decisions about vaults want it.
func (c caller) vault() state.VaultCaller {
	return state.VaultCaller{Principal: c.id, Application: c.appID}
}

// String is how the service names callers in its refusals.
func (c caller) String() string { return fmt.Sprintf("appid=%s;oid=%s;iss=%s", c.appID, c.id, c.iss) }

// findVault returns the vault that a request is for, by its path or by the first label of its host, and the directory of
// its tenant.
func (a *api) findVault(r *http.Request) (*state.Directory, *resource.Resource, error) {
	name := serve.Param(r, "vault")
	if name == "" {
		host, _ := serve.Asked(r)
		name, _, _ = strings.Cut(host, ".")
	}
	for _, dir := range a.Live.View().Directories() {
		if found, ok := dir.Vault(name); ok {
			return dir, found, nil
		}
	}
	return nil, nil, apierr.New(apierr.ObjectNotFound, "There is no vault named %q.", name).At(name).Because(errVault).
		WithHelp("inborn vault create %s", name)
}

// resourceOf is the audience that a client of this host has to ask for. Clients insist that it is a parent of the host
// they talk to, port included (wire fact: challenge resource verification). The names of a host with /vaults/ are all.
func resourceOf(r *http.Request) string {
	host, port := serve.Asked(r)
	_, parent, ok := strings.Cut(host, ".")
	if !ok || !strings.HasPrefix(parent, "vault.") || serve.Param(r, "vault") != "" {
		return audience
	}
	return "https://" + parent + port
}

// authenticate establishes the caller of a request on a vault of dir's tenant.
func (a *api) authenticate(w http.ResponseWriter, r *http.Request, dir *state.Directory) (caller, error) {
	who, err := a.identify(r, dir)
	if apierr.From(err) != nil && apierr.From(err).Kind == apierr.Unauthenticated {
		login := a.Login
		if login == "" {
			login = serve.Origin(r)
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer authorization="%s/%s", resource="%s"`, login, dir.Tenant().ID, resourceOf(r)))
	}
	return who, err
}

func (a *api) identify(r *http.Request, dir *state.Directory) (caller, error) {
	if err := a.Live.Stale(); err != nil {
		return caller{}, err
	}
	bearer, err := serve.Bearer(r)
	if err != nil {
		return caller{}, err
	}
	now, tenant, keys := a.Now(), dir.Tenant(), a.Keys()
	if _, err := keys.Signing(now); err != nil {
		return caller{}, err
	}
	trust := &token.Trust{Keys: keys, Issuers: []string{tenant.IssuerV1, tenant.IssuerV2},
		Audiences: []string{audience, resourceOf(r), directory.KeyVaultAppID.String()}}
	claims, err := a.Verify(bearer, trust, now)
	if err != nil {
		return caller{}, refusedToken(err, resourceOf(r))
	}
	who := caller{id: claims.ObjectID, appID: claims.AppID, iss: claims.Issuer}
	if sp, ok := dir.ServicePrincipal(claims.ObjectID); ok && sp.Enabled && sp.AppID == claims.AppID && claims.AppOnly() {
		who.name = sp.DisplayName
	} else if user, ok := dir.User(claims.ObjectID); ok && user.Enabled {
		who.name = user.UPN
	} else {
		return caller{}, apierr.New(apierr.CallerUnknown, "AKV10046: The principal %s of the token does not exist any more or is disabled.", claims.ObjectID).
			At(claims.ObjectID.String())
	}
	serve.SetCaller(r, tenant.ID, who.name)
	serve.Note(r, "token", "caller %s, object id %s, audience %s", who.name, who.id, claims.Audience)
	return who, nil
}

// refusedToken says err with the numbers that clients and people know.
func refusedToken(err error, wanted string) error {
	e := apierr.From(err)
	number := "AKV10000: Request is missing a Bearer or PoP token."
	switch e.Code {
	case apierr.TokenAudience:
		number = "AKV10022: Invalid audience. Expected " + wanted + "."
	case apierr.TokenIssuer:
		number = "AKV10032: Invalid issuer."
	case apierr.TokenExpired, apierr.TokenNotYetValid, apierr.TokenSignature, apierr.TokenMalformed:
		number = "AKV10046: The token cannot be accepted."
	default:
		if e.Kind != apierr.Unauthenticated {
			return err
		}
	}
	return apierr.New(e.Code, "%s %s", number, e.Message).Because(e.Err).
		WithHelp("inborn token get --as RESOURCE --resource %s", wanted)
}

// forbidden refuses in the words of the service what was decided in a directory.
func (c *call) forbidden(dir *state.Directory, decided state.VaultDecision, p vault.Permission, scope resource.ID) error {
	if decided.Refused != nil {
		return apierr.New(apierr.PermissionMissing, "Caller is not authorized to perform action on resource.\r\n"+
			"If role assignments, deny assignments or role definitions were changed recently, please observe propagation time.\r\n"+
			"Caller: %s\r\nAction: '%s'\r\nResource: '%s'\r\nAssignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: null \r\nVault: %s;location=%s\r\n",
			c.who, p.DataAction(), strings.ToLower(string(scope)), c.vault.ID.Name(), c.vault.Location).At(p.DataAction()).
			Helped(dir.Remedy(*decided.Refused))
	}
	return apierr.New(apierr.PermissionMissing, "The user, group or application '%s' does not have %s %s permission on key vault '%s;location=%s'.",
		c.who, p.Kind(), p.Word(), c.vault.ID.Name(), c.vault.Location).At(p.String()).Because(errPolicy).
		Helped(fmt.Sprintf("No role helps, since access policies decide in %s: add %s to what its policy gives %s (%s) on %s.",
			c.vault.ID.Name(), p.Word(), c.who.name, c.who.id, p.Kind()))
}

// settings remembers what the properties of vaults say, since to read them takes longer than to decide. A resource in a
// View never changes, so its address is its version; of each vault one version is kept.
type settings struct {
	mu  sync.Mutex
	all map[resource.ID]readSettings
}

type readSettings struct {
	of *resource.Resource
	vault.Settings
}

const maxSettings = 1024

func newSettings() *settings { return &settings{all: map[resource.ID]readSettings{}} }

func (s *settings) of(r *resource.Resource) (vault.Settings, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.all[r.ID]; found.of == r {
		return found.Settings, nil
	}
	read, err := vault.ReadSettings(r.Properties)
	if err != nil {
		return read, err
	}
	if len(s.all) >= maxSettings {
		clear(s.all)
	}
	s.all[r.ID] = readSettings{r, read}
	return read, nil
}
