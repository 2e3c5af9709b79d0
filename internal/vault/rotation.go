package vault

import "time"

// RotationPolicy says when a key gets a new version by itself.
type RotationPolicy struct {
	Actions []RotationAction // at most one of each type
	Expiry  Duration         // how long a new version is valid; zero: for ever
	Created time.Time
	Updated time.Time
}

// RotationAction is one thing that happens in the life of a version. One of AfterCreate and BeforeExpiry is zero.
type RotationAction struct {
	Type         string // Rotate or Notify
	AfterCreate  Duration
	BeforeExpiry Duration
}

// The types of a RotationAction.
const (
	Rotate = "Rotate" // makes a new version
	Notify = "Notify" // tells whoever listens to the vault's events; nobody does here
)

// The bounds of a policy, in days (service limits of key rotation).
const (
	minKeyExpiry = 28
	minTrigger   = 7 // from creation, and before expiry
)

// DefaultRotation returns the policy of a key to which none was given: it never rotates.
func DefaultRotation() RotationPolicy {
	return RotationPolicy{Actions: []RotationAction{{Type: Notify, BeforeExpiry: Duration{Days: 30}}}}
}

// Check refuses a policy that the service does not take for a key whose newest version has the given attributes.
func (p *RotationPolicy) Check(current *Attributes) error {
	if !p.Expiry.IsZero() && p.Expiry.days() < minKeyExpiry {
		return badPolicy("attributes.expiryTime", "The expiryTime %s is shorter than %d days.", p.Expiry, minKeyExpiry)
	}
	seen := map[string]bool{}
	for i := range p.Actions {
		a := &p.Actions[i]
		if a.Type != Rotate && a.Type != Notify {
			return badPolicy("lifetimeActions.action.type", "The action '%.20s' is neither Rotate nor Notify.", a.Type)
		}
		if seen[a.Type] {
			return badPolicy("lifetimeActions", "There is more than one action %s.", a.Type)
		}
		seen[a.Type] = true
		if err := p.checkTrigger(a, current); err != nil {
			return err
		}
	}
	return nil
}

func (p *RotationPolicy) checkTrigger(a *RotationAction, current *Attributes) error {
	const at = "lifetimeActions.trigger"
	if a.AfterCreate.IsZero() == a.BeforeExpiry.IsZero() {
		return badPolicy(at, "The trigger of %s needs either timeAfterCreate or timeBeforeExpiry.", a.Type)
	}
	when, name := a.AfterCreate, at+".timeAfterCreate"
	if when.IsZero() {
		when, name = a.BeforeExpiry, at+".timeBeforeExpiry"
	}
	switch {
	case a.Type == Notify && !a.AfterCreate.IsZero():
		return badPolicy(name, "The action Notify is triggered by timeBeforeExpiry only.")
	case when.days() < minTrigger:
		return badPolicy(name, "The trigger %s of %s is shorter than %d days.", when, a.Type, minTrigger)
	case !p.Expiry.IsZero() && when.days() > p.Expiry.days()-minTrigger:
		return badPolicy(name, "The trigger %s of %s is not at least %d days shorter than the expiryTime %s.", when, a.Type, minTrigger, p.Expiry)
	case a.Type == Rotate && !a.BeforeExpiry.IsZero() && p.Expiry.IsZero() && current.Expires.IsZero():
		return badPolicy(name, "A key without expiryTime and exp cannot be rotated before its expiry.")
	}
	return nil
}

// ExpiresAt returns the exp of a version that is made at the given time; zero for none.
func (p *RotationPolicy) ExpiresAt(created time.Time) time.Time {
	if p.Expiry.IsZero() {
		return time.Time{}
	}
	return p.Expiry.After(created)
}

// Due returns when the newest version of a key is to be followed by another, which may be past; zero for never.
func (p *RotationPolicy) Due(newest *Attributes) time.Time {
	for _, a := range p.Actions {
		switch {
		case a.Type != Rotate:
		case !a.AfterCreate.IsZero():
			return a.AfterCreate.After(newest.Created)
		case !newest.Expires.IsZero():
			return a.BeforeExpiry.Before(newest.Expires)
		}
	}
	return time.Time{}
}
