package vault

import (
	"fmt"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
)

// Duration is a length of time in the units it was said in, such as P90D or P1Y2M (ISO 8601). A month and a year have no
// fixed length, so it is no time.Duration. The zero Duration stands for none.
type Duration struct{ Years, Months, Weeks, Days, Hours, Minutes, Seconds int }

const (
	maxDigits       = 5         // of one number of a duration
	maxDurationDays = 100 * 366 // a longer one would lead out of the calendar that clients know
)

// ParseDuration reads an ISO 8601 duration of whole numbers, longer than nothing and at most 100 years; property is where it
// stands in the request.
func ParseDuration(s, property string) (Duration, error) {
	var d Duration
	if !d.parse(s) {
		return Duration{}, apierr.New(apierr.PropertyInvalid, "The duration '%.40s' is not one of ISO 8601, such as P90D, P1Y or P1Y6M.", s).At(property)
	}
	if d.IsZero() || d.days() > maxDurationDays {
		return Duration{}, apierr.New(apierr.PropertyInvalid, "The duration '%s' is nothing or more than 100 years.", s).At(property)
	}
	return d, nil
}

// units are the letters of a duration in their order, before and after T.
const (
	dateUnits = "YMWD"
	timeUnits = "HMS"
)

// fields returns the numbers of d in the order of dateUnits and timeUnits.
func (d *Duration) fields() (date [4]*int, clock [3]*int) {
	return [4]*int{&d.Years, &d.Months, &d.Weeks, &d.Days}, [3]*int{&d.Hours, &d.Minutes, &d.Seconds}
}

func (d *Duration) parse(s string) bool {
	rest, ok := strings.CutPrefix(s, "P")
	dateText, clockText, hasClock := strings.Cut(rest, "T")
	date, clock := d.fields()
	return ok && rest != "" && (!hasClock || clockText != "") && parseUnits(dateText, dateUnits, date[:]) && parseUnits(clockText, timeUnits, clock[:])
}

// parseUnits reads numbers, each with its unit behind it, in the order of the units.
func parseUnits(s, units string, into []*int) bool {
	for s != "" {
		digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
		if digits == 0 || digits > maxDigits || digits == len(s) {
			return false
		}
		at := strings.IndexByte(units, s[digits])
		if at < 0 {
			return false
		}
		n := 0
		for _, c := range s[:digits] {
			n = 10*n + int(c-'0')
		}
		*into[at] = n
		units, into, s = units[at+1:], into[at+1:], s[digits+1:]
	}
	return true
}

// String returns d as it was said; "" for the zero Duration.
func (d Duration) String() string {
	if d.IsZero() {
		return ""
	}
	var b strings.Builder
	write := func(units string, numbers []*int) {
		for i, n := range numbers {
			if *n != 0 {
				fmt.Fprintf(&b, "%d%c", *n, units[i])
			}
		}
	}
	date, clock := d.fields()
	b.WriteByte('P')
	write(dateUnits, date[:])
	if d.Hours|d.Minutes|d.Seconds != 0 {
		b.WriteByte('T')
		write(timeUnits, clock[:])
	}
	return b.String()
}

// IsZero reports whether d is none.
func (d Duration) IsZero() bool { return d == Duration{} }

// days returns about how many days d has, to compare it with bounds: 365 for a year, 30 for a month, whole ones only.
func (d Duration) days() int {
	return 365*d.Years + 30*d.Months + 7*d.Weeks + d.Days + (3600*d.Hours+60*d.Minutes+d.Seconds)/86400
}

// After returns the time d after t: in P1M, on the same day of the next month, or on its last if it is too short.
func (d Duration) After(t time.Time) time.Time { return d.shift(t, 1) }

// Before returns the time d before t.
func (d Duration) Before(t time.Time) time.Time { return d.shift(t, -1) }

func (d Duration) shift(t time.Time, sign int) time.Time {
	t = addMonths(t.UTC(), sign*(12*d.Years+d.Months)).AddDate(0, 0, sign*(7*d.Weeks+d.Days))
	return t.Add(time.Duration(sign*(3600*d.Hours+60*d.Minutes+d.Seconds)) * time.Second)
}

// addMonths is time.AddDate, which makes the 3rd of March of a month after the 31st of January, with the month's last day
// instead.
func addMonths(t time.Time, months int) time.Time {
	moved := t.AddDate(0, months, 0)
	if moved.Day() != t.Day() {
		moved = moved.AddDate(0, 0, -moved.Day())
	}
	return moved
}
