package arm

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
)

// An access review looks for those who have more than they need. It has two halves: review_judge.go says what is wrong with
// an assignment or an identity, for all of them; review_remedy.go makes the command that would put it right, for what is
// on one page.

// LastUse is when identities and role assignments of a tenant were used last, to the hour.
type LastUse struct {
	Since       time.Time               // what was before is not known
	Identities  map[guid.GUID]time.Time // got a token, by object id
	Assignments map[guid.GUID]time.Time // let a request in, by id
}

// findingKind is what a finding says; severity is how much it matters, and high comes first.
type (
	findingKind string
	severity    uint8
)

const (
	workloadGivesAccess findingKind = "workloadGivesAccess"
	broadRole           findingKind = "broadRole"
	broadAppRole        findingKind = "broadAppRole"
	unusedAssignment    findingKind = "unusedRoleAssignment"
	unusedIdentity      findingKind = "unusedIdentity"
	unattachedIdentity  findingKind = "unattachedIdentity"
	identityName        findingKind = "identityName"
)

const (
	high severity = iota
	medium
	low
)

// String returns the word for s.
func (s severity) String() string { return [...]string{"high", "medium", "low"}[s] }

// accessFinding is one thing that is not as it should be. What it is about depends on its kind.
type accessFinding struct {
	kind     findingKind
	severity severity
	who      guid.GUID // object id of the principal
	at       resource.ID
	why      string
	last     time.Time // zero: no use is known
	unused   bool      // for as long as was asked

	assignment *rbac.RoleAssignment      // workloadGivesAccess, broadRole, unusedAssignment; at is its scope
	role       *rbac.Role                // of assignment
	identity   *resource.ManagedIdentity // of a user-assigned one; at is its id, or the resource of a system-assigned one
	appRole    string                    // broadAppRole: its value
}

// order puts the gravest finding first, and those of one kind together.
func (f *accessFinding) order() string {
	what := strings.ToLower(string(f.at)) + "\x00" + f.who.String()
	if f.assignment != nil {
		what += f.assignment.ID.String()
	}
	return fmt.Sprintf("%d%s\x00%s\x00%s", f.severity, f.kind, what, f.appRole)
}

// review is one look around a scope.
type review struct {
	*call
	at        resource.ID
	now       time.Time
	unusedFor time.Duration
	use       LastUse

	reaches   map[guid.GUID]rbac.Reach // by role
	far       []*rbac.Role             // that give access or change everything; nil until somebody needs them
	gifts     map[string]*rbac.Role    // by condition: one of those that it lets give, nil if there is none
	workloads map[guid.GUID][]guid.GUID
	stores    map[resource.ID][]*resource.Resource // below a scope

	findings    []*accessFinding
	identities  int
	assignments int
}

// accessReview answers with what a review of the scope in the path finds. To see that takes the right to see who has which
// role there.
func (c *call) accessReview() error {
	if err := authorize(c.dir, c.caller, typeRoleAssignment+"/read", c.id); err != nil {
		return err
	}
	days, err := unusedDays(query(c.r, "unusedFor"))
	if err != nil {
		return err
	}
	size, after, err := paging(c.r)
	if err != nil {
		return err
	}
	r := newReview(c, days)
	if scope, ok := r.dir.Existing(r.at); !ok || !rbac.SameScope(scope, r.at) { // in which nothing is found is no good news
		return apierr.New(apierr.ResourceNotFound, "There is no scope '%s' to review.", r.at).At(string(r.at)).WithHelp("inborn resource list")
	}
	if c.LastUse != nil {
		if r.use, err = c.LastUse(c.r.Context(), c.dir.Tenant().ID); err != nil {
			return err
		}
	}
	if err := r.look(c.r.Context()); err != nil {
		return err
	}
	out, err := r.page(size, after)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, out)
}

// newReview returns a review of the scope in the path of a call, which has seen nothing yet.
func newReview(c *call, unusedDays int) *review {
	return &review{call: c, at: scopeOf(c.id), now: c.Now(), unusedFor: time.Duration(unusedDays) * 24 * time.Hour,
		reaches: map[guid.GUID]rbac.Reach{}, gifts: map[string]*rbac.Role{}, workloads: map[guid.GUID][]guid.GUID{},
		stores: map[resource.ID][]*resource.Resource{}}
}

// maxUnusedDays is ten years.
const maxUnusedDays = 3650

// unusedDays reads for how many days something must be unused to be found: 90d, or 90 days if nothing is said.
func unusedDays(text string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSuffix(cmp.Or(text, "90d"), "d"))
	if err != nil || n < 1 || n > maxUnusedDays || text != "" && !strings.HasSuffix(text, "d") {
		return 0, apierr.New(apierr.ParameterInvalid, "The query parameter unusedFor must be a number of days from 1d to %dd, such as 90d, not '%s'.",
			maxUnusedDays, text).At("unusedFor")
	}
	return n, nil
}

// page shows the findings after a key, at most size of them.
func (r *review) page(size int, after string) (reviewWire, error) {
	keys := make(map[*accessFinding]string, len(r.findings))
	for _, f := range r.findings {
		keys[f] = f.order()
	}
	slices.SortFunc(r.findings, func(a, b *accessFinding) int { return strings.Compare(keys[a], keys[b]) })
	out := reviewWire{Value: []findingWire{}, Total: len(r.findings), Identities: r.identities, Assignments: r.assignments,
		UnusedDays: int(r.unusedFor.Hours() / 24)}
	if !r.use.Since.IsZero() {
		out.Since = &r.use.Since
	}
	last := ""
	for _, f := range r.findings {
		if keys[f] <= after {
			continue
		}
		if len(out.Value) == size {
			out.NextLink = nextLink(r.r, last)
			break
		}
		command, err := r.remedy(f)
		if err != nil {
			return out, err
		}
		out.Value, last = append(out.Value, r.findingOut(f, command)), keys[f]
	}
	return out, nil
}

// look judges all assignments that hold at the scope or below it, and all identities below it. Assignments above it are
// judged where the caller may see them.
func (r *review) look(ctx context.Context) error {
	for _, above := range rbac.Lineage(r.dir, r.at) {
		if r.mayRead(above) {
			for a := range r.dir.AssignmentsAt(above) {
				r.judgeAssignment(a)
			}
		}
	}
	for a := range r.dir.AssignmentsBelow(r.at) {
		if err := ctx.Err(); err != nil {
			return err
		}
		r.judgeAssignment(a)
	}
	for _, prefix := range r.prefixes(r.at) {
		if err := r.lookAtIdentities(ctx, prefix); err != nil {
			return err
		}
	}
	if r.at == rbac.Tenant {
		for sp := range r.dir.ServicePrincipals(guid.GUID{}) {
			if sp.Type != directory.TypeManagedIdentity {
				r.judgeAppRoles(sp.ID, "")
			}
		}
	}
	return nil
}

func (r *review) lookAtIdentities(ctx context.Context, prefix resource.ID) error {
	for identity := range r.dir.Identities(prefix) {
		if err := ctx.Err(); err != nil {
			return err
		}
		r.judgeUserAssigned(identity)
	}
	for owner := range r.dir.Resources(prefix) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if owner.Identity.System != nil {
			r.judgeSystemAssigned(owner)
		}
	}
	return nil
}

// prefixes are how the ids begin of what lies below a scope: that is the scope, but of a management group its subscriptions.
func (r *review) prefixes(scope resource.ID) (all []resource.ID) {
	if scope == rbac.Tenant {
		return []resource.ID{""}
	}
	if _, isGroup := rbac.ManagementGroupName(scope); !isGroup {
		return []resource.ID{scope}
	}
	for below := range r.dir.PlacedUnder(scope) {
		all = append(all, r.prefixes(below)...)
	}
	return all
}

// mayRead reports whether the caller may see who has which role at a scope.
func (r *review) mayRead(scope resource.ID) bool {
	return permitted(r.dir, r.caller, typeRoleAssignment+"/read", scope)
}
