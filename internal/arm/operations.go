package arm

import (
	"encoding/base64"
	"net/http"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/serve"
)

// Nothing here takes time, but some clients take no other answer than that something has begun. They get the address of
// an operation that is over: it holds what was done and is kept nowhere, so it is good for ever.

// operationName makes the name of an operation, which tells nobody anything.
func operationName(what string) string { return base64.RawURLEncoding.EncodeToString([]byte(what)) }

// accepted answers that something has begun. The address is absolute and on the origin that the client came to, since one
// that keeps only the path has to get here, too.
func (c *call) accepted(what string) error {
	h := c.w.Header()
	h.Set("Location", serve.Origin(c.r)+"/subscriptions/"+c.id.Subscription()+"/operationresults/"+operationName(what)+
		"?api-version="+query(c.r, "api-version"))
	h.Set("Retry-After", "1")
	return c.empty(http.StatusAccepted)
}

// getOperationResult answers that an operation is over. Whoever may do nothing any more, as the group is gone on which
// there was a role, may ask as well: there is nothing to see.
func (c *call) getOperationResult() error {
	name := serve.Param(c.r, "operation")
	if _, err := base64.RawURLEncoding.DecodeString(name); err != nil {
		return apierr.New(apierr.ObjectNotFound, "There is no operation '%s'.", name).At(name)
	}
	return c.empty(http.StatusOK)
}
