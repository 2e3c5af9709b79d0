package vault

import (
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]Duration{
		"P90D": {Days: 90}, "P2Y": {Years: 2}, "P1M": {Months: 1}, "P1Y6M": {Years: 1, Months: 6}, "P4W": {Weeks: 4}, "PT48H": {Hours: 48},
		"P1Y2M3W4DT5H6M7S": {1, 2, 3, 4, 5, 6, 7}, "PT1M": {Minutes: 1}, "P100Y": {Years: 100}, "P36600D": {Days: 36600},
	} {
		d, err := ParseDuration(text, "at")
		if err != nil || d != want || d.String() != text {
			t.Errorf("%s: %+v %s, %v", text, d, d, err)
		}
	}
	if d, err := ParseDuration("P090D", "at"); err != nil || d.String() != "P90D" {
		t.Error(d, err)
	}
	for _, bad := range []string{"", "P", "PT", "P1", "90D", "p90d", "P90d", "P1.5Y", "P1,5Y", "-P1D", "P-1D", "P+1D", "P1DT", "P1D2Y", "P1M1M", "P1H", "PT1D", "P 1D", "P1D ",
		"P1DT1HT1M", "P0D", "PT0S", "P101Y", "P36601D", "P99999Y", "P100000D", "P1Y\x00", "PY", "P١D", "P1DT99999H99999999S"} {
		if d, err := ParseDuration(bad, "at"); !apierr.Is(err, apierr.PropertyInvalid) || apierr.From(err).Target != "at" || !d.IsZero() {
			t.Errorf("%q: %+v, %v", bad, d, err)
		}
	}
}

func TestDurationMovesTimes(t *testing.T) {
	at := func(s string) time.Time {
		parsed, err := time.Parse("2006-01-02T15:04:05", s)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	for _, c := range []struct{ from, by, after, before string }{
		{"2026-01-31T10:00:00", "P1M", "2026-02-28T10:00:00", "2025-12-31T10:00:00"},
		{"2024-01-31T10:00:00", "P1M", "2024-02-29T10:00:00", "2023-12-31T10:00:00"},
		{"2024-02-29T00:00:00", "P1Y", "2025-02-28T00:00:00", "2023-02-28T00:00:00"},
		{"2026-03-31T00:00:00", "P1M", "2026-04-30T00:00:00", "2026-02-28T00:00:00"},
		{"2026-11-21T12:00:00", "P90D", "2027-02-19T12:00:00", "2026-08-23T12:00:00"},
		{"2026-11-21T12:00:00", "P1W1DT1H", "2026-11-29T13:00:00", "2026-11-13T11:00:00"},
		{"2026-11-21T12:00:00", "PT90M30S", "2026-11-21T13:30:30", "2026-11-21T10:29:30"},
		{"2026-12-15T00:00:00", "P2Y1M", "2029-01-15T00:00:00", "2024-11-15T00:00:00"},
	} {
		d, err := ParseDuration(c.by, "")
		if err != nil {
			t.Fatal(err)
		}
		if after, before := d.After(at(c.from)), d.Before(at(c.from)); !after.Equal(at(c.after)) || !before.Equal(at(c.before)) {
			t.Errorf("%s and %s: %s, %s", c.from, c.by, after, before)
		}
	}
}

// What is read is written as something that means the same, and never leads out of the calendar.
func FuzzParseDuration(f *testing.F) {
	for _, seed := range []string{"P90D", "P1Y2M3W4DT5H6M7S", "PT", "P0001D", "P1DT1H"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDuration(text, "")
		if err != nil {
			return
		}
		again, err := ParseDuration(d.String(), "")
		if err != nil || again != d {
			t.Fatalf("%q is %+v, written %s, and that is %+v, %v", text, d, d, again, err)
		}
		now := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
		if after, before := d.After(now), d.Before(now); !after.After(now) || !before.Before(now) || after.Year() > 2200 {
			t.Fatalf("%q leads to %s and %s", text, after, before)
		}
	})
}
