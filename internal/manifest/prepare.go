package manifest

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// Need is something encrypted that a plan cannot make itself. It is made outside the decision, for what the decision has
// seen.
type Need interface {
	place() string    // what it is about
	declared() string // the path of the declaration
	prepare(ctx context.Context, s *Sealer) (ready any, err error)
}

// Prepared is what was made for the needs of a plan, by place.
type Prepared map[string]any

// objectNeed is the need of a version of an object of a vault.
type objectNeed struct {
	tenant guid.GUID
	vault  resource.ID
	kind   vault.Kind
	name   string
	seen   *vault.Version // the newest version; nil if there is no such object
	secret Secret         // what is wanted, of secrets
	key    Key            // of keys
	path   string
}

func (n objectNeed) place() string {
	return n.tenant.String() + string(vault.Scope(resource.ID(n.vault.Key()), n.kind, vault.NameKey(n.name)))
}

func (n objectNeed) declared() string { return n.path }

// preparedObject is a version that is ready to be added, as long as the newest one is still the one that was seen.
type preparedObject struct {
	seen    string // its id; "" for none
	same    bool   // it says what was wanted already: nothing is to be added
	version vault.Version
	half    []byte // encrypted
}

// Sealer prepares what plans need.
type Sealer struct {
	Random io.Reader // a cryptographic source
	Values Values    // what the manifest takes from where it was read

	// Seal encrypts under the master key, bound to a context; Open decrypts what is kept under the id of a cipher, and returns
	// nil if that is gone.
	Seal func(context []string, plaintext []byte) ([]byte, error)
	Open func(ctx context.Context, tenant guid.GUID, id string) ([]byte, error)
}

// Prepare adds to what is prepared what these needs want. The error is a ManifestInvalid that names the place, or one of
// Seal and Open.
func (s *Sealer) Prepare(ctx context.Context, needs []Need, into Prepared) error {
	for _, n := range needs {
		if err := ctx.Err(); err != nil {
			return err
		}
		one, err := n.prepare(ctx, s)
		if e := apierr.From(err); e != nil && e.Kind == apierr.Invalid {
			return at(err, "%s", n.declared())
		}
		if err != nil {
			return err
		}
		into[n.place()] = one
	}
	return nil
}

func (n objectNeed) prepare(ctx context.Context, s *Sealer) (any, error) {
	p := preparedObject{version: vault.Version{Vault: n.vault, Kind: n.kind, Name: n.name, Attributes: vault.Attributes{Enabled: true},
		ContentType: n.secret.ContentType}}
	if n.seen != nil {
		p.seen, p.version.ContentType = n.seen.ID, or(n.secret.ContentType, n.seen.ContentType)
	}
	var half []byte
	var err error
	if n.kind == vault.Keys {
		half, err = s.newKey(n.key, &p.version)
	} else {
		half, p.same, err = s.value(ctx, n)
	}
	if err != nil || p.same {
		return p, err
	}
	var id [16]byte
	if _, err := io.ReadFull(s.Random, id[:]); err != nil {
		return p, err
	}
	p.version.ID = hex.EncodeToString(id[:])
	p.half, err = s.Seal(state.CipherContext(n.tenant, state.VaultCipher(n.vault, n.kind, n.name, p.version.ID)), half)
	return p, err
}

// value returns the value that a secret shall have, and whether it has it already.
func (s *Sealer) value(ctx context.Context, n objectNeed) (value []byte, same bool, err error) {
	source := n.secret.source()
	if source == "" {
		value, err = randomText(s.Random, n.secret.Generate)
		return value, false, err
	}
	given, found := s.Values[source]
	if !found {
		return nil, false, apierr.New(apierr.ReferenceInvalid, "the value of %s did not come with the manifest: it is read where the manifest is, by inborn apply", source)
	}
	if !utf8.ValidString(string(given)) {
		return nil, false, apierr.New(apierr.PropertyInvalid, "the value of %s is not text in UTF-8, as a secret has to be: encode it, for example in base64", source)
	}
	if err := vault.CheckSecret(string(given), ""); err != nil {
		return nil, false, err
	}
	if n.seen != nil {
		have, err := s.Open(ctx, n.tenant, state.VaultCipher(n.seen.Vault, n.seen.Kind, n.seen.Name, n.seen.ID))
		if err != nil {
			return nil, false, err
		}
		same = subtle.ConstantTimeCompare(have, []byte(given)) == 1
	}
	return []byte(given), same, nil
}

// newKey makes a key and puts its public half into v.
func (s *Sealer) newKey(want Key, v *vault.Version) (half []byte, err error) {
	made, err := vault.NewKey(s.Random, want.spec())
	if err != nil {
		return nil, err
	}
	operations, err := vault.Operations(vault.KeyType(want.Type), want.Operations)
	if err != nil {
		return nil, err
	}
	v.Key = made.Public(operations, false)
	return made.DER()
}

// alphabet has the characters that need no quoting anywhere: in shells, in URLs, in connection strings.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// randomText returns n letters and digits, each as likely as any other.
func randomText(random io.Reader, n int) ([]byte, error) {
	text := make([]byte, 0, n)
	var drawn [64]byte
	for len(text) < n {
		if _, err := io.ReadFull(random, drawn[:]); err != nil {
			return nil, err
		}
		for _, b := range drawn {
			if int(b) < 256/len(alphabet)*len(alphabet) && len(text) < n {
				text = append(text, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return text, nil
}

// origin says in a plan where a value comes from.
func (s Secret) origin() string {
	if source := s.source(); source != "" {
		return strings.Replace(string(source), ":", " ", 1)
	}
	return fmt.Sprintf("generated, %d characters", s.Generate)
}
