// Command peers lets the access engines of others decide the checks that rbac.Check decides, on the same policy and in the
// same run, and prints what was measured as JSON. It is a module of its own, since Inborn itself needs none of them.
//
// Each is told the policy in the form in which it is fastest, as far as we found out: ready entities, parsed inputs, and
// the scopes above a scope looked up in a table.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/inborn-id/inborn/bench/ours"
	"github.com/inborn-id/inborn/bench/roles"
	"github.com/inborn-id/inborn/internal/resource"
)

func main() {
	rounds := flag.Int("rounds", 15, "turns of each engine")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	report, err := roles.Measure(ctx, roles.Full(), *rounds, ours.New, newCasbin, newCedar, newOPA)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(report)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// lineages returns for each scope in lower case itself and those above it, from the lowest up.
func lineages(p *roles.Policy) map[string][]string {
	all := map[string][]string{}
	for _, scope := range p.Scopes() {
		line := []string{string(scope.Key())}
		for _, above := range p.Parents(scope) {
			line = append(line, string(above.Key()))
		}
		all[line[0]] = line
	}
	return all
}

// actionsOf returns the actions that each role has, by the number of the role.
func actionsOf(p *roles.Policy) []map[string]bool {
	all := make([]map[string]bool, len(p.Roles))
	for i, role := range p.Roles {
		all[i] = map[string]bool{}
		for _, action := range p.Actions() {
			if roles.Has(role.Permissions[0], action.String()) {
				all[i][action.String()] = true
			}
		}
	}
	return all
}

// numbers returns the name of each role: r0, r1 and so on.
func numbers(p *roles.Policy) map[string]string {
	all := map[string]string{}
	for i, role := range p.Roles {
		all[role.ID.String()] = fmt.Sprint("r", i)
	}
	return all
}

func key(id resource.ID) string { return string(id.Key()) }
