package arm

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

// shellWords takes a line apart as a shell does that knows words, quotes and &&.
func shellWords(t *testing.T, line string) (commands [][]string) {
	t.Helper()
	word, inWord, quoted := "", false, false
	words := []string{}
	end := func() {
		if inWord {
			words = append(words, word)
		}
		word, inWord = "", false
	}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quoted && c == '\'':
			quoted = false
		case quoted:
			word += string(c)
		case c == '\'':
			quoted, inWord = true, true
		case c == '\\' && i+1 < len(line):
			i++
			word, inWord = word+string(line[i]), true
		case c == ' ':
			end()
		case strings.HasPrefix(line[i:], "&& "):
			commands, words = append(commands, words), nil
			i += 2
		case strings.ContainsRune("$`\"&|;<>(){}*?!#\n", rune(c)):
			t.Fatalf("a shell would not take %q as it is: %s", c, line)
		default:
			word, inWord = word+string(c), true
		}
	}
	end()
	return append(commands, words)
}

// named finds a principal as commands name it.
func (w *world) named(ref string) guid.GUID {
	w.Helper()
	if id, err := guid.Parse(ref); err == nil {
		return id
	}
	if user, ok := w.dir().UserByName(ref); ok {
		return user.ID
	}
	var found []guid.GUID
	for sp := range w.dir().ServicePrincipalsNamed(ref) {
		found = append(found, sp.ID)
	}
	if len(found) != 1 {
		w.Fatalf("%d principals are called %q", len(found), ref)
	}
	return found[0]
}

// run does what a command of a remedy does, of those that change what the law is about.
func (w *world) run(words []string, newID func() guid.GUID) error {
	w.Helper()
	flag := func(name string) string {
		if i := slices.Index(words, name); i > 0 {
			return words[i+1]
		}
		return ""
	}
	var err error
	change := func(do func(*state.Draft) error) {
		w.change(home, func(d *state.Draft) error { err = do(d); return nil })
	}
	switch verb := strings.Join(words[:3], " "); verb {
	case "inborn role assign", "inborn role remove":
		who, scope := w.named(flag("--principal")), resource.ID(flag("--scope"))
		role, ok := w.dir().RoleNamed(flag("--role"))
		if !ok {
			role = w.dir().Role(guid.MustParse(flag("--role")))
		}
		var have *rbac.RoleAssignment
		for a := range w.dir().Grants(who).At(scope) {
			if a.Role == role.ID {
				have = a
			}
		}
		switch {
		case verb == "inborn role remove" && have == nil:
			return fmt.Errorf("no such assignment")
		case verb == "inborn role remove":
			change(func(d *state.Draft) error { return d.DeleteRoleAssignment(have.ID, true) })
		case have == nil: // else the command says so and is content
			change(func(d *state.Draft) error {
				_, err := d.PutRoleAssignment(rbac.RoleAssignment{ID: newID(), Principal: who, Role: role.ID, Scope: scope, Condition: flag("--condition")})
				return err
			})
		}
	case "inborn identity delete":
		w.want(200, "DELETE", words[3]+v1, "")
	case "inborn identity unassign":
		w.want(200, "PATCH", words[3]+v1, `{"identity":{"type":"None"}}`)
	}
	return err
}

// policy gives random roles to random principals, some of which were used, and for what.
func (w *world) policy(random *rand.Rand, principals []string) {
	w.Helper()
	only := func(role guid.GUID) string { return rbac.OnlyRoles([]guid.GUID{role}) }
	roles := []string{owner, owner, contrib, reader, access, access, rbacBoss, rbacBoss, secrets, secretsOfficer, vaultAdmin, vaultReader, cryptoUser, blobOwner, blobReader,
		delegate, "10000000-0000-4000-8000-000000000001", "10000000-0000-4000-8000-000000000002", "de139f84-1756-47ae-9be6-808fbbe84772"}
	scopes := []string{"/", tenantMG, sub, sub, sub, rg, rg, site1, vaults + "kv-one", vaults + "kv-one/secrets/db"}
	conditions := []string{"", "", "", only(rbac.Reader), only(rbac.Contributor), only(rbac.Owner), `!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})`,
		"@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAllValues:GuidNotEquals {" + owner + "}",
		"@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'x'"}
	actions := []rbac.Need{{Action: getSecret, Data: true}, {Action: "microsoft.web/sites/read"}, {Action: "microsoft.web/sites/write"},
		{Action: "microsoft.authorization/roleassignments/write"}, {Action: "any.provider/things/write"}, {Action: "microsoft.keyvault/vaults/write"},
		{Action: "microsoft.storage/storageaccounts/blobservices/containers/blobs/read", Data: true}}
	places := []string{sub, rg, site1, vaults + "kv-one", vaults + "kv-one/secrets/db", sub + "/resourceGroups/g1", sub + "/resourceGroups/g2", sub + "/resourceGroups/g3"}
	pick := func(of []string) string { return of[random.IntN(len(of))] }
	var all []rbac.RoleAssignment
	for n := range 3 + random.IntN(10) {
		id := guid.MustParse(fmt.Sprintf("00000000-0000-4000-8000-%012d", n+1))
		a := rbac.RoleAssignment{ID: id, Scope: resource.ID(pick(scopes)), Principal: guid.MustParse(pick(principals)), Role: guid.MustParse(pick(roles)),
			Condition: pick(conditions), UpdatedBy: guid.MustParse(pick(principals))}
		all = append(all, a)
		if random.IntN(3) > 0 {
			w.uses.assignments[id] = now.Add(days(99))
		}
		for range random.IntN(4) {
			need := actions[random.IntN(len(actions))]
			need.Scope = resource.ID(pick(places))
			w.uses.needed(home.ID, id, need)
		}
	}
	w.change(home, func(d *state.Draft) error {
		for _, a := range all {
			if _, err := d.PutRoleAssignment(a); err != nil && !apierr.Is(err, apierr.RoleAssignmentExists) && !apierr.Is(err, apierr.RoleDefinitionDoesNotExist) {
				return err
			}
		}
		return nil
	})
}

// TestRemediesOfAReviewMend is the law of reviews: whoever runs all commands of one finds nothing of the same kind about the
// same principal at the same scope in the next. Not so names: an identity that resources have keeps the old one beside the
// new one. Where no command is proposed nothing changes.
func TestRemediesOfAReviewMend(t *testing.T) {
	random := rand.New(rand.NewPCG(26, 22))
	kinds, without := map[findingKind]int{}, 0
	for round := range 40 {
		w := reviewWorld(t)
		w.uses.assignments = map[guid.GUID]time.Time{}
		for n := range 4 {
			w.want(201, "PUT", fmt.Sprintf("%s/resourceGroups/g%d%s", sub, n, v1), `{"location":"local"}`)
		}
		w.want(201, "PUT", vaults+"kv-one"+v1, `{"location":"local"}`)
		if random.IntN(3) == 0 {
			for n := range 4 {
				w.want(201, "PUT", fmt.Sprintf("%s/resourceGroups/g%d/providers/Microsoft.KeyVault/vaults/kv-%d-abc%s", sub, n, n, v1), `{"location":"local"}`)
			}
		}
		for n, permission := range []string{`"actions":["*"],"dataActions":["*"]`, `"dataActions":["Microsoft.KeyVault/*","Microsoft.Storage/*/read"]`} {
			w.want(201, "PUT", fmt.Sprintf("%s%s/10000000-0000-4000-8000-%012d%s", sub, rolesAt, n+1, v2022),
				fmt.Sprintf(`{"properties":{"roleName":"role %d","type":"CustomRole","permissions":[{%s}],"assignableScopes":["%s"]}}`, n, permission, sub))
		}
		robot, _ := w.robot()
		principals := []string{ann, ops, inner, w.shop(), robot.id.String()}
		if random.IntN(2) == 0 {
			w.change(home, func(d *state.Draft) error { return d.AddMember(guid.MustParse(inner), guid.MustParse(w.shop())) })
		}
		if random.IntN(4) > 0 {
			w.want(200, "PATCH", site1+v1, `{"identity":{"type":"SystemAssigned,UserAssigned","userAssignedIdentities":{"`+uami+`robot":{}}}}`)
			w.uses.identities = map[guid.GUID]time.Time{robot.id: now.Add(days(99)), guid.MustParse(w.shop()): now.Add(days(99))}
		}
		w.policy(random, principals)

		admin := caller{id: w.dir().LocalAdministrator().ID}
		first := w.reviewOf(admin, "/", 100).Value
		next := 1000
		newID := func() guid.GUID {
			next++
			id := guid.MustParse(fmt.Sprintf("00000000-0000-4000-8000-%012d", next))
			w.uses.assignments[id] = now.Add(days(100))
			return id
		}
		mended := map[string]findingWire{}
		about := func(f findingWire) string { return fmt.Sprint(f.Kind, f.Principal, strings.ToLower(string(f.Scope))) }
		for _, f := range first {
			kinds[f.Kind]++
			if f.Command == "" {
				without++
				continue
			}
			if _, _, there := w.dir().Principal(f.Principal); f.Kind == identityName || !there {
				continue
			}
			mended[about(f)] = f
			for _, words := range shellWords(t, f.Command) {
				if err := w.run(words, newID); err != nil {
					t.Errorf("round %d, %s: %q: %v", round, f.Command, words, err)
					break
				}
			}
		}
		for _, f := range w.reviewOf(admin, "/", 100).Value {
			if old, ok := mended[about(f)]; ok && !stays(first, f) {
				t.Errorf("round %d: %s %s at %s is found again: %s\nthe remedy was: %s", round, f.Name, f.Kind, f.Scope, f.Why, old.Command)
			}
		}
	}
	for _, kind := range []findingKind{workloadGivesAccess, broadRole, unusedAssignment, unattachedIdentity, unusedIdentity, identityName} {
		if kinds[kind] < 5 {
			t.Errorf("%s was found %d times only", kind, kinds[kind])
		}
	}
	if all := kinds[workloadGivesAccess] + kinds[broadRole]; without > all/2 {
		t.Errorf("%d of %d have no remedy", without, all)
	}
}

// stays reports whether a finding was there before without a command.
func stays(first []findingWire, f findingWire) bool {
	return slices.ContainsFunc(first, func(old findingWire) bool {
		return old.Assignment == f.Assignment && old.Kind == f.Kind && old.Command == "" && f.Assignment != ""
	})
}
