package rbac

import (
	"bufio"
	"bytes"
	_ "embed" // the catalog's table of facts
	"fmt"
	"strings"
	"sync"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

// Ids of built-in roles that Inborn treats specially (wire facts).
var (
	Owner                      = guid.MustParse("8e3af657-a8ff-443c-a75c-2fe8c4bcb635")
	Contributor                = guid.MustParse("b24988ac-6180-42a0-ab88-20f7382dd24c")
	Reader                     = guid.MustParse("acdd72a7-3385-48ef-bd42-f606fba81ae7")
	UserAccessAdministrator    = guid.MustParse("18d7d88d-d35e-4fb5-a5c3-7773c20a72d9")
	AccessControlAdministrator = guid.MustParse("f58310d9-a9f6-439a-9e8d-f62e7b41a168") // Role Based Access Control Administrator
	KeyVaultAdministrator      = guid.MustParse("00482a5a-887f-4fb3-b363-3b7fe8e74483")
)

//go:embed catalog/roles.txt
var roleTable []byte

// Catalog holds the built-in roles. They exist in every tenant without a record; it never changes.
type Catalog struct {
	roles  []*Role
	byID   map[guid.GUID]*Role
	byName map[string]*Role // in lower case

	ranking func() *Ranking // made at its first use
}

// BuiltIn reads the catalog of built-in roles. It costs about a millisecond; whoever wires the program calls it once and
// hands the result on.
func BuiltIn() (*Catalog, error) {
	c := &Catalog{byID: map[guid.GUID]*Role{}, byName: map[string]*Role{}}
	c.ranking = sync.OnceValue(func() *Ranking { return NewRanking(c.roles) })
	var open *RoleDefinition
	done := func() {
		if open != nil {
			role := NewRole(open)
			c.roles = append(c.roles, role)
			c.byID[role.ID] = role
			c.byName[strings.ToLower(role.Name)] = role
		}
	}
	lines := bufio.NewScanner(bytes.NewReader(roleTable))
	for lines.Scan() {
		mark, rest, _ := strings.Cut(lines.Text(), " ")
		if mark == "=" {
			done()
			open = &RoleDefinition{BuiltIn: true, Permissions: make([]Permission, 1), AssignableScopes: []resource.ID{Tenant}}
		}
		if err := readRole(open, mark, rest); err != nil {
			return nil, fmt.Errorf("catalog: %q: %w", lines.Text(), err)
		}
	}
	done()
	return c, lines.Err()
}

// readRole takes one line of the table into the role it belongs to.
func readRole(d *RoleDefinition, mark, rest string) (err error) {
	if mark == "" || mark[0] == '#' {
		return nil
	}
	if d == nil {
		return fmt.Errorf("a line before the first role")
	}
	p := &d.Permissions[0]
	switch mark {
	case "=":
		id, name, _ := strings.Cut(rest, " ")
		d.Name = name
		d.ID, err = guid.Parse(id)
	case "+":
		p.Actions = append(p.Actions, patterns(rest)...)
	case "-":
		p.NotActions = append(p.NotActions, patterns(rest)...)
	case "d+":
		p.DataActions = append(p.DataActions, patterns(rest)...)
	case "d-":
		p.NotDataActions = append(p.NotDataActions, patterns(rest)...)
	case "if":
		p.Condition, p.ConditionVersion = rest, "2.0"
		_, err = ParseCondition(rest)
	default:
		err = fmt.Errorf("an unknown mark")
	}
	return err
}

// patterns reads a list of patterns, in which ~ stands for Microsoft and a dot, and / alone for the part of the pattern
// before it up to its first slash.
func patterns(list string) []string {
	words := strings.Fields(list)
	namespace := ""
	for i, word := range words {
		if rest, ok := strings.CutPrefix(word, "~"); ok {
			word = "Microsoft." + rest
		}
		if word[0] == '/' {
			word = namespace + word
		}
		namespace, _, _ = strings.Cut(word, "/")
		words[i] = word
	}
	return words
}

// Roles returns the built-in roles in the order of their names; callers do not change what they point to.
func (c *Catalog) Roles() []*Role { return c.roles }

// Ranking ranks the built-in roles, which are measured the first time somebody asks.
func (c *Catalog) Ranking() *Ranking { return c.ranking() }

// Role returns the built-in role with the given id, or nil.
func (c *Catalog) Role(id guid.GUID) *Role { return c.byID[id] }

// RoleNamed returns the built-in role with the given name, in any case, or nil.
func (c *Catalog) RoleNamed(name string) *Role { return c.byName[strings.ToLower(name)] }
