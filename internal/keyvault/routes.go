package keyvault

import (
	"net/http"
	"regexp"
	"slices"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/vault"
)

// routes is all there is. Each line says what it takes to be let in; a line without it does not compile. Every path is
// served twice: at the root of a vault's own host, and below /vaults/<vault>.
func (a *api) routes() []serve.Route {
	const get, put, post, patch, del = http.MethodGet, http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodDelete
	secret := a.of(secretForm())
	return slices.Concat(
		a.objects(secretForm()),
		secret(put, "/secrets/{name}", vault.SecretsSet, (*call).setSecret),
		secret(get, "/secrets/{name}", vault.SecretsGet, (*call).getSecret),
		secret(get, "/secrets/{name}/{version}", vault.SecretsGet, (*call).getSecret),
		secret(patch, "/secrets/{name}", vault.SecretsUpdate, (*call).updateSecret),
		secret(patch, "/secrets/{name}/{version}", vault.SecretsUpdate, (*call).updateSecret),
		a.keyRoutes(),
		a.certificateRoutes(),
	)
}

// keyRoutes are those of keys. What is done with a key is done with its newest version where the path names none.
func (a *api) keyRoutes() []serve.Route {
	const get, put, post, patch = http.MethodGet, http.MethodPut, http.MethodPost, http.MethodPatch
	key := a.of(keyForm())
	use := func(verb string, needs vault.Permission, do func(*call) error) []serve.Route {
		return slices.Concat(key(post, "/keys/{name}/"+verb, needs, do), key(post, "/keys/{name}/{version}/"+verb, needs, do))
	}
	return slices.Concat(
		a.objects(keyForm()),
		key(post, "/keys/{name}/create", vault.KeysCreate, (*call).createKey),
		key(put, "/keys/{name}", vault.KeysImport, (*call).importKey),
		key(get, "/keys/{name}", vault.KeysGet, (*call).getKey),
		key(get, "/keys/{name}/{version}", vault.KeysGet, (*call).getKey),
		key(patch, "/keys/{name}", vault.KeysUpdate, (*call).updateKey),
		key(patch, "/keys/{name}/{version}", vault.KeysUpdate, (*call).updateKey),
		key(post, "/keys/{name}/rotate", vault.KeysRotate, (*call).rotateKey),
		key(get, "/keys/{name}/rotationpolicy", vault.KeysGetRotationPolicy, (*call).getRotationPolicy),
		key(put, "/keys/{name}/rotationpolicy", vault.KeysSetRotationPolicy, (*call).setRotationPolicy),
		use("encrypt", vault.KeysEncrypt, (*call).encrypt),
		use("decrypt", vault.KeysDecrypt, (*call).decrypt),
		use("wrapkey", vault.KeysWrap, (*call).wrap),
		use("unwrapkey", vault.KeysUnwrap, (*call).unwrap),
		use("sign", vault.KeysSign, (*call).sign),
		use("verify", vault.KeysVerify, (*call).verify),
	)
}

// objects are the routes that every kind has.
func (a *api) objects(f form) []serve.Route {
	const get, post, del = http.MethodGet, http.MethodPost, http.MethodDelete
	at, deleted, of := "/"+string(f.kind), "/deleted"+string(f.kind), a.of(f)
	return slices.Concat(
		of(get, at, f.list, (*call).listObjects),
		of(get, at+"/{name}/versions", f.list, (*call).listVersions),
		of(del, at+"/{name}", f.delete, (*call).deleteObject),
		of(get, deleted, f.list, (*call).listDeleted),
		of(get, deleted+"/{name}", f.getDeleted, (*call).getDeleted),
		of(post, deleted+"/{name}/recover", f.recover, (*call).recoverObject),
		of(del, deleted+"/{name}", f.purge, (*call).purgeObject),
		of(post, at+"/{name}/backup", f.backup, (*call).backupObject),
		of(post, at+"/restore", f.restore, (*call).restoreObject),
	)
}

// of returns what makes the routes of one kind.
func (a *api) of(f form) func(method, path string, needs vault.Permission, do func(*call) error) []serve.Route {
	return func(method, path string, needs vault.Permission, do func(*call) error) []serve.Route {
		handle := func(w http.ResponseWriter, r *http.Request) error {
			c, err := a.begin(w, r, f.kind, needs)
			if err == nil {
				err = do(c)
			}
			if c != nil {
				c.tell(err)
			}
			return err
		}
		return []serve.Route{{Method: method, Pattern: path, Handle: handle}, {Method: method, Pattern: "/vaults/{vault}" + path, Handle: handle}}
	}
}

// begin finds out who is asking whom for what, and whether it may. The call is there, too, when a known caller is refused.
func (a *api) begin(w http.ResponseWriter, r *http.Request, kind vault.Kind, needs vault.Permission) (*call, error) {
	dir, found, err := a.findVault(r)
	if err != nil {
		return nil, err
	}
	who, err := a.authenticate(w, r, dir)
	if err != nil {
		return nil, err
	}
	c := &call{api: a, w: w, r: r, dir: dir, vault: found, who: who, needs: needs, kind: kind,
		name: serve.Param(r, "name"), version: serve.Param(r, "version")}
	if c.set, err = a.settings.of(found); err != nil {
		return c, err
	}
	if err := c.checkPath(); err != nil {
		return c, err
	}
	scope := vault.Scope(found.ID, kind, c.name)
	decision := dir.DecideVault(&c.set, who.vault(), needs, scope)
	serve.Note(r, "permission", "%s", decision.Reason)
	c.reason = decision.Reason
	if !decision.Allowed {
		return c, c.forbidden(dir, decision, needs, scope)
	}
	if a.Needed != nil && !decision.Assignment.IsZero() && who.id != dir.LocalAdministrator().ID {
		a.Needed(dir.Tenant().ID, decision.Assignment, decision.Need)
	}
	return c, nil
}

// version is any api-version that the service ever had, or may have one day: 7.0 and later numbers, previews, and dates.
var version = regexp.MustCompile(`^(7\.\d{1,2}(-preview(\.\d)?)?|20[2-9]\d-\d\d-\d\d(-preview)?)$`)

func (c *call) checkPath() error {
	switch text := c.r.URL.Query().Get("api-version"); {
	case text == "":
		return apierr.New(apierr.APIVersionMissing, "AKV10001: The query parameter api-version must be specified.").At("api-version")
	case !version.MatchString(text):
		return apierr.New(apierr.APIVersionInvalid, "The specified version (%s) is not recognized. Consider using the latest supported version (2026-04-01).", text).At("api-version")
	}
	if c.name == "" {
		return nil
	}
	if err := vault.CheckName(c.kind, c.name); err != nil {
		return err
	}
	if c.version != "" && !vault.CheckVersion(c.version) {
		return apierr.New(apierr.ParameterInvalid, "Invalid %s version: '%s'.", c.kind.One(), c.version).At(c.kind.One() + "-version")
	}
	return nil
}
