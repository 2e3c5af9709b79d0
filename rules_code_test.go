package inborn_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

const (
	maxFileLines     = 600
	maxFunctionLines = 80
	maxTableLines    = 150 // of a test, most of which is a table
	maxMainLines     = 40
)

func codeRules() []rule {
	return []rule{
		{"wire forms stand in wire.go", "whoever asks what goes over the wire reads one file per package", checkTags},
		{"packages have a subject", "a package called util collects what has none", checkNames},
		{"files and functions are short", "what does not fit a screen is not read", checkSizes},
		{"nothing is global", "programs are values that Run wires by hand, so that tests start what main starts", checkGlobals},
		{"clocks and randomness are arguments", "a test moves the clock, and a decision runs again with one answer", checkClocks},
	}
}

// checkTags looks for JSON, XML and YAML struct tags. The manifest's schema and the record codecs of state are wire
// forms under other names.
func checkTags(all *tree) (broken []string) {
	for p, f := range all.code {
		base := path.Base(f.name)
		codec := p.path == "internal/state" && strings.HasPrefix(base, "codec")
		schema := p.path == "internal/manifest" && (base == "schema.go" || strings.HasPrefix(base, "schema_"))
		if base == "wire.go" || strings.HasPrefix(base, "wire_") || codec || schema || isProgram(p.path) {
			continue
		}
		ast.Inspect(f.syn, func(n ast.Node) bool {
			field, ok := n.(*ast.Field)
			if ok && field.Tag != nil && (strings.Contains(field.Tag.Value, "json:") || strings.Contains(field.Tag.Value, "xml:") || strings.Contains(field.Tag.Value, "yaml:")) {
				broken = append(broken, f.at(field)+" has the struct tag "+field.Tag.Value)
			}
			return true
		})
	}
	return broken
}

func checkNames(all *tree) (broken []string) {
	banned := []string{"util", "utils", "common", "helper", "helpers", "types", "models", "base", "core", "misc", "shared"}
	for _, p := range all.sorted() {
		for _, f := range p.files {
			if slices.Contains(banned, strings.TrimSuffix(f.syn.Name.Name, "_test")) || slices.Contains(banned, path.Base(p.path)) {
				broken = append(broken, fmt.Sprintf("%s: package %s in %s", f.name, f.syn.Name.Name, p.path))
			}
		}
	}
	return broken
}

func checkSizes(all *tree) (broken []string) {
	for _, p := range all.sorted() {
		for _, f := range p.files {
			limit := maxFileLines
			if path.Base(f.name) == "main.go" && !isProgram(p.path) {
				limit = maxMainLines
			}
			if f.lines > limit {
				broken = append(broken, fmt.Sprintf("%s has %d lines; the limit is %d", f.name, f.lines, limit))
			}
			for _, d := range f.syn.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok {
					continue
				}
				limit := maxFunctionLines
				if f.test {
					limit = maxTableLines
				}
				if n := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line + 1; n > limit {
					broken = append(broken, fmt.Sprintf("%s: %s has %d lines; the limit is %d", f.at(fn), fn.Name.Name, n, limit))
				}
			}
		}
	}
	return broken
}

// checkGlobals refuses init functions and package variables that can change. What may stay: errors, embedded files,
// tables and compiled constants that nothing assigns to.
func checkGlobals(all *tree) (broken []string) {
	for _, p := range all.sorted() {
		vars := map[string]bool{}
		for _, f := range p.files {
			if f.test {
				continue
			}
			for _, d := range f.syn.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					if d.Recv == nil && d.Name.Name == "init" {
						broken = append(broken, f.at(d)+" is an init function")
					}
				case *ast.GenDecl:
					if d.Tok == token.VAR {
						broken = append(broken, checkVars(f, d, vars)...)
					}
				}
			}
		}
		for _, f := range p.files {
			if !f.test {
				broken = append(broken, assignments(f, vars)...)
			}
		}
	}
	return broken
}

// checkVars judges one var declaration by its values and adds its names to vars.
func checkVars(f source, d *ast.GenDecl, vars map[string]bool) (broken []string) {
	for _, spec := range d.Specs {
		spec := spec.(*ast.ValueSpec)
		embedded := isEmbed(d.Doc) || isEmbed(spec.Doc)
		for i, name := range spec.Names {
			if name.Name == "_" {
				continue
			}
			vars[name.Name] = true
			switch {
			case embedded:
			case len(spec.Values) == 0:
				broken = append(broken, f.at(name)+": "+name.Name+" has no value, so somebody will give it one")
			case isChangeable(spec.Values[min(i, len(spec.Values)-1)]):
				broken = append(broken, f.at(name)+": "+name.Name+" holds something that is made to change")
			}
		}
	}
	return broken
}

func isEmbed(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

// isChangeable reports whether a value is a pointer to a new thing, a made map or channel, or of a type of sync.
func isChangeable(value ast.Expr) bool {
	switch v := value.(type) {
	case *ast.UnaryExpr:
		_, literal := v.X.(*ast.CompositeLit)
		return v.Op == token.AND && literal
	case *ast.CallExpr:
		name, ok := v.Fun.(*ast.Ident)
		return ok && (name.Name == "make" || name.Name == "new")
	case *ast.CompositeLit:
		sel, ok := v.Type.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		of, ok := sel.X.(*ast.Ident)
		return ok && (of.Name == "sync" || of.Name == "atomic")
	}
	return false
}

// assignments finds where a package variable or a part of it is assigned to, deleted from or has its address taken.
func assignments(f source, vars map[string]bool) (broken []string) {
	report := func(target ast.Expr) {
		if name := rootOf(target); name != nil && vars[name.Name] && isPackageLevel(f, name) {
			broken = append(broken, f.at(target)+" changes the package variable "+name.Name)
		}
	}
	ast.Inspect(f.syn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, target := range n.Lhs {
				if n.Tok != token.DEFINE {
					report(target)
				}
			}
		case *ast.IncDecStmt:
			report(n.X)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				report(n.X)
			}
		case *ast.CallExpr:
			if fn, ok := n.Fun.(*ast.Ident); ok && (fn.Name == "delete" || fn.Name == "clear" || fn.Name == "copy") && len(n.Args) > 0 {
				report(n.Args[0])
			}
		}
		return true
	})
	return broken
}

func rootOf(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// isPackageLevel reports whether a name means the package's variable: the parser resolves it to the declaration at the
// top of this file, or leaves it open because it is in another.
func isPackageLevel(f source, name *ast.Ident) bool {
	if name.Obj == nil {
		return true
	}
	for _, d := range f.syn.Decls {
		if g, ok := d.(*ast.GenDecl); ok && slices.ContainsFunc(g.Specs, func(s ast.Spec) bool { return any(s) == name.Obj.Decl }) {
			return true
		}
	}
	return false
}

// checkClocks lets the clock be read and randomness be drawn only where programs are wired: in cli, in commands and
// demonstrations, in the conformance tests of stores, and in the functions of server, agent, sandbox, verify and
// inborntest that fill in the defaults of a configuration.
func checkClocks(all *tree) (broken []string) {
	for p, f := range all.code {
		if p.path == "internal/cli" || p.path == "internal/store/storetest" || strings.HasPrefix(p.path, "cmd/") || isProgram(p.path) || slices.Contains(domain(), p.path) {
			continue // the domain has a rule of its own
		}
		wiring := []string{"internal/server", "internal/agent", "internal/sandbox", "verify", "inborntest"}
		for _, d := range f.syn.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if ok && slices.Contains(wiring, p.path) && isWiring(fn.Name.Name) {
				continue
			}
			for _, n := range slices.Concat(clockReads(f, d), randomReads(f, d)) {
				broken = append(broken, f.at(n)+" reads the clock or draws randomness itself")
			}
		}
	}
	return broken
}

func isWiring(function string) bool {
	lower := strings.ToLower(function)
	for _, prefix := range []string{"run", "start", "new", "open", "withdefaults", "defaults"} {
		if strings.HasPrefix(lower, prefix) {
			return true
		}
	}
	return false
}

// clockReads returns the mentions of time.Now, Since and Until in the file, or in one declaration of it.
func clockReads(f source, within ...ast.Node) []ast.Node {
	return mentions(f, "time", []string{"Now", "Since", "Until"}, within)
}

// randomReads returns the mentions of the system's randomness, of which ids and keys are made. The jitter of a retry may
// come from math/rand, except in the domain.
func randomReads(f source, within ...ast.Node) []ast.Node {
	return mentions(f, "crypto/rand", []string{"Reader", "Read", "Text"}, within)
}

// mentions returns where names of an imported package stand; no names are all names.
func mentions(f source, imported string, names []string, within []ast.Node) (found []ast.Node) {
	local := ""
	for _, spec := range f.syn.Imports {
		if strings.Trim(spec.Path.Value, `"`) == imported {
			local = path.Base(strings.TrimSuffix(imported, "/v2"))
			if spec.Name != nil {
				local = spec.Name.Name
			}
		}
	}
	if local == "" {
		return nil
	}
	if len(within) == 0 {
		within = []ast.Node{f.syn}
	}
	for _, node := range within {
		ast.Inspect(node, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && (len(names) == 0 || slices.Contains(names, sel.Sel.Name)) {
				if of, ok := sel.X.(*ast.Ident); ok && of.Name == local && of.Obj == nil {
					found = append(found, sel)
				}
			}
			return true
		})
	}
	return found
}
