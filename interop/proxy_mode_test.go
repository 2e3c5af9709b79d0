package interop

import (
	"regexp"
	"strings"
	"testing"
)

// Where there can be no sandbox, a proxy in the environment leads programs to Inborn, as far as they heed it.

func TestProxyServesProgramsAsTheyAre(t *testing.T) {
	for _, p := range places() {
		b := privately("proxy", p.resource)
		t.Run(p.resource, func(t *testing.T) {
			t.Run("azidentity", func(t *testing.T) { b.askGo(t, p.questions(usersOfGraph)) })
			t.Run("npm @azure/identity", func(t *testing.T) { b.askNode(t, p.questions("")) }) // its own fetch would go elsewhere
			t.Run("curl", func(t *testing.T) { b.askWithCurl(t, curlIMDS, p.system) })
			t.Run("Python's azure-identity", func(t *testing.T) { b.askPython(t, p) })
			t.Run("Python's msal", func(t *testing.T) { b.askMSAL(t) })
			if p.site {
				t.Run("curl on App Service", func(t *testing.T) { b.askWithCurl(t, curlAppService, p.system) })
			}
		})
	}
}

func TestProxyServesAzAsItIs(t *testing.T) {
	t.Parallel() // it takes its time
	for _, p := range places() {
		for _, login := range p.logins()[:2] { // the others are no different here
			t.Run(p.resource+", "+login.name, func(t *testing.T) { privately("proxy", p.resource).useAz(t, login) })
		}
	}
}

func TestProxyForEveryUser(t *testing.T) {
	for _, u := range users() {
		for _, p := range places() {
			t.Run(u.name+", "+p.resource, func(t *testing.T) {
				b := privately("proxy", p.resource)
				b.as = u.as
				t.Run("azidentity", func(t *testing.T) { b.askGo(t, p.questions(usersOfGraph)) })
				t.Run("curl", func(t *testing.T) { b.askWithCurl(t, curlIMDS, p.system) })
			})
		}
	}
}

// Some clients ignore proxies and would ask the real cloud, so nobody may have to find that out.
func TestProxySaysWhomItDoesNotReach(t *testing.T) {
	line := regexp.MustCompile(`^inborn: .*\bfetch in Node\b.*@microsoft/microsoft-graph-client.*\n$`)
	got := privately("proxy", "vm-orders").try(t, "", "true")
	if got.code != 0 || !line.MatchString(got.stderr) || strings.Count(got.stderr, "\n") != 1 {
		t.Errorf("exit code %d, standard error %q", got.code, got.stderr)
	}
}

// Without a sandbox and a proxy there are still the variables of App Service, which libraries look at first.
func TestEnvironmentServesLibraries(t *testing.T) {
	for _, p := range places() {
		t.Run(p.resource, func(t *testing.T) {
			b := privately("env", p.resource)
			p.refusal = "No Managed Identity found" // also a virtual machine is asked as App Service here
			t.Run("azidentity", func(t *testing.T) { b.askGo(t, p.questions("")) })
			t.Run("npm @azure/identity", func(t *testing.T) { b.askNode(t, p.questions("")) })
		})
	}
}
