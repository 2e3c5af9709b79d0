package vault

import (
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
)

func days(n int) Duration { return Duration{Days: n} }

func rotateAfter(d Duration) RotationAction  { return RotationAction{Type: Rotate, AfterCreate: d} }
func rotateBefore(d Duration) RotationAction { return RotationAction{Type: Rotate, BeforeExpiry: d} }
func notifyBefore(d Duration) RotationAction { return RotationAction{Type: Notify, BeforeExpiry: d} }

func TestRotationPolicyCheck(t *testing.T) {
	expiring := &Attributes{Expires: today()}
	for _, c := range []struct {
		name    string
		policy  RotationPolicy
		current *Attributes
		wrong   string // part of the message; "" for none
	}{
		{"default", DefaultRotation(), &Attributes{}, ""},
		{"nothing", RotationPolicy{}, &Attributes{}, ""},
		{"28 days", RotationPolicy{Expiry: days(28), Actions: []RotationAction{rotateAfter(days(21)), notifyBefore(days(7))}}, &Attributes{}, ""},
		{"a year of months", RotationPolicy{Expiry: Duration{Years: 1}, Actions: []RotationAction{rotateAfter(Duration{Months: 11})}}, &Attributes{}, ""},
		{"before the end", RotationPolicy{Expiry: Duration{Months: 1}, Actions: []RotationAction{rotateBefore(days(7))}}, &Attributes{}, ""},
		{"before the end of this version", RotationPolicy{Actions: []RotationAction{rotateBefore(days(7))}}, expiring, ""},
		{"without an end", RotationPolicy{Actions: []RotationAction{rotateAfter(days(7))}}, &Attributes{}, ""},

		{"too short", RotationPolicy{Expiry: days(27)}, &Attributes{}, "shorter than 28 days"},
		{"rotates too early", RotationPolicy{Expiry: days(90), Actions: []RotationAction{rotateAfter(days(6))}}, &Attributes{}, "shorter than 7 days"},
		{"hours too early", RotationPolicy{Actions: []RotationAction{rotateAfter(Duration{Hours: 167})}}, &Attributes{}, "shorter than 7 days"},
		{"notifies too late", RotationPolicy{Actions: []RotationAction{notifyBefore(days(6))}}, &Attributes{}, "shorter than 7 days"},
		{"rotates too late", RotationPolicy{Expiry: days(28), Actions: []RotationAction{rotateAfter(days(22))}}, &Attributes{}, "at least 7 days shorter"},
		{"rotates at once", RotationPolicy{Expiry: days(28), Actions: []RotationAction{rotateBefore(days(28))}}, &Attributes{}, "at least 7 days shorter"},
		{"never ends", RotationPolicy{Actions: []RotationAction{rotateBefore(days(30))}}, &Attributes{}, "without expiryTime"},
		{"no trigger", RotationPolicy{Actions: []RotationAction{{Type: Rotate}}}, &Attributes{}, "either"},
		{"two triggers", RotationPolicy{Actions: []RotationAction{{Type: Rotate, AfterCreate: days(7), BeforeExpiry: days(7)}}}, expiring, "either"},
		{"notifies after creation", RotationPolicy{Actions: []RotationAction{{Type: Notify, AfterCreate: days(7)}}}, &Attributes{}, "timeBeforeExpiry only"},
		{"two rotations", RotationPolicy{Actions: []RotationAction{rotateAfter(days(7)), rotateAfter(days(8))}}, &Attributes{}, "more than one"},
		{"another action", RotationPolicy{Actions: []RotationAction{{Type: "rotate", AfterCreate: days(7)}}}, &Attributes{}, "neither"},
	} {
		err := c.policy.Check(c.current)
		if c.wrong == "" && err != nil || c.wrong != "" && (!apierr.Is(err, apierr.PropertyInvalid) || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestRotationDue(t *testing.T) {
	created := today()
	for _, c := range []struct {
		name   string
		policy RotationPolicy
		exp    time.Time
		want   time.Time
	}{
		{"default", DefaultRotation(), created.AddDate(0, 0, 40), time.Time{}},
		{"after creation", RotationPolicy{Actions: []RotationAction{notifyBefore(days(30)), rotateAfter(days(90))}}, time.Time{}, created.AddDate(0, 0, 90)},
		{"before the end", RotationPolicy{Actions: []RotationAction{rotateBefore(Duration{Months: 1})}}, created.AddDate(1, 0, 0), created.AddDate(0, 11, 0)},
		{"before no end", RotationPolicy{Expiry: days(90), Actions: []RotationAction{rotateBefore(days(30))}}, time.Time{}, time.Time{}},
		{"overdue", RotationPolicy{Actions: []RotationAction{rotateBefore(days(30))}}, created.AddDate(0, 0, 10), created.AddDate(0, 0, -20)},
	} {
		if got := c.policy.Due(&Attributes{Created: created, Expires: c.exp}); !got.Equal(c.want) {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}

// A version that rotation made is not due at once, whatever the policy: a key never spins.
func TestRotationMakesProgress(t *testing.T) {
	for _, expiry := range []Duration{{}, days(28), {Months: 1}, {Years: 1}} {
		for _, action := range []RotationAction{rotateAfter(days(7)), rotateAfter(days(21)), rotateBefore(days(7)), rotateBefore(days(21))} {
			p := RotationPolicy{Expiry: expiry, Actions: []RotationAction{action}}
			if p.Check(&Attributes{Expires: today().AddDate(0, 0, 1)}) != nil {
				continue
			}
			next := Attributes{Created: today(), Expires: p.ExpiresAt(today())}
			if due := p.Due(&next); !due.IsZero() && due.Before(today().AddDate(0, 0, 6)) {
				t.Errorf("%v and %+v: due %s", expiry, action, due)
			}
		}
	}
}
