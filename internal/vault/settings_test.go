package vault

import (
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

func TestReadSettings(t *testing.T) {
	s, err := ReadSettings(nil)
	if err != nil || s.RBAC || s.Retention != 90 || s.PurgeProtection || s.RecoveryLevel() != "Recoverable+Purgeable" {
		t.Errorf("%+v, %v", s, err)
	}
	for text, want := range map[string]struct {
		rbac  bool
		days  int
		level string
	}{
		`{"enableRbacAuthorization":true,"softDeleteRetentionInDays":7}`:                                         {true, 7, "CustomizedRecoverable+Purgeable"},
		`{"enablePurgeProtection":true,"enableRbacAuthorization":null}`:                                          {false, 90, "Recoverable"},
		`{"enablePurgeProtection":true,"softDeleteRetentionInDays":89,"enableSoftDelete":false,"sku":{},"x":[]}`: {false, 89, "CustomizedRecoverable"},
	} {
		s, err := ReadSettings([]byte(text))
		if err != nil || s.RBAC != want.rbac || s.Retention != want.days || s.RecoveryLevel() != want.level {
			t.Errorf("%s: %+v, %v", text, s, err)
		}
		if protected := s.CheckPurge() != nil; protected != s.PurgeProtection || protected && !apierr.Is(s.CheckPurge(), apierr.PurgeProtected) {
			t.Errorf("%s: %v", text, s.CheckPurge())
		}
	}
	for _, bad := range []string{`{"softDeleteRetentionInDays":6}`, `{"softDeleteRetentionInDays":91}`, `{"enableRbacAuthorization":"true"}`, `[]`, `{`, `{"accessPolicies":{}}`} {
		if _, err := ReadSettings([]byte(bad)); !apierr.Is(err, apierr.PropertyInvalid) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if end := (&Settings{Retention: 7}).PurgeAt(today()); !end.Equal(today().Add(7 * 24 * time.Hour)) {
		t.Error(end)
	}
}

func TestAccessPolicies(t *testing.T) {
	ann, group, client := guid.MustParse("11111111-1111-4111-8111-111111111111"), guid.MustParse("22222222-2222-4222-8222-222222222222"), guid.MustParse("33333333-3333-4333-8333-333333333333")
	s, err := ReadSettings([]byte(`{"accessPolicies":[
		{"tenantId":"t","objectId":"11111111-1111-4111-8111-111111111111","permissions":{"secrets":["Get","LIST"],"Keys":["wrapkey"]}},
		{"objectId":"22222222-2222-4222-8222-222222222222","permissions":{"certificates":["all"],"keys":[]}},
		{"objectId":"11111111-1111-4111-8111-111111111111","applicationId":"33333333-3333-4333-8333-333333333333","permissions":{"keys":["sign"]}},
		{"objectId":"11111111-1111-4111-8111-111111111111","applicationId":"nobody","permissions":{"secrets":["all"]}},
		{"objectId":"nobody","permissions":{"secrets":["all"]}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		holders     []guid.GUID
		application guid.GUID
		p           Permission
		want        bool
	}{
		{[]guid.GUID{ann}, guid.GUID{}, SecretsGet, true},
		{[]guid.GUID{ann}, client, SecretsList, true},
		{[]guid.GUID{ann}, guid.GUID{}, SecretsGetDeleted, true},
		{[]guid.GUID{ann}, guid.GUID{}, SecretsSet, false},
		{[]guid.GUID{ann}, guid.GUID{}, KeysGet, false}, // words of one kind say nothing of another
		{[]guid.GUID{ann}, guid.GUID{}, KeysWrap, true},
		{[]guid.GUID{ann}, guid.GUID{}, KeysUnwrap, false},
		{[]guid.GUID{ann}, client, KeysSign, true},
		{[]guid.GUID{ann}, guid.GUID{}, KeysSign, false}, // only through the client
		{[]guid.GUID{ann}, group, KeysSign, false},
		{[]guid.GUID{ann}, guid.GUID{}, CertificatesGet, false},
		{[]guid.GUID{ann, group}, guid.GUID{}, CertificatesPurge, true},
		{[]guid.GUID{group}, guid.GUID{}, SecretsGet, false},
		{nil, guid.GUID{}, SecretsGet, false},
		{[]guid.GUID{{}}, guid.GUID{}, SecretsGet, false},
	} {
		if got := s.Allows(c.holders, c.application, c.p); got != c.want {
			t.Errorf("%v through %v: %s: %t", c.holders, c.application, c.p, got)
		}
	}
}
