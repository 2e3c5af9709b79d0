package arm

import (
	"net/http"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/vault"
)

// listAccesses shows the access log of a vault, the newest entries first. The log outlives the vault.
func (c *call) listAccesses() error {
	if !strings.EqualFold(c.id.Type(), typeVault) {
		return apierr.New(apierr.ResourceIDInvalid, "Only vaults have an access log, and '%s' is not the id of one.", scope(c.id)).At(scope(c.id))
	}
	size, before, err := paging(c.r)
	if err != nil {
		return err
	}
	which := vault.AccessFilter{Object: query(c.r, "object"), Caller: query(c.r, "caller"), Before: before}
	if since := query(c.r, "since"); since != "" {
		if which.Since, err = time.Parse(time.RFC3339, since); err != nil {
			return apierr.New(apierr.ParameterInvalid, "The query parameter since must be a time such as 2026-11-01T12:00:00Z, not '%s'.", since).At("since")
		}
	}
	found, err := c.Accesses(c.r.Context(), c.dir.Tenant().ID, c.id, which, size+1)
	if err != nil {
		return err
	}
	out := pageWire{Value: []any{}}
	for i := range found {
		if i == size {
			out.NextLink = nextLink(c.r, found[i-1].Place)
			break
		}
		out.Value = append(out.Value, accessOut(&found[i]))
	}
	return c.json(http.StatusOK, out)
}
