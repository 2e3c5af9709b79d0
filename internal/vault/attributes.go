package vault

import (
	"time"
	"unicode/utf8"

	"github.com/inborn-id/inborn/internal/apierr"
)

// Attributes are what a version says of itself.
type Attributes struct {
	Enabled   bool
	NotBefore time.Time // zero: not said, as below
	Expires   time.Time
	Created   time.Time
	Updated   time.Time
}

// The bounds of what clients may say of a version (service limits of Key Vault).
const (
	MaxSecret      = 25 << 10 // bytes of a secret's value
	maxContentType = 255      // characters
	maxTags        = 15
	maxTag         = 256 // characters of a tag's name or value
)

// lastSecond is the end of the year 9999, the last time that JSON dates and clients know.
const lastSecond = 253402300799

// Time reads a time as vaults spell it, in seconds since 1970; property is where it stands in the request.
func Time(seconds int64, property string) (time.Time, error) {
	if seconds < 0 || seconds > lastSecond {
		return time.Time{}, apierr.New(apierr.PropertyInvalid, "The time %d is not one from 1970 to 9999.", seconds).At(property)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// Check refuses attributes that contradict each other.
func (a *Attributes) Check() error {
	if !a.NotBefore.IsZero() && !a.Expires.IsZero() && !a.NotBefore.Before(a.Expires) {
		return apierr.New(apierr.PropertyInvalid, "The time from which it is valid (nbf) must be before the time at which it expires (exp).").At("attributes.nbf")
	}
	return nil
}

// CheckTags refuses more than 15 tags, and names and values of more than 256 characters.
func CheckTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return apierr.New(apierr.PropertyInvalid, "There are %d tags; %d are allowed.", len(tags), maxTags).At("tags")
	}
	for name, value := range tags {
		if utf8.RuneCountInString(name) > maxTag || utf8.RuneCountInString(value) > maxTag {
			return apierr.New(apierr.PropertyInvalid, "The tag '%.40s' has a name or value of more than %d characters.", name, maxTag).At("tags")
		}
	}
	return nil
}

// CheckSecret refuses a value of more than 25 KiB and a content type of more than 255 characters.
func CheckSecret(value, contentType string) error {
	if len(value) > MaxSecret {
		return apierr.New(apierr.PropertyInvalid, "The value of a secret has %d bytes; %d are allowed.", len(value), MaxSecret).At("value")
	}
	if utf8.RuneCountInString(contentType) > maxContentType {
		return apierr.New(apierr.PropertyInvalid, "The content type of a secret is longer than %d characters.", maxContentType).At("contentType")
	}
	return nil
}

// CheckRead refuses to hand out the value of a disabled secret. One that is not valid yet or has expired can be read: nbf
// and exp of a secret are for its readers (wire fact: date-time controlled operations of secrets). Metadata of any version
// can be read always.
func (v *Version) CheckRead(operation string) error {
	if v.Enabled {
		return nil
	}
	return apierr.New(apierr.SecretDisabled, "Operation %s is not allowed on a disabled secret.", operation).At(v.Name).
		WithHelp("inborn vault secret update %s --vault %s --enable", v.Name, v.Vault.Name())
}

// CheckUse refuses an operation with a key: any one if it is disabled or not permitted by its key_ops; and, outside the
// time between nbf and exp, those that make something new. What an expired key has made can still be decrypted, unwrapped
// and verified, and a key can be tried before its time (wire fact: date-time controlled operations of keys).
func (v *Version) CheckUse(o Operation, now time.Time) error {
	switch {
	case !v.Enabled:
		return apierr.New(apierr.KeyDisabled, "Operation %s is not allowed on a disabled key.", o).At(v.Name).
			WithHelp("inborn vault key update %s --vault %s --enable", v.Name, v.Vault.Name())
	case v.Key == nil || !v.Key.Permits(o):
		return apierr.New(apierr.KeyOperationForbidden, "Operation %s is not permitted on this key.", o).At(v.Name)
	case o == Decrypt || o == UnwrapKey || o == Verify:
		return nil
	case !v.NotBefore.IsZero() && now.Before(v.NotBefore):
		return apierr.New(apierr.KeyNotYetValid, "Operation %s is not allowed on a key that is not yet valid: it is from %s on.", o, v.NotBefore.UTC().Format(time.RFC3339)).
			At(v.Name)
	case !v.Expires.IsZero() && !now.Before(v.Expires):
		return apierr.New(apierr.KeyExpired, "Operation %s is not allowed on an expired key: it was valid until %s.", o, v.Expires.UTC().Format(time.RFC3339)).
			At(v.Name)
	}
	return nil
}
