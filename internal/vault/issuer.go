package vault

import (
	"strings"
	"unicode/utf8"

	"github.com/inborn-id/inborn/internal/apierr"
)

// The bounds of what a vault keeps of people and accounts.
const (
	maxPeople = 50
	maxText   = 256 // characters of a name, an address or an account
)

// CheckIssuerName refuses what cannot be the name of an issuer: what could not be one of a certificate, and the names of the
// issuers that every vault knows.
func CheckIssuerName(name string) error {
	if err := CheckName(Certificates, name); err != nil {
		return err
	}
	for _, known := range []string{IssuerSelf, IssuerUnknown, IssuerPlatform} {
		if strings.EqualFold(name, known) {
			return apierr.New(apierr.ParameterInvalid, "The issuer %s is there in every vault and cannot be changed: choose another name.", known).At("issuer-name")
		}
	}
	return nil
}

// Check refuses an issuer without a provider, and one about which too much is said.
func (i *Issuer) Check() error {
	if i.Provider == "" {
		return apierr.New(apierr.PropertyInvalid, "Property has invalid value: the property provider is missing.").At("provider")
	}
	texts := []string{i.Provider, i.Account, i.Organization}
	for _, a := range i.Admins {
		texts = append(texts, a.FirstName, a.LastName, a.Email, a.Phone)
	}
	return checkTexts("org_details", len(i.Admins), texts)
}

// Check refuses contacts without an address, and too many.
func (c *Contacts) Check() error {
	if len(c.List) == 0 {
		return apierr.New(apierr.PropertyInvalid, "Property has invalid value: the property contacts is missing or empty. To have no contacts, delete them.").At("contacts")
	}
	var texts []string
	for _, one := range c.List {
		if !isAddress(one.Email) {
			return apierr.New(apierr.PropertyInvalid, "The contact '%.60s' has no mail address such as ann@example.com.", one.Email).At("contacts.email")
		}
		texts = append(texts, one.Email, one.Name, one.Phone)
	}
	return checkTexts("contacts", len(c.List), texts)
}

func checkTexts(at string, people int, texts []string) error {
	if people > maxPeople {
		return apierr.New(apierr.PropertyInvalid, "There are %d people; %d are allowed.", people, maxPeople).At(at)
	}
	for _, text := range texts {
		if utf8.RuneCountInString(text) > maxText || !utf8.ValidString(text) {
			return apierr.New(apierr.PropertyInvalid, "The text '%.40s' is longer than %d characters.", text, maxText).At(at)
		}
	}
	return nil
}
