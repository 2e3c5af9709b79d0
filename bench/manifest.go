package main

import (
	"fmt"
	"strings"
)

// small is a manifest as a developer has one: an API, and a function that may use it.
func small() string {
	return `tenant: {name: bench.example}
apps:
  - name: orders-api
    identifierUri: api://orders
    appRoles: [{value: Orders.Read.All, members: [application]}]
resources:
  - type: Microsoft.Web/sites
    name: func-bench
    identity:
      system: true
      appRoles: [{app: Microsoft Graph, role: User.Read.All}, {app: orders-api, role: Orders.Read.All}]
`
}

// identities is how many there are in the large manifest: one for each connection.
const identities = 64

// large is a manifest whose function has many identities.
func large() string {
	var b, names strings.Builder
	b.WriteString("tenant: {name: bench.example}\nidentities:\n")
	for i := range identities {
		fmt.Fprintf(&b, "  - {name: id-%d, clientId: %s}\n", i, clientID(i))
		fmt.Fprintf(&names, "id-%d, ", i)
	}
	fmt.Fprintf(&b, "resources:\n  - {type: Microsoft.Web/sites, name: func-bench, identity: {user: [%s]}}\n",
		strings.TrimSuffix(names.String(), ", "))
	return b.String()
}

// fifty is the manifest of a small company: 50 objects, and grants between them.
func fifty() string {
	var b strings.Builder
	list := func(kind string, n int, format string) {
		fmt.Fprintf(&b, "%s:\n", kind)
		for i := range n {
			fmt.Fprintf(&b, "  - "+strings.ReplaceAll(format, "N", "%[1]d")+"\n", i)
		}
	}
	b.WriteString("tenant: {name: bench.example}\n")
	list("groups", 5, "{name: group-N}")
	list("users", 10, "{name: user-N, groups: [group-0]}")
	list("apps", 10, "{name: api-N, identifierUri: 'api://N', appRoles: [{value: Read.All, members: [application]}]}")
	list("identities", 10, "{name: id-N, appRoles: [{app: api-N, role: Read.All}]}")
	list("resources", 15, "{type: Microsoft.Web/sites, name: func-N, identity: {system: true, user: [id-0], appRoles: [{app: Microsoft Graph, role: User.Read.All}, {app: api-1, role: Read.All}]}}")
	return b.String()
}

// clientID returns the client id of the i-th identity.
func clientID(i int) string { return fmt.Sprintf("f8973019-6953-433b-b935-%012x", i) }
