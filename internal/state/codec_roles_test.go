package state

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
)

func TestStoredRoleBodiesStayReadable(t *testing.T) {
	id := guid.MustParse("f8973019-6953-433b-b935-adc31f5646d5")
	other := guid.MustParse("acdd72a7-3385-48ef-bd42-f606fba81ae7")
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	permissions := []rbac.Permission{{Actions: []string{"a/*"}, NotActions: []string{"a/b"}, DataActions: []string{"c"}, NotDataActions: []string{"d"},
		Condition: "ActionMatches{'a'}", ConditionVersion: "2.0"}}
	stored(t, rbac.RoleDefinition{ID: id, Name: "r", Description: "d", Permissions: permissions, AssignableScopes: []resource.ID{"/subscriptions/s"},
		CreatedBy: id, UpdatedBy: id, Created: at, Updated: at}, kindRoleDefinition,
		`{"ID":"f8973019-6953-433b-b935-adc31f5646d5","Name":"r","Description":"d","BuiltIn":false,"Permissions":[{"Actions":["a/*"],"NotActions":["a/b"],"DataActions":["c"],"NotDataActions":["d"],"Condition":"ActionMatches{'a'}","ConditionVersion":"2.0"}],"AssignableScopes":["/subscriptions/s"],"CreatedBy":"f8973019-6953-433b-b935-adc31f5646d5","UpdatedBy":"f8973019-6953-433b-b935-adc31f5646d5","Created":"2026-11-21T12:00:00Z","Updated":"2026-11-21T12:00:00Z"}`)
	stored(t, rbac.RoleAssignment{ID: id, Scope: "/", Role: other, Principal: id, PrincipalType: rbac.TypeServicePrincipal, CreatedBy: id, UpdatedBy: id, Created: at, Updated: at}, kindRoleAssignment,
		`{"ID":"f8973019-6953-433b-b935-adc31f5646d5","Scope":"/","Role":"acdd72a7-3385-48ef-bd42-f606fba81ae7","Principal":"f8973019-6953-433b-b935-adc31f5646d5","PrincipalType":3,"CreatedBy":"f8973019-6953-433b-b935-adc31f5646d5","Created":"2026-11-21T12:00:00Z"}`)
	stored(t, rbac.RoleAssignment{ID: id, Scope: "/", Role: other, Principal: id, PrincipalType: rbac.TypeUser, Condition: "Exists @Request[subOperation]", ConditionVersion: "2.0",
		Description: "d", DelegatedIdentity: "/u", CreatedBy: id, UpdatedBy: other, Created: at, Updated: at.Add(time.Second)}, kindRoleAssignment,
		`{"ID":"f8973019-6953-433b-b935-adc31f5646d5","Scope":"/","Role":"acdd72a7-3385-48ef-bd42-f606fba81ae7","Principal":"f8973019-6953-433b-b935-adc31f5646d5","PrincipalType":1,"CreatedBy":"f8973019-6953-433b-b935-adc31f5646d5","Created":"2026-11-21T12:00:00Z","UpdatedBy":"acdd72a7-3385-48ef-bd42-f606fba81ae7","Updated":"2026-11-21T12:00:01Z","Condition":"Exists @Request[subOperation]","ConditionVersion":"2.0","Description":"d","DelegatedIdentity":"/u"}`)
	stored(t, rbac.DenyAssignment{ID: id, Name: "n", Description: "d", Scope: "/", NotBelow: true, Permissions: permissions,
		Principals: []rbac.Target{{Type: rbac.TypeSystemDefined}}, Exclude: []rbac.Target{{ID: id, Type: rbac.TypeUser}}, SystemProtected: true, Created: at}, kindDenyAssignment,
		`{"ID":"f8973019-6953-433b-b935-adc31f5646d5","Name":"n","Description":"d","Scope":"/","NotBelow":true,"Permissions":[{"Actions":["a/*"],"NotActions":["a/b"],"DataActions":["c"],"NotDataActions":["d"],"Condition":"ActionMatches{'a'}","ConditionVersion":"2.0"}],"Principals":[{"ID":"00000000-0000-0000-0000-000000000000","Type":6}],"Exclude":[{"ID":"f8973019-6953-433b-b935-adc31f5646d5","Type":1}],"SystemProtected":true,"Created":"2026-11-21T12:00:00Z"}`)
	stored(t, rbac.ManagementGroup{Name: "Div", DisplayName: "d", Parent: "p", Created: at, Updated: at}, kindManagementGroup,
		`{"Name":"Div","DisplayName":"d","Parent":"p","Created":"2026-11-21T12:00:00Z","Updated":"2026-11-21T12:00:00Z"}`)
	stored(t, rbac.Placement{Subscription: id, Group: "Div"}, kindPlacement, `{"Subscription":"f8973019-6953-433b-b935-adc31f5646d5","Group":"Div"}`)
}

// The short way to read a body is taken where it should be, and never says anything else than encoding/json.
func FuzzRoleAssignmentBody(f *testing.F) {
	a := rbac.RoleAssignment{ID: testTenant, Scope: "/subscriptions/s", Role: rbac.Owner, Principal: testTenant, PrincipalType: rbac.TypeUser,
		Created: time.Date(2026, 11, 21, 12, 0, 0, 5000, time.UTC), Updated: time.Date(2026, 11, 21, 12, 0, 0, 5000, time.UTC)}
	f.Add(string(put(testTenant, a).Body))
	if !readRoleAssignment(put(testTenant, a).Body, &rbac.RoleAssignment{}) {
		f.Error("a plain body is read the long way")
	}
	a.Scope, a.Description = "/subscriptions/ä<", "d\n"
	f.Add(string(put(testTenant, a).Body))
	f.Add(`{"ID":"00000000-0000-4000-8000-00000000000a","Scope":"/","Role":"00000000-0000-4000-8000-00000000000A"}`)
	f.Fuzz(func(t *testing.T, body string) {
		var short, long rbac.RoleAssignment
		if !readRoleAssignment([]byte(body), &short) {
			return
		}
		var b roleAssignmentBody
		if err := json.Unmarshal([]byte(body), &b); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if long = b.assignment(); !reflect.DeepEqual(short, long) {
			t.Fatalf("%s is\n%+v and\n%+v", body, short, long)
		}
	})
}
