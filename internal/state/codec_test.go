package state

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/store"
)

// The bodies here are what earlier versions wrote. They may get company but never change: a data directory of any age
// must stay readable.
func TestStoredBodiesStayReadable(t *testing.T) {
	id := guid.MustParse("f8973019-6953-433b-b935-adc31f5646d5")
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	stored(t, directory.Tenant{ID: id, Name: "contoso.example", IssuerV1: "i1", IssuerV2: "i2", Created: at}, kindTenant,
		`{"ID":"f8973019-6953-433b-b935-adc31f5646d5","Name":"contoso.example","IssuerV1":"i1","IssuerV2":"i2","Created":"2026-11-21T12:00:00Z"}`)
	stored(t, directory.User{ID: id, UPN: "ann@x", DisplayName: "Ann", MailNickname: "ann", Enabled: true, Created: at}, kindUser,
		`{"ID":"f8973019-6953-433b-b935-adc31f5646d5","UPN":"ann@x","DisplayName":"Ann","MailNickname":"ann","Enabled":true,"Created":"2026-11-21T12:00:00Z"}`)
	stored(t, directory.Group{ID: id, DisplayName: "g", Description: "d", MailNickname: "g", Created: at}, kindGroup,
		`{"ID":"f8973019-6953-433b-b935-adc31f5646d5","DisplayName":"g","Description":"d","MailNickname":"g","Created":"2026-11-21T12:00:00Z"}`)
	stored(t, directory.Membership{Group: id, Member: id}, kindMembership,
		`{"Group":"f8973019-6953-433b-b935-adc31f5646d5","Member":"f8973019-6953-433b-b935-adc31f5646d5"}`)
	stored(t, directory.Application{ID: id, AppID: id, DisplayName: "a", IdentifierURIs: []string{"api://a"}, TokenVersion: 2, Created: at,
		AppRoles: []directory.AppRole{{ID: id, Value: "R", DisplayName: "r", Description: "d", AllowedMembers: directory.MemberApplication, Enabled: true}}}, kindApplication,
		`{"ID":"f8973019-6953-433b-b935-adc31f5646d5","AppID":"f8973019-6953-433b-b935-adc31f5646d5","DisplayName":"a","IdentifierURIs":["api://a"],"AppRoles":[{"ID":"f8973019-6953-433b-b935-adc31f5646d5","Value":"R","DisplayName":"r","Description":"d","AllowedMembers":2,"Enabled":true}],"TokenVersion":2,"FirstParty":false,"Created":"2026-11-21T12:00:00Z"}`)
	stored(t, directory.ServicePrincipal{ID: id, AppID: id, DisplayName: "s", Type: directory.TypeManagedIdentity, Enabled: true, AssignmentRequired: true, ResourceID: "/x", Explicit: true, Created: at}, kindPrincipal,
		`{"ID":"f8973019-6953-433b-b935-adc31f5646d5","AppID":"f8973019-6953-433b-b935-adc31f5646d5","DisplayName":"s","Type":1,"Enabled":true,"AssignmentRequired":true,"ResourceID":"/x","Explicit":true,"Created":"2026-11-21T12:00:00Z"}`)
	stored(t, directory.AppRoleAssignment{ID: directory.NewAssignmentID(id, id), Principal: id, PrincipalType: directory.TypeApplication, Resource: id, AppRole: id, Created: at}, kindAssignment,
		`{"ID":"GTCX-FNpO0O5Na3DH1ZG1fiXMBlpU0M7uTWtwx9WRtU","Principal":"f8973019-6953-433b-b935-adc31f5646d5","PrincipalType":0,"Resource":"f8973019-6953-433b-b935-adc31f5646d5","AppRole":"f8973019-6953-433b-b935-adc31f5646d5","Created":"2026-11-21T12:00:00Z"}`)
	stored(t, resource.Subscription{ID: id, Name: "dev", Created: at}, kindSubscription,
		`{"ID":"f8973019-6953-433b-b935-adc31f5646d5","Name":"dev","Created":"2026-11-21T12:00:00Z"}`)
	stored(t, resource.Group{ID: "/subscriptions/s/resourceGroups/G", Location: "local", Created: at}, kindResourceGroup,
		`{"ID":"/subscriptions/s/resourceGroups/G","Location":"local","Created":"2026-11-21T12:00:00Z"}`)
	stored(t, resource.Resource{ID: "/a/b", Location: "local", Tags: map[string]string{"k": "v"}, Kind: "functionapp", Properties: []byte(`{"a":1}`), Created: at, Changed: at,
		Identity: resource.Identity{System: &resource.SystemIdentity{PrincipalID: id, ClientID: id}, User: []resource.ID{"/u"}}}, kindResource,
		`{"ID":"/a/b","Location":"local","Tags":{"k":"v"},"Kind":"functionapp","Identity":{"System":{"PrincipalID":"f8973019-6953-433b-b935-adc31f5646d5","ClientID":"f8973019-6953-433b-b935-adc31f5646d5"},"User":["/u"]},"Properties":"eyJhIjoxfQ==","Created":"2026-11-21T12:00:00Z","Changed":"2026-11-21T12:00:00Z"}`)
	stored(t, resource.ManagedIdentity{ID: "/u", Location: "local", Tags: map[string]string{"k": "v"}, ClientID: id, PrincipalID: id, Created: at}, kindIdentity,
		`{"ID":"/u","Location":"local","Tags":{"k":"v"},"ClientID":"f8973019-6953-433b-b935-adc31f5646d5","PrincipalID":"f8973019-6953-433b-b935-adc31f5646d5","Created":"2026-11-21T12:00:00Z"}`)
	stored(t, resource.WorkloadBinding{ID: id, Node: "/n", Resource: "/r", Selectors: []string{"launch:x"}, Expires: at, Created: at}, kindBinding,
		`{"ID":"f8973019-6953-433b-b935-adc31f5646d5","Node":"/n","Resource":"/r","Selectors":["launch:x"],"Expires":"2026-11-21T12:00:00Z","Created":"2026-11-21T12:00:00Z"}`)
	stored(t, directory.FederatedCredential{Principal: id, Name: "ci", Issuer: "https://i", Subject: "s", Audiences: []string{"a"}, Created: at}, kindCredential,
		`{"Principal":"f8973019-6953-433b-b935-adc31f5646d5","Name":"ci","Issuer":"https://i","Subject":"s","Audiences":["a"],"Created":"2026-11-21T12:00:00Z"}`)
	stored(t, resource.Lock{Scope: "/subscriptions/s", Name: "N", ReadOnly: true, Notes: "n", Created: at, Changed: at}, kindLock,
		`{"Scope":"/subscriptions/s","Name":"N","ReadOnly":true,"Notes":"n","Created":"2026-11-21T12:00:00Z","Changed":"2026-11-21T12:00:00Z"}`)
	stored(t, SigningKey{KeyID: "k", Certificate: []byte("c"), Created: at, ActiveFrom: at, RetireAt: at}, kindSigningKey,
		`{"KeyID":"k","Certificate":"Yw==","Created":"2026-11-21T12:00:00Z","ActiveFrom":"2026-11-21T12:00:00Z","RetireAt":"2026-11-21T12:00:00Z"}`)
	stored(t, CertificateAuthority{KeyID: "k", Certificate: []byte("c"), Created: at}, kindAuthority,
		`{"KeyID":"k","Certificate":"Yw==","Created":"2026-11-21T12:00:00Z"}`)
}

func stored[T Object](t *testing.T, want T, kind, body string) {
	t.Helper()
	r := put(guid.GUID{}, want)
	if r.Kind != kind || r.ID == "" {
		t.Errorf("%T is stored as %q %q", want, r.Kind, r.ID)
	}
	got, err := decode[T](store.Record{Body: []byte(body)})
	if err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("%T: an old body reads as\n%+v, %v; want\n%+v", want, got, err, want)
	}
	var now, then any
	if json.Unmarshal(r.Body, &now) != nil || json.Unmarshal([]byte(body), &then) != nil || !reflect.DeepEqual(now, then) {
		t.Errorf("%T is written as\n%s\nwhich older versions do not expect; they wrote\n%s", want, r.Body, body)
	}
}
