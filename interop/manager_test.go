package interop

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azarm "github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/authorization/armauthorization/v2"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/msi/armmsi"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armresources/v3"
)

// The Go clients of Resource Manager make, list, change and delete all that they can of groups, identities and roles, with
// the identity of a resource that is Owner of the subscription: in a sandbox, where they have no setting at all, and
// outside, where only the cloud is another one. Cases 92 and 96.

// manager is such a program.
type manager struct {
	ctx          context.Context
	subscription string
	stranger     identity // of the same resource; has no role

	resources     *armresources.ClientFactory
	identities    *armmsi.ClientFactory
	access        *armauthorization.ClientFactory
	strangerSees  *armresources.ResourceGroupsClient // the groups as the stranger sees them
	strangerMakes *armauthorization.RoleAssignmentsClient

	wrong []error // what the step that is running has found so far
}

// managerInput is what the program is told.
type managerInput struct {
	Subscription string   `json:"subscription"`
	Stranger     identity `json:"stranger"`
}

// managerReport is what came of a step.
type managerReport struct {
	Step  string `json:"step"`
	Error string `json:"error"`
}

// managerGroup is the resource group that the program works in.
const managerGroup = "rg-go"

// managerWithin is how long the program may take. A client that does not understand an answer tries again for longer.
const managerWithin = 45 * time.Second

// manageAlone is the main function of the program in a sandbox.
func manageAlone([]string) error {
	var in managerInput
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), managerWithin)
	defer cancel()
	m, err := newManager(ctx, in, azcore.ClientOptions{})
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(m.run())
}

// newManager makes the clients. They ask for pages of one, so that every list is read through its links.
func newManager(ctx context.Context, in managerInput, options azcore.ClientOptions) (*manager, error) {
	owner, err := azidentity.NewManagedIdentityCredential(nil)
	if err != nil {
		return nil, err
	}
	stranger, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ID: azidentity.ClientID(in.Stranger.ClientID)})
	if err != nil {
		return nil, err
	}
	options.PerCallPolicies = append(options.PerCallPolicies, onePerPage{})
	all := &azarm.ClientOptions{ClientOptions: options}
	m := &manager{ctx: ctx, subscription: in.Subscription, stranger: in.Stranger}
	var errs [5]error
	m.resources, errs[0] = armresources.NewClientFactory(in.Subscription, owner, all)
	m.identities, errs[1] = armmsi.NewClientFactory(in.Subscription, owner, all)
	m.access, errs[2] = armauthorization.NewClientFactory(in.Subscription, owner, all)
	m.strangerSees, errs[3] = armresources.NewResourceGroupsClient(in.Subscription, stranger, all)
	m.strangerMakes, errs[4] = armauthorization.NewRoleAssignmentsClient(in.Subscription, stranger, all)
	return m, errors.Join(errs[:]...)
}

// onePerPage asks for pages of one, also where a client has no option for that.
type onePerPage struct{}

// Do is what a policy of azcore does.
func (onePerPage) Do(req *policy.Request) (*http.Response, error) {
	if query := req.Raw().URL.Query(); req.Raw().Method == http.MethodGet && !query.Has("$top") {
		query.Set("$top", "1")
		req.Raw().URL.RawQuery = query.Encode()
	}
	return req.Next()
}

// run takes all steps, each of which builds on those before.
func (m *manager) run() []managerReport {
	var reports []managerReport
	for _, step := range []struct {
		name string
		take func() error
	}{
		{"groups", m.manageGroups},
		{"tags", m.manageTags},
		{"case 92: a namespace that is not registered", m.registerAgain},
		{"identities", m.manageIdentities},
		{"federated credentials", m.manageCredentials},
		{"a resource with identities", m.manageSite},
		{"role definitions", m.manageRoles},
		{"role assignments", m.manageAssignments},
		{"lists of role assignments", m.listAssignments},
		{"refusals of role assignments", m.refuseAssignments},
		{"a role holds at once", m.holdAtOnce},
		{"what else there is of access", m.readAccess},
		{"the end", m.deleteAll},
	} {
		m.wrong = nil
		err := step.take()
		report := managerReport{Step: step.name}
		if err = errors.Join(append(m.wrong, err)...); err != nil {
			report.Error = err.Error()
		}
		reports = append(reports, report)
	}
	return reports
}

// check notes what is not as it must be.
func (m *manager) check(ok bool, format string, args ...any) {
	if !ok {
		m.wrong = append(m.wrong, fmt.Errorf(format, args...))
	}
}

// refused expects an error of Resource Manager, read as the clients read it.
func (m *manager) refused(what string, err error, status int, code string) {
	var answer *azcore.ResponseError
	if !errors.As(err, &answer) {
		m.check(false, "%s: %v, want %d %s", what, err, status, code)
		return
	}
	m.check(answer.StatusCode == status && answer.ErrorCode == code, "%s: %d %s, want %d %s\n%v", what, answer.StatusCode, answer.ErrorCode, status, code, err)
}

// every reads all pages of a list.
func every[P, V any](m *manager, pager *runtime.Pager[P], values func(P) []*V) (all []*V, pages int) {
	for pager.More() {
		page, err := pager.NextPage(m.ctx)
		if err != nil {
			m.check(false, "page %d: %v", pages+1, err)
			break
		}
		all, pages = append(all, values(page)...), pages+1
	}
	return all, pages
}

// text is what a pointer of the clients points to; "" for nil.
func text[T ~string](p *T) string {
	if p == nil {
		return ""
	}
	return string(*p)
}

func pointer[T any](v T) *T { return &v }

func checkReports(t *testing.T, reports []managerReport) {
	t.Helper()
	for _, r := range reports {
		t.Run(r.Step, func(t *testing.T) {
			if r.Error != "" {
				t.Error(r.Error)
			}
		})
	}
}

func TestGoClientsManageResourcesInTheSandbox(t *testing.T) {
	needSandbox(t)
	var reports []managerReport
	privately("sandbox", "func-owner").runJSON(t, managerInput{privateSubscription, another()}, []string{shared.self, clientArgument, "manage"}, &reports)
	checkReports(t, reports)
}

// Outside of a sandbox the clients are told which cloud it is, and this process has the variables of App Service.
func TestGoClientsManageResourcesOfAnotherCloud(t *testing.T) {
	becomeWorkload(t, "func-owner")
	ca, err := os.ReadFile(dev.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(t.Context(), managerWithin)
	defer cancel()
	m, err := newManager(ctx, managerInput{dev.Subscription, identityOf(t, "id-stranger")}, azcore.ClientOptions{Transport: client, Cloud: cloud.Configuration{
		ActiveDirectoryAuthorityHost: dev.Origin,
		Services:                     map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: {Endpoint: dev.Origin, Audience: arm}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	checkReports(t, m.run())
}
