package interop

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	_ "crypto/sha512" // the digests of RS384 and so on
	"fmt"
	"math/big"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
)

// What the Go program does with keys. Whatever comes out of the vault is checked with package crypto alone.

func (k *keeper) makeKeys() error {
	for name, want := range map[string]azkeys.CreateKeyParameters{
		"rsa":  {Kty: pointer(azkeys.KeyTypeRSA), KeySize: pointer(int32(2048)), Tags: map[string]*string{"a": pointer("b")}},
		"p256": {Kty: pointer(azkeys.KeyTypeEC)},
		"p384": {Kty: pointer(azkeys.KeyTypeEC), Curve: pointer(azkeys.CurveNameP384)},
		"p521": {Kty: pointer(azkeys.KeyTypeEC), Curve: pointer(azkeys.CurveNameP521), KeyOps: []*azkeys.KeyOperation{pointer(azkeys.KeyOperationSign), pointer(azkeys.KeyOperationVerify)}},
	} {
		made, err := k.admin.CreateKey(k.ctx, name, want, nil)
		if err != nil {
			return err
		}
		id := made.Key.KID
		k.check(string(*id) == k.place.Vault+"/keys/"+name+"/"+id.Version() && len(id.Version()) == 32, "%s is called %s", name, *id)
		k.check(*made.Key.Kty == *want.Kty && *made.Attributes.Enabled && !*made.Attributes.Exportable && *made.Attributes.RecoverableDays == 7, "%s: %+v", name, made)
		got, err := k.admin.GetKey(k.ctx, name, "", nil)
		if err != nil {
			return err
		}
		k.check(*got.Key.KID == *id && bytes.Equal(got.Key.N, made.Key.N) && bytes.Equal(got.Key.X, made.Key.X), "%s is another when it is read", name)
	}
	return nil
}

// public is a key of the vault for package crypto.
func public(key *azkeys.JSONWebKey) crypto.PublicKey {
	if *key.Kty == azkeys.KeyTypeRSA {
		return &rsa.PublicKey{N: new(big.Int).SetBytes(key.N), E: int(new(big.Int).SetBytes(key.E).Int64())}
	}
	curve := map[azkeys.CurveName]elliptic.Curve{azkeys.CurveNameP256: elliptic.P256(), azkeys.CurveNameP384: elliptic.P384(), azkeys.CurveNameP521: elliptic.P521()}[*key.Crv]
	return &ecdsa.PublicKey{Curve: curve, X: new(big.Int).SetBytes(key.X), Y: new(big.Int).SetBytes(key.Y)}
}

func (k *keeper) importKeys() error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	size := 32
	d := private.D.FillBytes(make([]byte, size))
	in := azkeys.ImportKeyParameters{Key: &azkeys.JSONWebKey{Kty: pointer(azkeys.KeyTypeEC), Crv: pointer(azkeys.CurveNameP256), D: d,
		X: private.X.FillBytes(make([]byte, size)), Y: private.Y.FillBytes(make([]byte, size))}}
	got, err := k.admin.ImportKey(k.ctx, "imported", in, nil)
	if err != nil {
		return err
	}
	k.check(private.PublicKey.Equal(public(got.Key)) && got.Key.D == nil, "it came back as another, or with its private half: %+v", got.Key)
	in.Key.D = bytes.Repeat([]byte{1}, size)
	_, err = k.admin.ImportKey(k.ctx, "imported", in, nil)
	k.refused("halves that do not belong together", err, http.StatusBadRequest, "BadParameter", "")
	return nil
}

func (k *keeper) signAll() error {
	type use struct {
		key  string
		hash crypto.Hash
	}
	for alg, u := range map[azkeys.SignatureAlgorithm]use{
		azkeys.SignatureAlgorithmRS256: {"rsa", crypto.SHA256}, azkeys.SignatureAlgorithmRS384: {"rsa", crypto.SHA384}, azkeys.SignatureAlgorithmRS512: {"rsa", crypto.SHA512},
		azkeys.SignatureAlgorithmPS256: {"rsa", crypto.SHA256}, azkeys.SignatureAlgorithmPS384: {"rsa", crypto.SHA384}, azkeys.SignatureAlgorithmPS512: {"rsa", crypto.SHA512},
		azkeys.SignatureAlgorithmES256: {"p256", crypto.SHA256}, azkeys.SignatureAlgorithmES384: {"p384", crypto.SHA384}, azkeys.SignatureAlgorithmES512: {"p521", crypto.SHA512},
	} {
		h := u.hash.New()
		h.Write([]byte("a message"))
		digest := h.Sum(nil)
		signed, err := k.crypto.Sign(k.ctx, u.key, "", azkeys.SignParameters{Algorithm: &alg, Value: digest}, nil)
		if err != nil {
			return err
		}
		shown, err := k.crypto.GetKey(k.ctx, u.key, signed.KID.Version(), nil)
		if err != nil {
			return err
		}
		k.check(valid(public(shown.Key), string(alg), u.hash, digest, signed.Result), "%s: the signature is none", alg)
		for _, right := range []bool{true, false} {
			if !right {
				digest[0] ^= 1
			}
			got, err := k.crypto.Verify(k.ctx, u.key, signed.KID.Version(), azkeys.VerifyParameters{Algorithm: &alg, Digest: digest, Signature: signed.Result}, nil)
			if err != nil {
				return err
			}
			k.check(*got.Value == right, "%s: verify says %v", alg, *got.Value)
		}
	}
	return nil
}

func valid(key crypto.PublicKey, alg string, hash crypto.Hash, digest, signature []byte) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if alg[0] == 'P' {
			return rsa.VerifyPSS(key, hash, digest, signature, nil) == nil
		}
		return rsa.VerifyPKCS1v15(key, hash, digest, signature) == nil
	case *ecdsa.PublicKey:
		half := len(signature) / 2
		return ecdsa.Verify(key, digest, new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:]))
	}
	return false
}

func (k *keeper) encryptAll() error {
	shown, err := k.crypto.GetKey(k.ctx, "rsa", "", nil)
	if err != nil {
		return err
	}
	key := public(shown.Key).(*rsa.PublicKey)
	for alg, elsewhere := range map[azkeys.EncryptionAlgorithm]func([]byte) ([]byte, error){
		azkeys.EncryptionAlgorithmRSA15:      func(p []byte) ([]byte, error) { return rsa.EncryptPKCS1v15(rand.Reader, key, p) },
		azkeys.EncryptionAlgorithmRSAOAEP:    func(p []byte) ([]byte, error) { return rsa.EncryptOAEP(sha1.New(), rand.Reader, key, p, nil) },
		azkeys.EncryptionAlgorithmRSAOAEP256: func(p []byte) ([]byte, error) { return rsa.EncryptOAEP(sha256.New(), rand.Reader, key, p, nil) },
	} {
		plain := []byte("a data key of 32 bytes, or so...")
		with := func(value []byte) azkeys.KeyOperationParameters {
			return azkeys.KeyOperationParameters{Algorithm: &alg, Value: value}
		}
		sealed, err := k.crypto.Encrypt(k.ctx, "rsa", "", with(plain), nil)
		if err != nil {
			return err
		}
		opened, err := k.crypto.Decrypt(k.ctx, "rsa", sealed.KID.Version(), with(sealed.Result), nil)
		if err != nil {
			return err
		}
		wrapped, err := k.crypto.WrapKey(k.ctx, "rsa", "", with(plain), nil)
		if err != nil {
			return err
		}
		unwrapped, err := k.crypto.UnwrapKey(k.ctx, "rsa", "", with(wrapped.Result), nil)
		if err != nil {
			return err
		}
		foreign, err := elsewhere(plain)
		if err != nil {
			return err
		}
		of, err := k.crypto.Decrypt(k.ctx, "rsa", "", with(foreign), nil)
		if err != nil {
			return err
		}
		k.check(bytes.Equal(opened.Result, plain) && bytes.Equal(unwrapped.Result, plain) && bytes.Equal(of.Result, plain), "%s: something else came out", alg)
		foreign[20] ^= 1
		_, err = k.crypto.Decrypt(k.ctx, "rsa", "", with(foreign), nil)
		k.refused("a ciphertext that was changed", err, http.StatusBadRequest, "BadParameter", "")
	}
	return nil
}

func (k *keeper) changeAttributes() error {
	digest := make([]byte, 32)
	sign := func() error {
		_, err := k.crypto.Sign(k.ctx, "p256", "", azkeys.SignParameters{Algorithm: pointer(azkeys.SignatureAlgorithmES256), Value: digest}, nil)
		return err
	}
	for _, step := range []struct {
		what, inner string
		change      azkeys.UpdateKeyParameters
	}{
		{"disabled", "KeyDisabled", azkeys.UpdateKeyParameters{KeyAttributes: &azkeys.KeyAttributes{Enabled: pointer(false)}}},
		{"expired", "KeyExpired", azkeys.UpdateKeyParameters{KeyAttributes: &azkeys.KeyAttributes{Enabled: pointer(true), Expires: pointer(time.Now().Add(-time.Minute))}}},
		{"early", "KeyNotYetValid", azkeys.UpdateKeyParameters{KeyAttributes: &azkeys.KeyAttributes{NotBefore: pointer(time.Now().Add(time.Hour)), Expires: pointer(time.Now().Add(2 * time.Hour))}}},
		{"to verify only", "KeyOperationForbidden", azkeys.UpdateKeyParameters{KeyOps: []*azkeys.KeyOperation{pointer(azkeys.KeyOperationVerify)},
			KeyAttributes: &azkeys.KeyAttributes{NotBefore: pointer(time.Now().Add(-time.Hour))}}},
	} {
		got, err := k.admin.UpdateKey(k.ctx, "p256", "", step.change, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
		k.check(got.Attributes.Updated != nil, "%s: %+v", step.what, got.Attributes)
		k.refused(step.what, sign(), http.StatusForbidden, "Forbidden", step.inner)
	}
	back := azkeys.UpdateKeyParameters{KeyOps: []*azkeys.KeyOperation{pointer(azkeys.KeyOperationSign), pointer(azkeys.KeyOperationVerify)}, Tags: map[string]*string{"c": pointer("d")}}
	got, err := k.admin.UpdateKey(k.ctx, "p256", "", back, nil)
	if err != nil {
		return err
	}
	k.check(len(got.Key.KeyOps) == 2 && *got.Tags["c"] == "d", "%+v", got)
	return sign()
}

func (k *keeper) readPages() error {
	for i := range 28 {
		if _, err := k.admin.CreateKey(k.ctx, fmt.Sprintf("page-%02d", i), azkeys.CreateKeyParameters{Kty: pointer(azkeys.KeyTypeEC)}, nil); err != nil {
			return err
		}
	}
	found, pages := map[string]bool{}, 0
	for pager := k.admin.NewListKeyPropertiesPager(nil); pager.More(); pages++ {
		page, err := pager.NextPage(k.ctx)
		if err != nil {
			return err
		}
		for _, one := range page.Value {
			k.check(one.KID.Version() == "" && !found[one.KID.Name()], "%s is there twice, or with a version", *one.KID)
			found[one.KID.Name()] = true
		}
	}
	k.check(pages > 1 && len(found) == 33, "%d pages, %d keys", pages, len(found))
	return nil
}

func (k *keeper) rotate() error {
	first, err := k.admin.CreateKey(k.ctx, "turning", azkeys.CreateKeyParameters{Kty: pointer(azkeys.KeyTypeEC)}, nil)
	if err != nil {
		return err
	}
	standard, err := k.admin.GetKeyRotationPolicy(k.ctx, "turning", nil)
	if err != nil {
		return err
	}
	k.check(len(standard.LifetimeActions) == 1 && *standard.LifetimeActions[0].Action.Type == azkeys.KeyRotationPolicyActionNotify && standard.ID == nil, "the default: %+v", standard)
	set, err := k.admin.UpdateKeyRotationPolicy(k.ctx, "turning", azkeys.KeyRotationPolicy{
		Attributes: &azkeys.KeyRotationPolicyAttributes{ExpiryTime: pointer("P90D")},
		LifetimeActions: []*azkeys.LifetimeAction{{Action: &azkeys.LifetimeActionType{Type: pointer(azkeys.KeyRotationPolicyActionRotate)},
			Trigger: &azkeys.LifetimeActionTrigger{TimeAfterCreate: pointer("P30D")}}}}, nil)
	if err != nil {
		return err
	}
	k.check(*set.ID == k.place.Vault+"/keys/turning/rotationpolicy" && len(set.LifetimeActions) == 2 && *set.Attributes.ExpiryTime == "P90D" && set.Attributes.Created != nil, "set: %+v", set)
	second, err := k.admin.RotateKey(k.ctx, "turning", nil)
	if err != nil {
		return err
	}
	k.check(*second.Key.KID != *first.Key.KID && !bytes.Equal(second.Key.X, first.Key.X), "it is the same key")
	k.check(second.Attributes.Expires != nil && time.Until(*second.Attributes.Expires).Round(time.Hour) == 90*24*time.Hour, "it expires at %v", second.Attributes.Expires)
	versions := 0
	for pager := k.admin.NewListKeyPropertiesVersionsPager("turning", nil); pager.More(); {
		page, err := pager.NextPage(k.ctx)
		if err != nil {
			return err
		}
		versions += len(page.Value)
	}
	k.check(versions == 2, "%d versions", versions)
	_, err = k.admin.RotateKey(k.ctx, "nowhere", nil)
	k.refused("a key that is not there", err, http.StatusNotFound, "KeyNotFound", "")
	return nil
}

func (k *keeper) backUp() error {
	kept, err := k.admin.BackupKey(k.ctx, "turning", nil)
	if err != nil {
		return err
	}
	_, err = k.admin.RestoreKey(k.ctx, azkeys.RestoreKeyParameters{KeyBackup: kept.Value}, nil)
	k.refused("it is there", err, http.StatusConflict, "Conflict", "")
	if _, err := k.admin.DeleteKey(k.ctx, "turning", nil); err != nil {
		return err
	}
	if _, err := k.admin.PurgeDeletedKey(k.ctx, "turning", nil); err != nil {
		return err
	}
	back, err := k.admin.RestoreKey(k.ctx, azkeys.RestoreKeyParameters{KeyBackup: kept.Value}, nil)
	if err != nil {
		return err
	}
	signed, err := k.crypto.Sign(k.ctx, "turning", "", azkeys.SignParameters{Algorithm: pointer(azkeys.SignatureAlgorithmES256), Value: make([]byte, 32)}, nil)
	if err != nil {
		return err
	}
	k.check(*signed.KID == *back.Key.KID && valid(public(back.Key), "ES256", crypto.SHA256, make([]byte, 32), signed.Result), "it signs as another key")
	kept.Value[len(kept.Value)/2] ^= 1
	_, err = k.admin.RestoreKey(k.ctx, azkeys.RestoreKeyParameters{KeyBackup: kept.Value}, nil)
	k.refused("a backup that was changed", err, http.StatusBadRequest, "BadParameter", "")
	return nil
}

func (k *keeper) deleteKeys() error {
	gone, err := k.admin.DeleteKey(k.ctx, "page-00", nil)
	if err != nil {
		return err
	}
	k.check(*gone.RecoveryID == k.place.Vault+"/deletedkeys/page-00" && gone.DeletedDate != nil && gone.ScheduledPurgeDate != nil, "%+v", gone)
	_, err = k.admin.GetKey(k.ctx, "page-00", "", nil)
	k.refused("deleted", err, http.StatusNotFound, "KeyNotFound", "")
	_, err = k.admin.CreateKey(k.ctx, "page-00", azkeys.CreateKeyParameters{Kty: pointer(azkeys.KeyTypeEC)}, nil)
	k.refused("its name is taken", err, http.StatusConflict, "Conflict", "ObjectIsDeletedButRecoverable")
	listed := 0
	for pager := k.admin.NewListDeletedKeyPropertiesPager(nil); pager.More(); {
		page, err := pager.NextPage(k.ctx)
		if err != nil {
			return err
		}
		listed += len(page.Value)
	}
	k.check(listed == 1, "%d deleted keys", listed)
	if _, err := k.admin.GetDeletedKey(k.ctx, "page-00", nil); err != nil {
		return err
	}
	if _, err := k.admin.RecoverDeletedKey(k.ctx, "page-00", nil); err != nil {
		return err
	}
	if _, err = k.admin.DeleteKey(k.ctx, "page-00", nil); err != nil {
		return err
	}
	_, err = k.admin.PurgeDeletedKey(k.ctx, "page-00", nil)
	return err
}

func (k *keeper) refusals() error {
	_, err := k.crypto.CreateKey(k.ctx, "mine", azkeys.CreateKeyParameters{Kty: pointer(azkeys.KeyTypeEC)}, nil)
	k.refused("a Crypto User makes a key", err, http.StatusForbidden, "Forbidden", "ForbiddenByRbac")
	_, err = k.other.GetKey(k.ctx, "rsa", "", nil)
	k.refused("a stranger", err, http.StatusForbidden, "Forbidden", "ForbiddenByRbac")
	_, err = k.admin.CreateKey(k.ctx, "bad_name", azkeys.CreateKeyParameters{Kty: pointer(azkeys.KeyTypeEC)}, nil)
	k.refused("a bad name", err, http.StatusBadRequest, "BadParameter", "")
	_, err = k.admin.CreateKey(k.ctx, "hsm", azkeys.CreateKeyParameters{Kty: pointer(azkeys.KeyTypeRSAHSM)}, nil)
	k.refused("a key in hardware", err, http.StatusBadRequest, "BadParameter", "hardware")
	_, err = k.admin.Sign(k.ctx, "rsa", "", azkeys.SignParameters{Algorithm: pointer(azkeys.SignatureAlgorithmES256), Value: make([]byte, 32)}, nil)
	k.refused("an algorithm of another type", err, http.StatusBadRequest, "BadParameter", "incompatible")
	return nil
}

// holdAtOnce gives the stranger a role at one key and takes it away; the stranger's client keeps the token it has.
func (k *keeper) holdAtOnce() error {
	read := func(name string) error {
		_, err := k.other.Sign(k.ctx, name, "", azkeys.SignParameters{Algorithm: pointer(azkeys.SignatureAlgorithmES256), Value: make([]byte, 32)}, nil)
		return err
	}
	assignment := k.vaultID() + "/keys/p256/providers/Microsoft.Authorization/roleAssignments/5e0d7c31-94ab-4f26-8d1e-b7f3a2c60594?api-version=2022-04-01"
	role := "/subscriptions/" + keysSubscription + "/providers/Microsoft.Authorization/roleDefinitions/" + cryptoUserRole
	if err := k.manage(http.MethodPut, assignment, `{"properties":{"principalId":"`+strangerObject+`","principalType":"ServicePrincipal","roleDefinitionId":"`+role+`"}}`); err != nil {
		return err
	}
	began := time.Now()
	if err := read("p256"); err != nil {
		return err
	}
	k.refused("another key", read("turning"), http.StatusForbidden, "Forbidden", "ForbiddenByRbac")
	if err := k.manage(http.MethodDelete, assignment, ""); err != nil {
		return err
	}
	k.refused("the role taken away", read("p256"), http.StatusForbidden, "Forbidden", "ForbiddenByRbac")
	k.check(time.Since(began) < 2*time.Second, "it took %s", time.Since(began))
	return nil
}
