package interop

import (
	"os"
	"strings"
	"testing"
	"time"
)

// The az of Debian with what lies above resources: management groups, and locks; and with operations that take a while.

// slowness is how long operations take in this test: long enough to be told from an az that starts slowly.
const slowness = 6 * time.Second

func TestAzWithScopesAndSlowOperations(t *testing.T) {
	t.Parallel() // it takes its time
	slow, err := start("--slow-operations", slowness.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := slow.stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the log of inborn dev:\n%s", slow.lastLog())
		}
		os.RemoveAll(slow.data)
	})
	a := newAdministratorAz(t, slow)
	subscription := "/subscriptions/" + slow.Subscription
	t.Run("management groups", func(t *testing.T) {
		t.Parallel()
		mg := func(args ...string) []string { return append([]string{"account", "management-group"}, args...) }
		plain := func(args ...string) []string { return append(mg(args...), "--no-register") } // else az waits ten seconds
		(&az{t, a.env}).follow(subscription, []azStep{
			says(`["div","Division","`+slow.Tenant+`"]`, plain("create", "--name", "div", "--display-name", "Division", "--query", "[name,displayName,details.parent.name]")...),
			says(`"div"`, plain("create", "--name", "team", "--parent", "div", "--query", "details.parent.name")...),
			says(`["div","team"]`, plain("list", "--query", "sort([?name!='"+slow.Tenant+"'].name)")...),
			says(`"The Team"`, mg("update", "--name", "team", "--display-name", "The Team", "--query", "displayName")...),
			says(``, mg("subscription", "add", "--name", "team", "--subscription", slow.Subscription)...),
			says(`["`+slow.Subscription+`"]`, mg("subscription", "show-sub-under-mg", "--name", "team", "--query", "[].name")...),
			says(`["team","ID"]`, plain("show", "--name", "div", "--expand", "--recurse", "--query", "[children[0].name,children[0].children[0].id]")...),
		})
		if _, stderr, err := a.try(plain("delete", "--name", "team")...); err == nil || !strings.Contains(stderr, "is not empty") {
			t.Errorf("a group that is in use: %v\n%s", err, stderr)
		}
		(&az{t, a.env}).follow(subscription, []azStep{
			says(``, mg("subscription", "remove", "--name", "team", "--subscription", slow.Subscription)...),
			says(``, plain("delete", "--name", "team")...),
			says(`["div"]`, plain("list", "--query", "sort([?name!='"+slow.Tenant+"'].name)")...),
		})
	})
	t.Run("locks and operations", func(t *testing.T) {
		t.Parallel()
		b, in := &az{t, a.env}, func(args ...string) []string { return append(args, "--resource-group", "rg-lock") }
		job := []string{"--resource-type", "Microsoft.Logic/workflows", "--name", "nightly"}
		b.follow(subscription, []azStep{says(``, "group", "create", "--name", "rg-lock", "--location", "westeurope")})
		b.takes(`["Succeeded","nightly"]`, append(in("resource", "create", "--properties", "{}", "--query", "[properties.provisioningState,name]"), job...)...)
		b.follow(subscription, []azStep{
			says(`["keep","CanNotDelete"]`, in("lock", "create", "--name", "keep", "--lock-type", "CanNotDelete", "--query", "[name,level]")...),
			says(`"ID/resourceGroups/rg-lock/providers/Microsoft.Logic/workflows/nightly/providers/Microsoft.Authorization/locks/job"`, in("lock", "create", "--name", "job",
				"--lock-type", "ReadOnly", "--notes", "why", "--resource", "nightly", "--resource-type", "Microsoft.Logic/workflows", "--query", "id")...),
			says(`["job","keep"]`, in("lock", "list", "--query", "sort([].name)")...),
			says(`"CanNotDelete"`, in("lock", "show", "--name", "keep", "--query", "level")...),
		})
		for says, command := range map[string][]string{
			"Some resources failed to be deleted": append(in("resource", "delete"), job...),
			"cannot perform delete operation":     {"group", "delete", "--name", "rg-lock", "--yes"},
			"cannot perform write operation":      append(in("resource", "tag", "--tags", "a=b"), job...),
		} {
			if _, stderr, err := b.try(command...); err == nil || !strings.Contains(stderr, says) {
				t.Errorf("az %s: %v\n%s", strings.Join(command, " "), err, stderr)
			}
		}
		b.follow(subscription, []azStep{
			says(``, in("lock", "delete", "--name", "keep")...),
			says(``, in("lock", "delete", "--name", "job", "--resource", "nightly", "--resource-type", "Microsoft.Logic/workflows")...),
			says(`[]`, "lock", "list"),
		})
		b.takes(``, append(in("resource", "delete"), job...)...)
		b.takes(``, "group", "delete", "--name", "rg-lock", "--yes")
		b.follow(subscription, []azStep{says(`false`, "group", "exists", "--name", "rg-lock")})
	})
}

// takes is follow for one command that has to wait for an operation to be over.
func (a *az) takes(want string, args ...string) {
	a.t.Helper()
	began := time.Now()
	a.follow("", []azStep{says(want, args...)})
	if took := time.Since(began); took < slowness {
		a.t.Errorf("az %s took %s and did not wait", strings.Join(args, " "), took)
	}
}
