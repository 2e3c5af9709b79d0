package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	installWithin = 5 * time.Minute
	nodeWithin    = time.Minute
)

// needPackages makes sure of node and of the packages that package.json names, in exactly those versions.
func needPackages(t *testing.T) {
	t.Helper()
	if err := installed(); err != nil {
		unavailable(t, "npm clients cannot be had: %v", err)
	}
}

var installed = sync.OnceValue(func() error {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return err
		}
	}
	missing := missingPackages()
	if missing == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), installWithin)
	defer cancel()
	install := exec.CommandContext(ctx, "npm", "install", "--no-progress")
	install.Env = machineEnv
	if out, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("%w; npm install: %w\n%s", missing, err, out)
	}
	return missingPackages()
})

// missingPackages names the first package of package.json that node_modules does not have in that version.
func missingPackages() error {
	var wanted struct {
		Dependencies map[string]string `json:"dependencies"`
	}
	if err := readJSON("package.json", &wanted); err != nil {
		return err
	}
	for name, version := range wanted.Dependencies {
		var found struct {
			Version string `json:"version"`
		}
		if err := readJSON(filepath.Join("node_modules", name, "package.json"), &found); err != nil {
			return err
		}
		if found.Version != version {
			return fmt.Errorf("%s is there in version %q, not %s", name, found.Version, version)
		}
	}
	return nil
}

func readJSON(path string, out any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, out)
}

// node runs a script with these variables and that standard input, and returns what it prints.
func node(t *testing.T, env map[string]string, input, script string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), nodeWithin)
	defer cancel()
	command := exec.CommandContext(ctx, "node", script)
	command.Env = os.Environ()
	for name, value := range env {
		command.Env = append(command.Env, name+"="+value)
	}
	command.Stdin = strings.NewReader(input)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("node %s: %v\n%s%s", script, err, out, &stderr)
	}
	return string(out)
}

// nodeJSON is node for scripts that read and print one JSON value.
func nodeJSON(t *testing.T, env map[string]string, in, out any, script string) {
	t.Helper()
	input, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	text := node(t, env, string(input), script)
	if err := json.Unmarshal([]byte(text), out); err != nil {
		t.Fatalf("node %s printed %q: %v", script, text, err)
	}
}
