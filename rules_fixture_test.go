package inborn_test

import (
	"strings"
	"testing"
)

// fixture is a small module and what a rule must say about it; "" is nothing.
type fixture struct {
	rule  string
	want  string
	files map[string]string
}

const (
	domainDoc = "// Package token is documented here at some length, as every package of the house has to be, and says so.\npackage token\n"
	serveDoc  = "// Package serve is documented here at some length, as every package of the house has to be, and says so.\npackage serve\n"
)

func imports(in, imported string) map[string]string {
	return map[string]string{in + "/x.go": "package x\nimport _ \"" + imported + "\"\n"}
}

func own(in, imported string) map[string]string { return imports(in, modulePath+"/"+imported) }

func merge(all ...map[string]string) map[string]string {
	merged := map[string]string{}
	for _, m := range all {
		for name, text := range m {
			merged[name] = text
		}
	}
	return merged
}

func code(name, text string) map[string]string { return map[string]string{name: text} }

func fixtures() []fixture {
	long := strings.Repeat("\n", maxFunctionLines)
	return []fixture{
		{"imports go down", "internal/guid/x.go imports internal/store", own("internal/guid", "internal/store")},
		{"imports go down", "wire APIs know nothing", own("internal/graph", "internal/oauth")},
		{"imports go down", "its Handler is a struct of function fields", own("internal/imds", "internal/state")},
		{"imports go down", "has no place", own("internal/new", "internal/guid")},
		{"imports go down", "internal/token/x.go imports internal/serve", own("internal/token", "internal/serve")},
		{"imports go down", "public packages only", own("demo", "internal/guid")},
		{"imports go down", "verify/x.go imports internal/state", own("verify", "internal/state")},
		{"imports go down", "", merge(own("internal/graph", "internal/state"), own("cmd/inborn", "internal/cli"), own("demo", "verify"))},

		{"the domain is pure", "imports net/http", imports("internal/token", "net/http")},
		{"the domain is pure", "imports crypto/rand", imports("internal/vault", "crypto/rand")},
		{"the domain is pure", "imports os", code("internal/attest/attest.go", "package attest\nimport _ \"os\"")},
		{"the domain is pure", "", code("internal/attest/linux.go", "package attest\nimport _ \"os\"")},
		{"the domain is pure", "reads the clock", code("internal/token/a.go", "package token\nimport \"time\"\nfunc f() { _ = time.Now() }")},
		{"the domain is pure", "reads the clock", code("internal/token/a.go", "package token\nimport t \"time\"\nvar now = t.Since")},
		{"the domain is pure", "", code("internal/token/a.go", "package token\nimport \"time\"\nfunc f(t time.Time) { _ = t.Unix() }")},
		{"the domain is pure", "", imports("internal/serve", "net/http")},

		{"agents reach no store", "internal/agent -> internal/nodeapi -> internal/store",
			merge(own("internal/agent", "internal/nodeapi"), own("internal/nodeapi", "internal/store"), imports("internal/store", "fmt"))},
		{"agents reach no store", "internal/imds -> database/sql", imports("internal/imds", "database/sql")},
		{"agents reach no store", "", merge(own("internal/agent", "internal/nodeapi"), imports("internal/nodeapi", "fmt"), imports("internal/store", "database/sql"))},
		{"database/sql stays in store", "internal/arm/x.go", imports("internal/arm", "database/sql")},
		{"database/sql stays in store", "", imports("internal/store", "database/sql")},

		{"wire forms stand in wire.go", "struct tag", code("internal/arm/a.go", "package arm\ntype t struct { A int `json:\"a\"` }")},
		{"wire forms stand in wire.go", "", code("internal/arm/wire.go", "package arm\ntype t struct { A int `json:\"a\"` }")},
		{"wire forms stand in wire.go", "", code("internal/arm/a_test.go", "package arm\ntype t struct { A int `json:\"a\"` }")},
		{"packages have a subject", "package util", code("internal/util/a.go", "package util")},
		{"packages have a subject", "package models", code("internal/arm/models/a.go", "package models")},
		{"files and functions are short", "601 lines", code("internal/arm/a.go", "package arm"+strings.Repeat("\n", maxFileLines+1))},
		{"files and functions are short", "41 lines", code("cmd/inborn/main.go", "package main"+strings.Repeat("\n", maxMainLines+1))},
		{"files and functions are short", "f has 81 lines", code("internal/arm/a.go", "package arm\nfunc f() {"+long+"}")},
		{"files and functions are short", "", code("internal/arm/a.go", "package arm\nfunc f() {"+long[1:]+"}")},

		{"nothing is global", "is an init function", code("a/a.go", "package a\nfunc init() {}")},
		{"nothing is global", "", code("a/a.go", "package a\ntype t int\nfunc (t) init() {}")},
		{"nothing is global", "has no value", code("a/a.go", "package a\nvar x int")},
		{"nothing is global", "made to change", code("a/a.go", "package a\nvar x = make(map[string]int)")},
		{"nothing is global", "made to change", code("a/a.go", "package a\nimport \"sync\"\nvar x = sync.Mutex{}")},
		{"nothing is global", "made to change", code("a/a.go", "package a\ntype t struct{}\nvar x = &t{}")},
		{"nothing is global", "changes the package variable x", code("a/a.go", "package a\nvar x = 1\nfunc f() { x++ }")},
		{"nothing is global", "changes the package variable x", code("a/a.go", "package a\nvar x = map[string]int{}\nfunc f() { x[\"a\"] = 1 }")},
		{"nothing is global", "changes the package variable x", code("a/a.go", "package a\nvar x = map[string]int{}\nfunc f() { delete(x, \"a\") }")},
		{"nothing is global", "changes the package variable x",
			merge(code("a/a.go", "package a\nvar x = 1"), code("a/b.go", "package a\nfunc f() { _ = &x }"))},
		{"nothing is global", "", code("a/a.go", "package a\nimport \"errors\"\nvar errX = errors.New(\"x\")\nvar table = [...]int{1}\nvar _ = 1\nfunc f() { x := 1; x = 2; table := x; table++ }")},
		{"nothing is global", "", code("a/a.go", "package a\nimport _ \"embed\"\n\n//go:embed x.txt\nvar x string")},

		{"clocks and randomness are arguments", "itself", code("internal/serve/a.go", "package serve\nimport \"time\"\nvar now = time.Now")},
		{"clocks and randomness are arguments", "itself", code("internal/server/a.go", "package server\nimport \"time\"\nfunc handle() { time.Now() }")},
		{"clocks and randomness are arguments", "itself", code("internal/state/a.go", "package state\nimport \"crypto/rand\"\nfunc Run() { _ = rand.Reader }")},
		{"clocks and randomness are arguments", "", code("internal/server/a.go", "package server\nimport \"time\"\nfunc Run() { time.Now() }")},
		{"clocks and randomness are arguments", "", code("internal/serve/a_test.go", "package serve\nimport \"time\"\nvar now = time.Now")},
		{"clocks and randomness are arguments", "", code("internal/serve/a.go", "package serve\nimport \"time\"\nvar day = time.Hour")},

		{"exported names are documented", "F has no comment", code("internal/serve/a.go", "package serve\nfunc F() {}")},
		{"exported names are documented", "T has no comment", code("internal/serve/a.go", "package serve\ntype T int")},
		{"exported names are documented", "M has no comment", code("internal/serve/a.go", "package serve\n// T is.\ntype T[E any] []E\nfunc (*T[E]) M() {}")},
		{"exported names are documented", "C has no comment", code("internal/serve/a.go", "package serve\nconst C = 1")},
		{"exported names are documented", "", code("internal/serve/a.go", "package serve\ntype t int\nfunc (t) M() {}\n// All.\nconst (\n A = 1\n B = 2\n)\nfunc f() {}")},
		{"packages say what they are for", "package internal/serve has no doc", code("internal/serve/a.go", "// Package serve serves.\npackage serve\n")},
		{"packages say what they are for", "package internal/serve has no doc", code("internal/serve/a.go", "package serve\n")},
		{"packages say what they are for", "", merge(code("internal/serve/a.go", serveDoc), code("internal/token/a.go", domainDoc))},
		{"nothing is left to do in comments", "says TO" + "DO", code("a/a.go", "package a\n// TO"+"DO: all of it\n")},
		{"nothing is left to do in comments", "says FIX" + "ME", code("a/a_test.go", "package a\n/* FIX"+"ME */\n")},
		{"every dependency is written down", "has no line for example.com/used", code("a/a.go", "package a\nimport _ \"example.com/used/sub\"")},
		{"every dependency is written down", "", code("a/a.go", "package a\nimport _ \"example.com/written/sub\"")},
		{"every API spells every error", "internal/arm has no errors.go", code("internal/arm/a.go", "package arm")},
		{"every API spells every error", "no test that walks", code("internal/arm/errors.go", "package arm")},
		{"every API spells every error", "", merge(code("internal/arm/errors.go", "package arm"),
			code("internal/arm/errors_test.go", "package arm\nimport \""+modulePath+"/internal/apierr\"\nvar all = apierr.Codes()"))},
	}
}

func TestEveryRuleCanFail(t *testing.T) {
	known := map[string]rule{}
	for _, r := range rules() {
		known[r.name] = r
	}
	failed := map[string]bool{}
	for _, x := range fixtures() {
		all := &tree{
			pkgs:  map[string]*pkg{},
			goMod: "module m\nrequire (\n\texample.com/used v1.0.0\n\texample.com/written v1.0.0 // indirect\n)\n",
			deps:  "| module | what |\n| --- | --- | --- |\n| `example.com/written` | it writes | well |\n",
		}
		for name, text := range x.files {
			if err := all.add(name, text); err != nil {
				t.Fatal(err)
			}
		}
		got := strings.Join(known[x.rule].check(all), "\n")
		if x.want == "" && got != "" || !strings.Contains(got, x.want) {
			t.Errorf("%s: %v\n got %q\nwant %q", x.rule, x.files, got, x.want)
		}
		failed[x.rule] = failed[x.rule] || got != ""
	}
	for name := range known {
		if !failed[name] {
			t.Errorf("no fixture breaks the rule %q", name)
		}
	}
}

func TestADependencyPageThatIsOutOfDate(t *testing.T) {
	all := &tree{pkgs: map[string]*pkg{}, goMod: "require example.com/a v1.0.0\n", deps: "| `example.com/a` | | x |\n| `example.com/gone` | it went | x |\n"}
	got := strings.Join(checkDependencies(all), "\n")
	if !strings.Contains(got, "does not say what example.com/a is for") || !strings.Contains(got, "has a line for example.com/gone") {
		t.Errorf("got %q", got)
	}
}
