package cli

import (
	"slices"
	"time"

	"github.com/spf13/cobra"
)

// attributeFlags are the flags by which a command says something of a version.
type attributeFlags struct {
	enable, disable    bool
	notBefore, expires string
	tags               map[string]string
	contentType        string
	given              func(flag string) bool
}

// add adds the flags; a new version is enabled, so that --enable is for changes only.
func (f *attributeFlags) add(c *cobra.Command, change, contentType bool) {
	flags := c.Flags()
	if change {
		flags.BoolVar(&f.enable, "enable", false, "it can be used")
	}
	flags.BoolVar(&f.disable, "disable", false, "it cannot be used")
	flags.StringVar(&f.notBefore, "not-before", "", "time from which it is valid: 2026-12-31 or 2026-12-31T12:00:00Z")
	flags.StringVar(&f.expires, "expires", "", "time until which it is valid")
	flags.StringToStringVar(&f.tags, "tag", nil, "tag as NAME=VALUE, in the place of all tags (may be repeated)")
	if contentType {
		flags.StringVar(&f.contentType, "content-type", "", "what the value is, for its readers")
	}
	if change {
		c.MarkFlagsMutuallyExclusive("enable", "disable")
	}
	f.given = func(flag string) bool { return flags.Changed(flag) }
}

// into puts what was said into a request.
func (f *attributeFlags) into(in *vaultChange) error {
	a := &attributesChange{}
	if f.enable || f.disable {
		enabled := f.enable
		a.Enabled = &enabled
	}
	for _, t := range []struct {
		text, flag string
		to         **int64
	}{{f.notBefore, "not-before", &a.NotBefore}, {f.expires, "expires", &a.Expires}} {
		if !f.given(t.flag) {
			continue
		}
		if t.text == "" {
			return usage("--%s needs a time. One that is set can be moved, but not be taken away.", t.flag)
		}
		at, err := readTime(t.text)
		if err != nil {
			return usage("--%s %s is not a time: use 2026-12-31 or 2026-12-31T12:00:00Z.", t.flag, t.text)
		}
		seconds := at.Unix()
		*t.to = &seconds
	}
	if a.NotBefore != nil && a.Expires != nil && *a.NotBefore >= *a.Expires {
		return usage("--not-before %s is not before --expires %s.", f.notBefore, f.expires)
	}
	if *a != (attributesChange{}) {
		in.Attributes = a
	}
	if in.Tags = f.tags; f.given("content-type") {
		in.ContentType = &f.contentType
	}
	return nil
}

func readTime(text string) (time.Time, error) {
	if at, err := time.Parse(time.DateOnly, text); err == nil {
		return at, nil
	}
	return time.Parse(time.RFC3339, text)
}

func sorted(all []string) []string {
	slices.Sort(all)
	return all
}
