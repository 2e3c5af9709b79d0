package directory

import (
	"bufio"
	"bytes"
	_ "embed" // the catalog's two tables of facts
	"fmt"
	"strings"

	"github.com/inborn-id/inborn/internal/guid"
)

// App ids of first-party applications that Inborn treats specially.
var (
	GraphAppID           = guid.MustParse("00000003-0000-0000-c000-000000000000")
	ResourceManagerAppID = guid.MustParse("797f4846-ba00-4fd7-ba43-dac1f8f63013")
	KeyVaultAppID        = guid.MustParse("cfa8b339-82a2-471a-a3c9-0fc0be7a4093")
)

// GlobalAdministrator is the template id of the directory role that may do everything.
var GlobalAdministrator = guid.MustParse("62e90394-69f5-4237-9190-012177145e10")

//go:embed catalog/apps.txt
var appTable []byte

//go:embed catalog/graph-roles.txt
var graphRoleTable []byte

// Catalog holds the first-party applications. They exist in every tenant without a record; it never changes.
type Catalog struct {
	apps    []*Application
	byAppID map[guid.GUID]*Application
	clients map[guid.GUID]bool
	own     map[string]*Application // by host: what has a name of its own in a domain of this Inborn
}

// FirstParty reads the built-in catalog: about 50 applications, Microsoft Graph with its 700 app roles among them. It
// costs under a millisecond; Run calls it once and hands the result on. In the domains, and in localhost, the APIs have
// names of their own beside those in the catalog.
func FirstParty(domains ...string) (*Catalog, error) {
	c := &Catalog{byAppID: map[guid.GUID]*Application{}, clients: map[guid.GUID]bool{}, own: map[string]*Application{}}
	err := eachLine(appTable, func(line string) error {
		app, kind, err := parseApp(line)
		if err != nil {
			return err
		}
		c.clients[app.AppID] = kind == "client"
		c.apps = append(c.apps, app)
		c.byAppID[app.AppID] = app
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, domain := range append(domains, "localhost") {
		for name, id := range map[string]guid.GUID{"graph.": GraphAppID, "management.": ResourceManagerAppID, "vault.": KeyVaultAppID} {
			c.own[name+strings.ToLower(domain)] = c.byAppID[id]
		}
	}
	graph := c.byAppID[GraphAppID]
	graph.AppRoles = make([]AppRole, 0, bytes.Count(graphRoleTable, []byte("\n")))
	return c, eachLine(graphRoleTable, func(line string) error {
		id, value, _ := strings.Cut(line, " ")
		role, err := guid.Parse(id)
		if err != nil {
			return fmt.Errorf("catalog: app role %q: %w", line, err)
		}
		graph.AppRoles = append(graph.AppRoles, AppRole{
			ID: role, Value: value, DisplayName: value, AllowedMembers: MemberApplication, Enabled: true})
		return nil
	})
}

// Own returns the application that a name of our own means, such as https://vault.DOMAIN:8443, in the form of AudienceKey.
// The port is not looked at: no other application may have a name at such a host, so that nobody can be given a token for
// his own API that ours take for one of theirs.
func (c *Catalog) Own(key string) (*Application, bool) {
	authority, ok := strings.CutPrefix(key, "https://")
	if !ok {
		return nil, false
	}
	host, _, _ := strings.Cut(authority, ":")
	app, ok := c.own[host]
	return app, ok && !strings.Contains(authority, "/")
}

// InEveryTenant reports whether a tenant has a service principal for the application from the start. Public clients get
// theirs when somebody signs in with them: a name that begins like that of an API must not come before it in a list.
func (c *Catalog) InEveryTenant(appID guid.GUID) bool {
	return c.byAppID[appID] != nil && !c.clients[appID]
}

// Applications returns all of them in the order of the table; callers do not change what they point to.
func (c *Catalog) Applications() []*Application { return c.apps }

// Application returns the first-party application with the given client id.
func (c *Catalog) Application(appID guid.GUID) (*Application, bool) {
	app, ok := c.byAppID[appID]
	return app, ok
}

// FirstPartyID is the object id of a first-party application's service principal in a tenant.
func FirstPartyID(tenant, appID guid.GUID) guid.GUID {
	return guid.Derive(tenant, "service principal of "+appID.String())
}

// LocalAdministrator is the principal behind a tenant's admin socket: whoever may open the data directory acts as it.
// It exists without a record and holds the directory role GlobalAdministrator.
func LocalAdministrator(tenant guid.GUID) ServicePrincipal {
	return ServicePrincipal{
		ID:          guid.Derive(tenant, "local administrator"),
		AppID:       guid.Derive(guid.GUID{}, "inborn command line"),
		DisplayName: "Local administrator",
		Enabled:     true,
	}
}

// parseApp returns the application of one line of the table, and its kind.
func parseApp(line string) (*Application, string, error) {
	head, uris, _ := strings.Cut(line, " | ")
	fields := strings.SplitN(head, " ", 3)
	if len(fields) != 3 {
		return nil, "", fmt.Errorf("catalog: application %q: expected id, kind and name", line)
	}
	id, err := guid.Parse(fields[0])
	if err != nil {
		return nil, "", fmt.Errorf("catalog: application %q: %w", line, err)
	}
	return &Application{
		ID:             guid.Derive(guid.GUID{}, "first-party application "+fields[0]),
		AppID:          id,
		DisplayName:    fields[2],
		IdentifierURIs: strings.Fields(uris),
		FirstParty:     true,
	}, fields[1], nil
}

func eachLine(table []byte, do func(string) error) error {
	lines := bufio.NewScanner(bytes.NewReader(table))
	for lines.Scan() {
		if line := lines.Text(); line != "" && !strings.HasPrefix(line, "#") {
			if err := do(line); err != nil {
				return err
			}
		}
	}
	return lines.Err()
}
