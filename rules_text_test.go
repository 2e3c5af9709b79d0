package inborn_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
)

func textRules() []rule {
	return []rule{
		{"exported names are documented", "a reader of the package sees them first", checkDocs},
		{"packages say what they are for", "the package doc is the first page of the book", checkPackageDocs},
		{"nothing is left to do in comments", "what is to be done stands in an issue; what is not done is not there", checkToDo},
		{"every dependency is written down", "each one is code that we answer for", checkDependencies},
		{"every API spells every error", "a code without spelling becomes a 500 at the worst time", checkSpelling},
	}
}

func checkDocs(all *tree) (broken []string) {
	for p, f := range all.code {
		if isProgram(p.path) && f.syn.Name.Name == "main" {
			continue
		}
		for _, d := range f.syn.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc.Text() == "" && (d.Recv == nil || ast.IsExported(receiver(d))) {
					broken = append(broken, f.at(d)+": "+d.Name.Name+" has no comment")
				}
			case *ast.GenDecl:
				broken = append(broken, undocumented(f, d)...)
			}
		}
	}
	return broken
}

func receiver(d *ast.FuncDecl) string {
	e := d.Recv.List[0].Type
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	switch x := e.(type) {
	case *ast.IndexExpr:
		e = x.X
	case *ast.IndexListExpr:
		e = x.X
	}
	if name, ok := e.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

// undocumented finds the exported names of a declaration without a comment. The comment of a group of constants or
// variables is one for each of them.
func undocumented(f source, d *ast.GenDecl) (broken []string) {
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.IsExported() && spec.Doc.Text() == "" && (d.Lparen != token.NoPos || d.Doc.Text() == "") {
				broken = append(broken, f.at(spec)+": "+spec.Name.Name+" has no comment")
			}
		case *ast.ValueSpec:
			for _, name := range spec.Names {
				if name.IsExported() && spec.Doc.Text() == "" && spec.Comment.Text() == "" && d.Doc.Text() == "" {
					broken = append(broken, f.at(name)+": "+name.Name+" has no comment")
				}
			}
		}
	}
	return broken
}

func checkPackageDocs(all *tree) (broken []string) {
	for _, p := range all.sorted() {
		doc, name, code := "", "", false
		for _, f := range p.files {
			if !f.test {
				code, name = true, f.syn.Name.Name
				doc += f.syn.Doc.Text()
			}
		}
		want := "Package " + name + " "
		if name == "main" {
			want = "Command "
		}
		if code && (!strings.HasPrefix(doc, want) && !(name == "main" && doc != "") || len(doc) < 80) {
			broken = append(broken, fmt.Sprintf("package %s has no doc comment of at least a sentence that begins with %q", p.path, want))
		}
	}
	return broken
}

func checkToDo(all *tree) (broken []string) {
	marks := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`)
	for _, p := range all.sorted() {
		for _, f := range p.files {
			for _, group := range f.syn.Comments {
				for _, c := range group.List {
					if mark := marks.FindString(c.Text); mark != "" {
						broken = append(broken, f.at(c)+" says "+mark)
					}
				}
			}
		}
	}
	return broken
}

// checkDependencies compares what the code imports with go.mod and with the table in docs/dependencies.md.
func checkDependencies(all *tree) (broken []string) {
	direct := map[string]bool{} // by module that go.mod requires: the code imports it
	for line := range strings.Lines(all.goMod) {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(fields) >= 2 && strings.Contains(fields[0], ".") && strings.HasPrefix(fields[1], "v") {
			direct[fields[0]] = false
		}
	}
	for _, p := range all.sorted() {
		for _, f := range p.files {
			for _, spec := range f.syn.Imports {
				for module := strings.Trim(spec.Path.Value, `"`); module != "."; module = path.Dir(module) {
					if _, required := direct[module]; required {
						direct[module] = true
						break
					}
				}
			}
		}
	}
	var written []string
	for line := range strings.Lines(all.deps) {
		if cells := strings.Split(line, "|"); len(cells) > 3 && strings.HasPrefix(strings.TrimSpace(cells[1]), "`") {
			written = append(written, strings.Trim(strings.TrimSpace(cells[1]), "`"))
			if strings.TrimSpace(cells[2]) == "" {
				broken = append(broken, "docs/dependencies.md does not say what "+written[len(written)-1]+" is for")
			}
		}
	}
	for module, imported := range direct {
		if imported && !slices.Contains(written, module) {
			broken = append(broken, "docs/dependencies.md has no line for "+module)
		}
	}
	for _, module := range written {
		if _, required := direct[module]; !required {
			broken = append(broken, "docs/dependencies.md has a line for "+module+", which go.mod does not require")
		}
	}
	return broken
}

// checkSpelling wants of each wire API that has a table of errors a test that walks all codes through it.
func checkSpelling(all *tree) (broken []string) {
	for _, in := range wireAPIs() {
		p := all.pkgs[in]
		if p == nil {
			continue
		}
		table, walked := false, false
		for _, f := range p.files {
			table = table || path.Base(f.name) == "errors.go"
			walked = walked || f.test && len(mentions(f, modulePath+"/internal/apierr", []string{"Codes"}, nil)) > 0
		}
		switch {
		case !table:
			broken = append(broken, in+" has no errors.go")
		case !walked:
			broken = append(broken, in+" has no test that walks apierr.Codes()")
		}
	}
	return broken
}
