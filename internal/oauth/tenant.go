package oauth

import (
	"net/http"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/serve"
)

// authority is what the first segment of a path names, with the two issuers that its documents announce.
type authority struct {
	directory.Tenant        // of common, organizations and consumers: the issuers have {tenantid} in them, the id is zero
	name             string // as it stands in the endpoints
}

const alias = "adfs"

// authority reads the tenant segment of r. The errors are TenantMalformed, where the segment can be no tenant at all,
// and TenantUnknown.
func (h *Handler) authority(r *http.Request) (authority, error) {
	name := strings.ToLower(serve.Param(r, "tenant"))
	switch name {
	case alias:
		t, err := h.Home()
		serve.SetCaller(r, t.ID, "")
		return authority{t, alias}, err
	case "common", "organizations", "consumers":
		t, err := h.Home()
		if err != nil {
			return authority{}, err
		}
		template := directory.Tenant{
			IssuerV1: strings.Replace(t.IssuerV1, t.ID.String(), "{tenantid}", 1),
			IssuerV2: strings.Replace(t.IssuerV2, t.ID.String(), "{tenantid}", 1),
		}
		return authority{template, name}, nil
	}
	if _, err := guid.Parse(name); err != nil && !isDomain(name) {
		return authority{}, apierr.New(apierr.TenantMalformed,
			"Specified tenant identifier '%s' is neither a valid DNS name, nor a valid external domain.", shown(name)).At(shown(name))
	}
	t, err := h.Tenant(name)
	if err != nil {
		serve.Note(r, "tenant", "%s: not found", name)
		return authority{}, err
	}
	serve.SetCaller(r, t.ID, "")
	return authority{t, t.ID.String()}, nil
}

// isDomain reports whether name, in lower case, has the form of a domain: at least two labels of letters, digits and
// hyphens (RFC 1123, section 2.1).
func isDomain(name string) bool {
	if len(name) > 253 || !strings.Contains(name, ".") {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

// shown returns a text that a client sent in the form in which an error may repeat it: short and in one line.
func shown(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
	if len(s) > 100 {
		return strings.ToValidUTF8(s[:100], "") + "..."
	}
	return s
}
