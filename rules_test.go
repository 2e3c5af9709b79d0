// Package inborn_test holds the rules of the house as a test: which package may import which, what the pure packages
// must not do, how long a file may be. Each rule gives its reason when it is broken, and each is shown to be able to
// fail on a small piece of bad code (rules_fixture_test.go).
package inborn_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const modulePath = "github.com/inborn-id/inborn"

// source is one file of Go.
type source struct {
	name  string // relative to the module, with slashes
	text  string
	syn   *ast.File
	fset  *token.FileSet
	test  bool
	lines int
}

// pkg is one package: its place below the module and its files.
type pkg struct {
	path  string // "internal/guid"; "" for the root
	files []source
}

// tree is everything that the rules look at.
type tree struct {
	pkgs  map[string]*pkg
	goMod string
	deps  string // docs/dependencies.md
}

// rule returns what breaks it, each with its place.
type rule struct {
	name, reason string
	check        func(*tree) []string
}

// rules are all rules, in the order of design and of the file that holds them.
func rules() []rule {
	return slices.Concat(importRules(), codeRules(), textRules())
}

func TestRules(t *testing.T) {
	all := load(t)
	for _, r := range rules() {
		t.Run(strings.ReplaceAll(r.name, " ", "_"), func(t *testing.T) {
			for _, broken := range r.check(all) {
				t.Errorf("%s\n\t%s, because %s", broken, r.name, r.reason)
			}
		})
	}
}

// load reads the module with the go command, which knows what belongs to it. Files for other systems are read, too.
func load(t *testing.T) *tree {
	t.Helper()
	list := exec.Command("go", "list", "-json=Dir,ImportPath,GoFiles,IgnoredGoFiles,TestGoFiles,XTestGoFiles,CgoFiles", "./...")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := &tree{pkgs: map[string]*pkg{}, goMod: readFile(t, "go.mod"), deps: readFile(t, "docs/dependencies.md")}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Dir, ImportPath                                              string
			GoFiles, IgnoredGoFiles, TestGoFiles, XTestGoFiles, CgoFiles []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if len(p.CgoFiles) > 0 {
			t.Errorf("%s uses cgo: %v; the binary is static", p.ImportPath, p.CgoFiles)
		}
		in := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, modulePath), "/")
		for _, name := range slices.Concat(p.GoFiles, p.IgnoredGoFiles, p.TestGoFiles, p.XTestGoFiles) {
			if err := all.add(path.Join(in, name), readFile(t, filepath.Join(p.Dir, name))); err != nil {
				t.Fatal(err)
			}
		}
	}
	return all
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (all *tree) add(name, text string) error {
	fset := token.NewFileSet()
	syn, err := parser.ParseFile(fset, name, text, parser.ParseComments)
	if err != nil {
		return err
	}
	in := path.Dir(name)
	if in == "." {
		in = ""
	}
	if all.pkgs[in] == nil {
		all.pkgs[in] = &pkg{path: in}
	}
	f := source{name: name, text: text, syn: syn, fset: fset, test: strings.HasSuffix(name, "_test.go"), lines: strings.Count(text, "\n")}
	all.pkgs[in].files = append(all.pkgs[in].files, f)
	return nil
}

// sorted returns the packages in the order of their paths.
func (all *tree) sorted() []*pkg {
	var pkgs []*pkg
	for _, in := range slices.Sorted(maps.Keys(all.pkgs)) {
		pkgs = append(pkgs, all.pkgs[in])
	}
	return pkgs
}

// code yields the files that are no tests.
func (all *tree) code(yield func(*pkg, source) bool) {
	for _, p := range all.sorted() {
		for _, f := range p.files {
			if !f.test && !yield(p, f) {
				return
			}
		}
	}
}

// imports returns what the package imports outside its tests: the path and the file that does.
func (p *pkg) imports() map[string]string {
	found := map[string]string{}
	for _, f := range p.files {
		if f.test {
			continue
		}
		for _, spec := range f.syn.Imports {
			found[strings.Trim(spec.Path.Value, `"`)] = f.name
		}
	}
	return found
}

// own returns the packages of this module that p imports, without the module's path.
func (p *pkg) own() map[string]string {
	found := map[string]string{}
	for imported, file := range p.imports() {
		if rest, ok := strings.CutPrefix(imported, modulePath+"/"); ok {
			found[rest] = file
		}
	}
	return found
}

func (f source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", f.name, f.fset.Position(n.Pos()).Line)
}

// The layers, from the bottom up.
func vocabulary() []string { return []string{"internal/guid", "internal/apierr"} }

func objects() []string { return []string{"internal/directory", "internal/resource"} }

func decisions() []string {
	return []string{"internal/token", "internal/rbac", "internal/vault", "internal/attest"}
}

func domain() []string { return slices.Concat(vocabulary(), objects(), decisions()) }

func wireAPIs() []string {
	return []string{"internal/oauth", "internal/graph", "internal/arm", "internal/keyvault", "internal/imds", "internal/nodeapi", "internal/portal"}
}

// mayImport returns for each package the packages of this module that it may import. One that is not listed may import
// none: it has to find its place here first.
func mayImport() map[string][]string {
	withDomain := func(more ...string) []string { return append(domain(), more...) }
	may := map[string][]string{
		"internal/guid":   nil,
		"internal/apierr": {"internal/guid"},
		"internal/serve":  vocabulary(),
		"internal/store":  vocabulary(),

		"internal/store/storetest": append(vocabulary(), "internal/store"),

		"internal/envelope": vocabulary(),
		"internal/state":    withDomain("internal/store", "internal/envelope"),
		"internal/manifest": withDomain("internal/state"),
		"internal/agent":    withDomain("internal/imds", "internal/nodeapi", "internal/serve"),
		"internal/sandbox":  append(vocabulary(), "internal/serve"),
		"internal/server": withDomain("internal/oauth", "internal/graph", "internal/arm", "internal/keyvault", "internal/portal", "internal/nodeapi",
			"internal/manifest", "internal/state", "internal/store", "internal/envelope", "internal/serve"),
		"internal/cli": withDomain("internal/server", "internal/agent", "internal/sandbox", "internal/manifest"),
		"cmd/inborn":   {"internal/cli", "internal/sandbox"}, // of sandbox the init only, which main must be at once
		"verify":       append(vocabulary(), "internal/token", "internal/directory"),
		"inborntest":   withDomain("internal/server", "internal/agent", "internal/manifest", "internal/serve"),
	}
	for _, p := range objects() {
		may[p] = vocabulary()
	}
	for _, p := range decisions() {
		may[p] = append(vocabulary(), objects()...)
	}
	for _, p := range wireAPIs() {
		may[p] = withDomain("internal/serve", "internal/state")
	}
	return may
}

// isProgram reports whether the package stands outside the layers: demonstrations, which use what is public, and
// measurements, which use everything.
func isProgram(in string) bool {
	first, _, _ := strings.Cut(in, "/")
	return first == "" || first == "demo" || first == "bench"
}

func importRules() []rule {
	return []rule{
		{"imports go down", "the arrows of design, section 3, keep each layer replaceable and testable without those above it", checkArrows},
		{"the domain is pure", "decisions run again with one answer, and in tests without a clock or a database", checkPurity},
		{"agents reach no store", "an agent runs on machines that must not hold directory state", checkReach},
		{"database/sql stays in store", "there is one way to change state, and it is not SQL", checkSQL},
	}
}

func checkArrows(all *tree) (broken []string) {
	may := mayImport()
	for _, p := range all.sorted() {
		allowed, known := may[p.path]
		for imported, file := range p.own() {
			switch {
			case isProgram(p.path):
				if strings.HasPrefix(p.path, "demo") && imported != "verify" && imported != "inborntest" {
					broken = append(broken, fmt.Sprintf("%s imports %s: a demonstration may use the public packages only", file, imported))
				}
			case !known:
				broken = append(broken, fmt.Sprintf("%s: package %s has no place in mayImport", file, p.path))
			case slices.Contains(wireAPIs(), p.path) && slices.Contains(wireAPIs(), imported):
				broken = append(broken, fmt.Sprintf("%s imports %s: wire APIs know nothing of each other", file, imported))
			case (p.path == "internal/imds" || p.path == "internal/nodeapi") && imported == "internal/state":
				broken = append(broken, fmt.Sprintf("%s imports state: its Handler is a struct of function fields, so that agents can use it", file))
			case !slices.Contains(allowed, imported):
				broken = append(broken, fmt.Sprintf("%s imports %s", file, imported))
			}
		}
	}
	return broken
}

// checkPurity looks at the domain's imports and calls. The facts of the kernel have to be read from somewhere: the files
// of attest that are named for a system may import os.
func checkPurity(all *tree) (broken []string) {
	banned := []string{"net/http", "database/sql", "os", "os/exec", "log", "log/slog", "crypto/rand", "math/rand", "math/rand/v2", "time/tzdata"}
	for p, f := range all.code {
		if !slices.Contains(domain(), p.path) {
			continue
		}
		facts := p.path == "internal/attest" && slices.Contains([]string{"linux.go", "other.go", "proc_linux.go"}, path.Base(f.name))
		for _, spec := range f.syn.Imports {
			if imported := strings.Trim(spec.Path.Value, `"`); slices.Contains(banned, imported) && !facts {
				broken = append(broken, fmt.Sprintf("%s imports %s", f.at(spec), imported))
			}
		}
		for _, call := range clockReads(f) {
			if !facts {
				broken = append(broken, f.at(call)+" reads the clock")
			}
		}
	}
	return broken
}

func checkReach(all *tree) (broken []string) {
	for _, from := range []string{"internal/agent", "internal/imds"} {
		seen := map[string]bool{}
		var visit func(in string, way []string)
		visit = func(in string, way []string) {
			if seen[in] || all.pkgs[in] == nil {
				return
			}
			seen[in] = true
			way = append(way, in)
			if slices.Contains([]string{"internal/store", "internal/state", "internal/portal"}, in) {
				broken = append(broken, strings.Join(way, " -> "))
			}
			for imported := range all.pkgs[in].imports() {
				if imported == "database/sql" {
					broken = append(broken, strings.Join(way, " -> ")+" -> database/sql")
				}
			}
			for _, next := range slices.Sorted(maps.Keys(all.pkgs[in].own())) {
				visit(next, slices.Clone(way))
			}
		}
		visit(from, nil)
	}
	return broken
}

func checkSQL(all *tree) (broken []string) {
	for _, p := range all.sorted() {
		if file, ok := p.imports()["database/sql"]; ok && !strings.HasPrefix(p.path, "internal/store") && !isProgram(p.path) {
			broken = append(broken, file+" imports database/sql")
		}
	}
	return broken
}
