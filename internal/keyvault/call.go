package keyvault

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// call is one request whose caller is known and permitted to make it.
type call struct {
	*api
	w     http.ResponseWriter
	r     *http.Request
	dir   *state.Directory
	vault *resource.Resource
	set   vault.Settings
	who   caller
	needs vault.Permission

	reason string // why it is permitted

	kind    vault.Kind
	name    string // of the object in the path; "" for none
	version string // in the path; "" for the newest
}

// update decides a change on the newest state and commits it. The caller's right and the vault are looked at there again:
// either may have changed since the request came. decide may run more than once.
func (c *call) update(decide func(d *state.Draft) error) error {
	return c.change(c.name, decide)
}

// change is update for an object that is not named by the path.
func (c *call) change(name string, then func(d *state.Draft) error) error {
	tenant := c.dir.Tenant().ID
	_, err := c.Live.Update(c.r.Context(), c.actor(), func(v *state.View, env *state.Env) (state.Batch, error) {
		if _, ok := v.Directory(tenant); !ok {
			return state.Batch{}, apierr.New(apierr.CallerUnknown, "The tenant %s does not exist any more.", tenant)
		}
		d := state.NewDraft(v, env, tenant)
		r, ok := d.Directory().Resource(c.vault.ID)
		if !ok {
			return state.Batch{}, apierr.New(apierr.ObjectNotFound, "There is no vault named %q any more.", c.vault.ID.Name()).At(c.vault.ID.Name()).Because(errVault)
		}
		set, err := c.settings.of(r)
		if err != nil {
			return state.Batch{}, err
		}
		c.set = set
		scope := vault.Scope(r.ID, c.kind, name)
		if decision := d.Directory().DecideVault(&set, c.who.vault(), c.needs, scope); !decision.Allowed {
			c.reason = decision.Reason
			return state.Batch{}, c.forbidden(d.Directory(), decision, c.needs, scope)
		}
		err = then(d)
		return d.Batch(), err
	})
	return err
}

func (c *call) actor() state.Actor {
	return state.Actor{ID: c.who.id, Name: c.who.name, RequestID: serve.RequestID(c.r).String()}
}

// find returns the object in the path, which must not be deleted, and the version in the path of it.
func (c *call) find() (*vault.Object, *vault.Version, error) {
	o, ok := c.dir.VaultObject(c.vault.ID, c.kind, c.name)
	if ok && !o.IsDeleted() {
		if v, ok := c.dir.VaultVersion(o, c.version); ok {
			return o, v, nil
		}
	}
	return nil, nil, notFound(c.kind, c.name, c.version)
}

// findDeleted returns the deleted object in the path with its newest version.
func (c *call) findDeleted() (*vault.Object, *vault.Version, error) {
	o, ok := c.dir.VaultObject(c.vault.ID, c.kind, c.name)
	if !ok || !o.IsDeleted() || o.IsOver(c.Now()) {
		return nil, nil, apierr.New(apierr.VaultObjectNotFound, "Deleted %s not found: %s", title(c.kind), c.name).At(c.name).Because(kindError(c.kind))
	}
	v, ok := c.dir.VaultVersion(o, "")
	if !ok {
		return nil, nil, notFound(c.kind, c.name, o.Current)
	}
	return o, v, nil
}

func notFound(kind vault.Kind, name, version string) error {
	if version != "" {
		name += "/" + version
	}
	return apierr.New(apierr.VaultObjectNotFound, "A %s with (name/id) %s was not found in this key vault. If you recently deleted this %[1]s you may be able to"+
		" recover it using the correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182",
		kind.One(), name).At(name).Because(kindError(kind))
}

// sealHalf encrypts the secret half of a version.
func (c *api) sealHalf(dir *state.Directory, v *vault.Version, half []byte) ([]byte, error) {
	return c.Seal(state.CipherContext(dir.Tenant().ID, state.VaultCipher(v.Vault, v.Kind, v.Name, v.ID)), half)
}

// openHalf returns the secret half of a version. What is remembered of it is the ciphertext; one that does not open any more,
// as the master key was changed meanwhile, is read again.
func (c *api) openHalf(ctx context.Context, dir *state.Directory, v *vault.Version) ([]byte, error) {
	tenant, id := dir.Tenant().ID, state.VaultCipher(v.Vault, v.Kind, v.Name, v.ID)
	if ciphertext, ok := c.ciphers.get(v); ok {
		if half, err := c.Open(state.CipherContext(tenant, id), ciphertext); err == nil {
			return half, nil
		}
	}
	ciphertext, found, err := c.Cipher(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	if !found { // purged since the View
		return nil, notFound(v.Kind, v.Name, v.ID)
	}
	half, err := c.Open(state.CipherContext(tenant, id), ciphertext)
	if err == nil {
		c.ciphers.put(tenant, v, ciphertext, len(ciphertext))
	}
	return half, err
}

// newVersion returns the id of a version to be made.
func (c *api) newVersion() (string, error) {
	var b [16]byte
	_, err := io.ReadFull(c.Random, b[:])
	return hex.EncodeToString(b[:]), err
}

// base is the URL of the vault as the client reaches it.
func (c *call) base() string {
	if name := serve.Param(c.r, "vault"); name != "" {
		return serve.Origin(c.r) + "/vaults/" + name
	}
	return serve.Origin(c.r)
}

// id is the URL of an object, or of one of its versions.
func (c *call) id(kind vault.Kind, name, version string) string {
	id := c.base() + "/" + string(kind) + "/" + name
	if version != "" {
		id += "/" + version
	}
	return id
}

// json answers with a body.
func (c *call) json(status int, v any) error { return serve.WriteJSON(c.w, status, v) }

// read decodes the body.
func (c *call) read(into any) error { return serve.ReadJSON(c.r, maxBody, into) }

// maxPage is how many things one page has at most (wire fact: maxresults is from 1 to 25).
const maxPage = 25

// page answers with one page of all, whose keys ascend: maxresults rows.
func (c *call) page(all iter.Seq2[string, any]) error {
	size := maxPage
	query := c.r.URL.Query()
	if text := query.Get("maxresults"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPage {
			return apierr.New(apierr.ParameterInvalid, "The query parameter maxresults is a number from 1 to %d, and '%s' is none.", maxPage, text).At("maxresults")
		}
		size = n
	}
	out, last := pageWire{Value: []any{}}, ""
	for key, row := range all {
		if len(out.Value) == size {
			next := url.Values{"api-version": query["api-version"], "$skiptoken": {base64.RawURLEncoding.EncodeToString([]byte(last))}}
			for _, kept := range []string{"maxresults", "includePending"} {
				if query.Has(kept) {
					next.Set(kept, query.Get(kept))
				}
			}
			link := serve.Origin(c.r) + c.r.URL.EscapedPath() + "?" + next.Encode()
			out.NextLink = &link
			break
		}
		out.Value, last = append(out.Value, row), key
	}
	return c.json(http.StatusOK, out)
}

// after is the key behind which a page begins.
func (c *call) after() (string, error) {
	text := c.r.URL.Query().Get("$skiptoken")
	key, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || strings.ContainsAny(string(key), "/#") {
		return "", apierr.New(apierr.ParameterInvalid, "The $skiptoken is not one of this server: follow nextLink as it is.").At("$skiptoken")
	}
	return string(key), nil
}

// seconds is a time as vaults spell it; nil for none.
func seconds(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	s := t.Unix()
	return &s
}
