package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

func TestAttributeFlags(t *testing.T) {
	noon := time.Date(2026, 12, 31, 12, 0, 0, 0, time.UTC).Unix()
	for name, test := range map[string]struct {
		args []string
		want string // the usage error; "" for none
	}{
		"a day":            {[]string{"--not-before", "2026-12-31"}, ""},
		"both":             {[]string{"--not-before", "2026-12-31", "--expires", "2026-12-31T12:00:00Z"}, ""},
		"no time":          {[]string{"--expires", "soon"}, "--expires soon is not a time: use 2026-12-31 or 2026-12-31T12:00:00Z."},
		"taken away":       {[]string{"--expires", ""}, "--expires needs a time. One that is set can be moved, but not be taken away."},
		"the wrong way":    {[]string{"--not-before", "2027-01-01", "--expires", "2026-12-31"}, "--not-before 2027-01-01 is not before --expires 2026-12-31."},
		"both at one time": {[]string{"--not-before", "2027-01-01", "--expires", "2027-01-01"}, "--not-before 2027-01-01 is not before --expires 2027-01-01."},
	} {
		var f attributeFlags
		c := &cobra.Command{}
		f.add(c, true, true)
		if err := c.ParseFlags(test.args); err != nil {
			t.Fatal(err)
		}
		var in vaultChange
		switch err := f.into(&in); {
		case test.want == "" && err != nil || err != nil && !strings.HasSuffix(err.Error(), ": "+test.want):
			t.Errorf("%s: %v", name, err)
		case test.want != "" && err == nil:
			t.Errorf("%s: accepted as %+v", name, in.Attributes)
		case name == "both" && (*in.Attributes.NotBefore != noon-12*3600 || *in.Attributes.Expires != noon):
			t.Errorf("%s: %d and %d", name, *in.Attributes.NotBefore, *in.Attributes.Expires)
		}
	}
}
