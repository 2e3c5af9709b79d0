package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"inborn": main})
}

// TestScripts runs testdata/*.txtar: each is a story of a user at a terminal, and together they specify the command line.
// Besides the commands of testscript they use those of script_test.go:
//
//	dev [FLAG]...            start `inborn dev` on free ports and wait until it is ready; stdout is what it printed.
//	                         It sets $TENANT, $ORIGIN, $LISTEN (its address) and $IDENTITY (the identity endpoint)
//	interrupt                end it as Ctrl-C does; stdout is all it printed
//	code N COMMAND...        run a command that must exit with N
//	eventually COMMAND...    run a command again until it succeeds, for at most five seconds
//	request STATUS METHOD URL [HEADER:VALUE]...
//	                         send a request that must be answered with STATUS; stdout is the answer, $REQUEST_ID its id
//	pick NAME FILE REGEXP    set an environment variable to what the group of REGEXP matches
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "testdata",
		RequireUniqueNames: true,
		Setup:              prepare,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"dev": startDev, "interrupt": interrupt, "code": exitCode, "eventually": eventually, "request": request, "pick": pick,
		},
	})
}

// prepare gives a script a state directory of its own, so that commands need no --data. Its path is short, because that
// of a Unix socket may have about 100 bytes only.
func prepare(env *testscript.Env) error {
	state, err := os.MkdirTemp("", "i")
	if err != nil {
		return err
	}
	env.Defer(func() { os.RemoveAll(state) })
	env.Setenv("XDG_STATE_HOME", state)
	env.Setenv("DATA", filepath.Join(state, "inborn"))
	env.Setenv("SHORT", state)
	env.Setenv("GORACE", "atexit_sleep_ms=10") // under the race detector each of many commands would end a second later
	env.Values[stageKey{}] = &stage{env: env}
	return nil
}
