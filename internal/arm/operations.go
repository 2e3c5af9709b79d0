package arm

import (
	"encoding/base64"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
)

// Nothing here takes time: what is asked for is done before it is answered. But some clients take no other answer than that
// something has begun, and in slow mode (Config.SlowOperations) programs are to be tried with resources that take a while to be
// ready. So an operation is a span of time. Its name says when it begins and when it is over; hence it can be asked for
// on every server and for ever, and nothing is kept of it, except what making.go needs to say of resources in the making.

// operation is a span of time.
type operation struct {
	name       string
	start, end time.Time // UTC, whole microseconds
}

// newOperation begins an operation of a length.
func (c *call) newOperation(length time.Duration) (operation, error) {
	start := c.Now().UTC().Truncate(time.Microsecond)
	o := operation{start: start, end: start.Add(length)}
	var name [24]byte
	binary.BigEndian.PutUint64(name[:], uint64(o.start.UnixMicro()))
	binary.BigEndian.PutUint64(name[8:], uint64(o.end.UnixMicro()))
	_, err := io.ReadFull(c.Random, name[16:]) // two that begin at once are two
	o.name = base64.RawURLEncoding.EncodeToString(name[:])
	return o, err
}

// readOperation reads the name of the operation in the path.
func (c *call) readOperation() (operation, error) {
	name := serve.Param(c.r, "operation")
	b, err := base64.RawURLEncoding.DecodeString(name)
	if err != nil || len(b) != 24 {
		return operation{}, apierr.New(apierr.ObjectNotFound, "There is no operation '%s'.", name).At(name)
	}
	at := func(b []byte) time.Time { return time.UnixMicro(int64(binary.BigEndian.Uint64(b))).UTC() }
	return operation{name, at(b), at(b[8:])}, nil
}

func (o operation) goesOn(now time.Time) bool { return now.Before(o.end) }

// refer writes the address of an operation into a header of the answer. The address is absolute and on the origin that the
// client came to, since one that keeps only the path has to get here, too.
func (c *call) refer(header, kind string, o operation) {
	h := c.w.Header()
	h.Set(header, serve.Origin(c.r)+"/subscriptions/"+c.id.Subscription()+"/"+kind+"/"+o.name+"?api-version="+query(c.r, "api-version"))
	h.Set("Retry-After", "1")
}

// accepted answers that something has begun, to clients that follow Location.
func (c *call) accepted() error {
	o, err := c.newOperation(c.SlowOperations)
	if err != nil {
		return err
	}
	c.refer("Location", "operationresults", o)
	return c.empty(http.StatusAccepted)
}

// done answers that something is done; in slow mode that it has begun, to clients that can wait.
func (c *call) done(status int) error {
	if c.SlowOperations == 0 || status != http.StatusOK || !waits(c.id.Type()) {
		return c.empty(status)
	}
	return c.accepted()
}

// waits reports whether the clients of a type take a 202 for a deletion or an action. az, Terraform and the SDKs for Go
// and Python were looked through.
func waits(kind string) bool {
	namespace, _, _ := strings.Cut(strings.ToLower(kind), "/")
	switch namespace {
	case "microsoft.web", "microsoft.storage", "microsoft.keyvault", "microsoft.hybridcompute":
		return false
	}
	return true
}

// wordForMaking is what a resource shows after a PUT until it is ready; "" if it is ready at once. A PATCH never takes
// time: some of its clients do not wait.
func (c *call) wordForMaking(created bool) string {
	switch {
	case c.SlowOperations == 0 || c.r.Method != http.MethodPut:
		return ""
	case created:
		return "Creating"
	default:
		return "Updating"
	}
}

// begin begins the operation after which the resource id is ready, and refers to it.
func (c *call) begin(id resource.ID, word string) error {
	o, err := c.newOperation(c.SlowOperations)
	if err != nil {
		return err
	}
	c.makings.add(&making{operation: o, tenant: c.dir.Tenant().ID, id: id, word: word})
	c.refer("Azure-AsyncOperation", "operations", o)
	return nil
}

// provisioningState is what r shows: Succeeded, or in slow mode a word for its being made.
func (c *call) provisioningState(r *resource.Resource) string {
	switch {
	case c.word != "":
		return c.word
	case c.SlowOperations == 0:
		return succeeded
	}
	return c.makings.wordFor(target{c.dir.Tenant().ID, r.ID.Key()}, c.Now())
}

// preempt ends the operations that make what is not there any more.
func (c *call) preempt() {
	if dir, ok := c.Live.View().Directory(c.dir.Tenant().ID); ok && c.SlowOperations > 0 {
		c.makings.preempt(dir, c.Now())
	}
}

// getOperationResult answers 202 until an operation is over. Whoever may do nothing any more, as the group is gone on which
// there was a role, may ask as well: there is nothing to see.
func (c *call) getOperationResult() error {
	o, err := c.readOperation()
	if err != nil {
		return err
	}
	if o.goesOn(c.Now()) {
		c.refer("Location", "operationresults", o)
		return c.empty(http.StatusAccepted)
	}
	return c.empty(http.StatusOK)
}

// getOperation tells how the making of a resource goes.
func (c *call) getOperation() error {
	o, err := c.readOperation()
	if err != nil {
		return err
	}
	out := operationOut(c.id, o)
	if m, kept := c.makings.find(c.dir.Tenant().ID, o.name); kept && m.failure != nil {
		out.Status, out.End = "Failed", &m.end
		out.Error = &errorBody{Code: spellingOf(m.failure).code, Message: m.failure.Message, Target: m.failure.Target}
	} else if o.goesOn(c.Now()) {
		out.Status = "InProgress"
		c.w.Header().Set("Retry-After", "1")
	} else {
		out.Status, out.End = succeeded, &o.end
	}
	return c.json(http.StatusOK, out)
}
