package vault

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

// Settings are what the properties of a vault in Resource Manager say about its data plane.
type Settings struct {
	RBAC            bool // roles decide; otherwise Policies do
	Retention       int  // days from delete to the end, 7 to 90
	PurgeProtection bool // the end cannot be brought forward
	Policies        []AccessPolicy
}

// AccessPolicy is the older alternative to roles: what one principal may do in a whole vault.
type AccessPolicy struct {
	Object      guid.GUID // of a principal, or of a group that it is in
	Application guid.GUID // if not zero: only through this client
	Words       map[Kind][]string
}

const (
	minRetention = 7
	maxRetention = 90
)

// ReadSettings reads the properties object of a vault as Resource Manager keeps it. What is absent has the service's
// default: access policies, none of them, and 90 days. Soft delete is always on.
func ReadSettings(properties []byte) (Settings, error) {
	var p struct {
		EnableRBACAuthorization   *bool
		SoftDeleteRetentionInDays *int
		EnablePurgeProtection     *bool
		AccessPolicies            []struct {
			ObjectID, ApplicationID string
			Permissions             map[string][]string
		}
	}
	if len(properties) > 0 {
		if err := json.Unmarshal(properties, &p); err != nil {
			return Settings{}, apierr.New(apierr.PropertyInvalid, "The properties of the vault cannot be read.").At("properties").Because(err)
		}
	}
	s := Settings{Retention: maxRetention}
	s.RBAC = p.EnableRBACAuthorization != nil && *p.EnableRBACAuthorization
	s.PurgeProtection = p.EnablePurgeProtection != nil && *p.EnablePurgeProtection
	if p.SoftDeleteRetentionInDays != nil {
		s.Retention = *p.SoftDeleteRetentionInDays
	}
	if s.Retention < minRetention || s.Retention > maxRetention {
		return Settings{}, apierr.New(apierr.PropertyInvalid, "The property softDeleteRetentionInDays must be from %d to %d.", minRetention, maxRetention).
			At("properties.softDeleteRetentionInDays")
	}
	for _, policy := range p.AccessPolicies {
		object, err := guid.Parse(policy.ObjectID)
		if err != nil {
			continue // it is the id of nobody here
		}
		a := AccessPolicy{Object: object, Words: map[Kind][]string{}}
		if policy.ApplicationID != "" {
			if a.Application, err = guid.Parse(policy.ApplicationID); err != nil {
				continue
			}
		}
		for kind, words := range policy.Permissions {
			a.Words[Kind(strings.ToLower(kind))] = words
		}
		s.Policies = append(s.Policies, a)
	}
	return s, nil
}

// Allows reports whether an access policy allows p to a caller: holders are the principal and the groups it is in,
// application is the client through which it acts. Roles are not looked at.
func (s *Settings) Allows(holders []guid.GUID, application guid.GUID, p Permission) bool {
	for i := range s.Policies {
		policy := &s.Policies[i]
		if !policy.Application.IsZero() && policy.Application != application {
			continue
		}
		for _, holder := range holders {
			if holder == policy.Object && p.in(policy.Words[p.Kind()]) {
				return true
			}
		}
	}
	return false
}

// RecoveryLevel returns the service's word for what becomes of deleted objects (wire fact: recoveryLevel of attributes).
func (s *Settings) RecoveryLevel() string {
	level := "Recoverable"
	if s.Retention < maxRetention {
		level = "CustomizedRecoverable"
	}
	if !s.PurgeProtection {
		level += "+Purgeable"
	}
	return level
}

// PurgeAt returns when what is deleted at the given time ends for good.
func (s *Settings) PurgeAt(deleted time.Time) time.Time { return deleted.AddDate(0, 0, s.Retention) }

// CheckPurge refuses to end deleted objects before their time where purge protection is on.
func (s *Settings) CheckPurge() error {
	if s.PurgeProtection {
		return apierr.New(apierr.PurgeProtected, "Operation purge is not allowed on this vault: purge protection is on. Deleted objects end after %d days.", s.Retention)
	}
	return nil
}
