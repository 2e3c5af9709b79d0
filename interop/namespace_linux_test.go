package interop

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// The address of IMDS is literal in the Go library and in what articles print. It can be had without touching the
// machine: these tests run again in a child of this program that has a network namespace of its own, with nothing but a
// loopback device. Namespaces have to be entered before a program has threads, hence the child.

const (
	scenarioVariable = "INBORN_INTEROP_SCENARIO" // set in the child: the default resource of its Inborn, or "none"
	outerVariable    = "INBORN_INTEROP_OUTER"    // the namespace that the child must not be in

	imdsAddress  = "169.254.169.254"
	childWithin  = 2 * time.Minute
	noDefaultOne = "none"
)

// dieWithUs has the kernel end a program with this one, however this one ends.
func dieWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// inNamespace reports whether this is the child. If not, it runs the test in one and reports what came of it.
func inNamespace(t *testing.T, scenario string) bool {
	t.Helper()
	if os.Getenv(scenarioVariable) != "" {
		return true
	}
	if _, err := exec.LookPath("ip"); err != nil {
		unavailable(t, "no namespace without the program ip: %v", err)
	}
	outer, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), childWithin)
	defer cancel()
	runtime.LockOSThread() // see dieWithUs; this goroutine waits for the child
	defer runtime.UnlockOSThread()
	child := exec.CommandContext(ctx, self, "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout="+childWithin.String())
	child.Env = append(os.Environ(), scenarioVariable+"="+scenario, outerVariable+"="+outer, "INBORN_BIN="+bin)
	child.SysProcAttr = dieWithUs()
	child.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET
	if os.Getuid() != 0 { // the root of a user namespace of its own may do the same
		child.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		child.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		child.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := child.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil && strings.Contains(string(out), "--- PASS: "+t.Name()+" "):
		t.Logf("in a namespace of its own:\n%s", out)
	case errors.Is(err, syscall.EPERM) && !errors.As(err, &exit):
		unavailable(t, "this user may not make network namespaces: %v", err)
	default:
		t.Errorf("in a namespace of its own: %v\n%s", err, out)
	}
	return false
}

// enterNamespace gives the loopback device the address of IMDS, once it is sure that this is not the machine's own
// namespace, and returns the flags of the Inborn to start there.
func enterNamespace() ([]string, error) {
	inner, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return nil, err
	}
	outer := os.Getenv(outerVariable)
	devices, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	if outer == "" || outer == inner || len(devices) != 1 || devices[0].Flags&net.FlagUp != 0 {
		return nil, fmt.Errorf("this is not a fresh namespace: %s, outside %s, devices %v", inner, outer, devices)
	}
	for _, args := range [][]string{{"link", "set", "lo", "up"}, {"addr", "add", imdsAddress + "/32", "dev", "lo"}} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("ip %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	flags := []string{"--identity-endpoint", imdsAddress + ":80"}
	if scenario := os.Getenv(scenarioVariable); scenario != noDefaultOne {
		flags = append(flags, "--default-resource", scenario)
	}
	return flags, nil
}

func TestGoOnIMDSGetsTheIdentityItAsksFor(t *testing.T) {
	if !inNamespace(t, "func-orders") {
		return
	}
	system, user := identityOf(t, "func-orders"), identityOf(t, "id-orders-dev-local-01")
	for _, c := range []struct {
		name     string
		id       azidentity.ManagedIDKind
		audience string
		want     identity
	}{
		{"system-assigned by default", nil, graph, system},
		{"user-assigned by client id", azidentity.ClientID(user.ClientID), graph, user},
		{"user-assigned by object id", azidentity.ObjectID(user.ObjectID), arm, user},
		{"user-assigned by resource id", azidentity.ResourceID(user.ResourceID), orders, user},
	} {
		t.Run(c.name, func(t *testing.T) {
			token, err := goToken(t, goManagedIdentity(t, c.id), c.audience)
			if err != nil {
				t.Fatal(err)
			}
			checkToken(t, token, c.audience, c.want)
		})
	}
	t.Run("DefaultAzureCredential after its probe", func(t *testing.T) {
		token, err := goToken(t, goDefault(t), orders)
		if err != nil {
			t.Fatal(err)
		}
		checkToken(t, token, orders, system)
	})
	t.Run("an identity that the resource does not have is refused fast", func(t *testing.T) {
		began := time.Now()
		_, err := goToken(t, goManagedIdentity(t, azidentity.ClientID(identityOf(t, "id-of-another").ClientID)), graph)
		if took := time.Since(began); err == nil || !strings.Contains(err.Error(), "Identity not found") || took > failsWithin {
			t.Errorf("after %s: %v, want Identity not found within %s", took, err, failsWithin)
		}
	})
}

func TestNodeOnIMDSNeedsNoSetting(t *testing.T) {
	needPackages(t) // before the namespace, from which no registry can be reached
	if !inNamespace(t, "func-orders") {
		return
	}
	system, user := identityOf(t, "func-orders"), identityOf(t, "id-orders-dev-local-01")
	askIdentities(t, nil, []tokenCase{
		{name: "system-assigned by default", want: system, ask: ask{Credential: managed, Scope: graph}},
		{name: "user-assigned by client id", want: user, ask: ask{Credential: managed, Options: options{"clientId": user.ClientID}, Scope: graph}},
		{name: "DefaultAzureCredential after its probe", want: system, ask: ask{Credential: standard, Scope: orders}},
	})
	t.Run("fetch as printed in the article", func(t *testing.T) {
		checkToken(t, strings.TrimSpace(node(t, nil, "", "testdata/article-imds.mjs")), graph+"/", system)
	})
}

func TestCurlOnIMDSAsPrinted(t *testing.T) {
	if !inNamespace(t, "func-orders") {
		return
	}
	got := curl(t, "-H", "Metadata: true", "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://graph.microsoft.com/")
	got.want(t, 200)
	checkToken(t, got.json(t)["access_token"].(string), graph+"/", identityOf(t, "func-orders"))
}

func TestDefaultAzureCredentialGoesOnWhereIMDSHasNoIdentity(t *testing.T) {
	if !inNamespace(t, noDefaultOne) {
		return
	}
	t.Setenv("PATH", t.TempDir()) // no developer tool of the machine may answer instead
	began := time.Now()
	token, err := goToken(t, goDefault(t), graph)
	took := time.Since(began)
	if err == nil {
		t.Fatalf("got a token of %+v", readToken(t, token))
	}
	if !strings.Contains(err.Error(), "AzureCLICredential") {
		t.Errorf("the chain ended at IMDS:\n%v", err)
	}
	if took > failsWithin {
		t.Errorf("it took %s, want less than %s", took, failsWithin)
	}
}
