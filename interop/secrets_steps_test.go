package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
)

// What the Go program does with secrets.

// set makes a version of a secret.
func (c *confidant) set(name, value string) (azsecrets.SetSecretResponse, error) {
	return c.secrets.SetSecret(c.ctx, name, azsecrets.SetSecretParameters{Value: &value}, nil)
}

func (c *confidant) setSecrets() error {
	from, to := time.Now().Add(-time.Hour).Truncate(time.Second), time.Now().Add(time.Hour).Truncate(time.Second)
	first, err := c.secrets.SetSecret(c.ctx, "Orders-Db", azsecrets.SetSecretParameters{Value: pointer("one"), ContentType: pointer("text/plain"),
		Tags: map[string]*string{"a": pointer("b")}, SecretAttributes: &azsecrets.SecretAttributes{NotBefore: &from, Expires: &to}}, nil)
	if err != nil {
		return err
	}
	c.check(string(*first.ID) == c.place.Vault+"/secrets/Orders-Db/"+first.ID.Version() && len(first.ID.Version()) == 32, "it is called %s", *first.ID)
	c.check(*first.Value == "one" && *first.ContentType == "text/plain" && *first.Tags["a"] == "b" && first.KID == nil && first.Managed == nil, "%+v", first)
	a := first.Attributes
	c.check(*a.Enabled && a.NotBefore.Equal(from) && a.Expires.Equal(to) && *a.RecoverableDays == 7 && *a.RecoveryLevel == "CustomizedRecoverable+Purgeable" &&
		time.Since(*a.Created) < time.Minute && a.Updated.Equal(*a.Created), "%+v", a)
	second, err := c.set("orders-db", "two") // the same, whatever its case
	if err != nil {
		return err
	}
	c.check(strings.EqualFold(second.ID.Name(), "Orders-Db") && second.ID.Version() != first.ID.Version(), "the second is called %s, the first %s", *second.ID, *first.ID)
	c.check(second.ContentType == nil && second.Tags == nil && second.Attributes.Expires == nil, "it has something of the first: %+v", second)
	for version, want := range map[string]azsecrets.Secret{"": second.Secret, first.ID.Version(): first.Secret, second.ID.Version(): second.Secret} {
		got, err := c.secrets.GetSecret(c.ctx, "Orders-Db", version, nil)
		if err != nil {
			return err
		}
		c.check(*got.ID == *want.ID && *got.Value == *want.Value && got.Attributes.Created.Equal(*want.Attributes.Created), "version %q is %s with %q", version, *got.ID, *got.Value)
	}
	return nil
}

func (c *confidant) setValues() error {
	for _, value := range []string{"", " \t\r\n", `{"a":"\u2028"}`, "pâte brisée, 饅頭, \x00\U0001F95F", strings.Repeat("饅", 25<<10/3)} {
		if _, err := c.set("value", value); err != nil {
			return fmt.Errorf("%.20q: %w", value, err)
		}
		got, err := c.secrets.GetSecret(c.ctx, "value", "", nil)
		if err != nil {
			return err
		}
		c.check(got.Value != nil && *got.Value == value, "%.20q came back as another", value)
	}
	return nil
}

// update changes the properties of the newest version of Orders-Db.
func (c *confidant) update(to azsecrets.UpdateSecretPropertiesParameters) (azsecrets.UpdateSecretPropertiesResponse, error) {
	return c.secrets.UpdateSecretProperties(c.ctx, "Orders-Db", "", to, nil)
}

func (c *confidant) changeProperties() error {
	read := func() error {
		got, err := c.secrets.GetSecret(c.ctx, "Orders-Db", "", nil)
		c.check(err != nil || *got.Value == "two", "the value has changed to %+v", got.Value)
		return err
	}
	to := time.Now().Add(time.Hour).Truncate(time.Second)
	got, err := c.update(azsecrets.UpdateSecretPropertiesParameters{ContentType: pointer("password"), Tags: map[string]*string{"c": pointer("d"), "e": pointer("")},
		SecretAttributes: &azsecrets.SecretAttributes{Expires: &to}})
	if err != nil {
		return err
	}
	c.check(got.Value == nil && *got.ContentType == "password" && *got.Tags["c"] == "d" && *got.Tags["e"] == "" && got.Attributes.Expires.Equal(to), "%+v", got)
	if got, err = c.update(azsecrets.UpdateSecretPropertiesParameters{SecretAttributes: &azsecrets.SecretAttributes{Enabled: pointer(false)}}); err != nil {
		return err
	}
	c.check(!*got.Attributes.Enabled && got.Attributes.Expires.Equal(to) && *got.ContentType == "password" && len(got.Tags) == 2, "what was not said has changed: %+v", got)
	c.refused("disabled", read(), http.StatusForbidden, "Forbidden", "SecretDisabled")
	_, err = c.secrets.GetSecret(c.ctx, "Orders-Db", got.ID.Version(), nil)
	c.refused("disabled, by its version", err, http.StatusForbidden, "Forbidden", "SecretDisabled")
	if got, err = c.secrets.UpdateSecretProperties(c.ctx, "Orders-Db", got.ID.Version(),
		azsecrets.UpdateSecretPropertiesParameters{SecretAttributes: &azsecrets.SecretAttributes{Enabled: pointer(true)}, Tags: map[string]*string{}}, nil); err != nil {
		return err
	}
	c.check(*got.Attributes.Enabled && len(got.Tags) == 0, "%+v", got)
	_, err = c.update(azsecrets.UpdateSecretPropertiesParameters{SecretAttributes: &azsecrets.SecretAttributes{NotBefore: pointer(to.Add(time.Hour))}})
	c.refused("it begins after its end", err, http.StatusBadRequest, "BadParameter", "")
	return read()
}

func (c *confidant) readOutsideTime() error {
	now := time.Now()
	for _, a := range []azsecrets.SecretAttributes{{Expires: pointer(now.Add(-time.Minute))}, {NotBefore: pointer(now.Add(time.Hour))}} {
		if _, err := c.secrets.SetSecret(c.ctx, "timed", azsecrets.SetSecretParameters{Value: pointer("x"), SecretAttributes: &a}, nil); err != nil {
			return err
		}
		if _, err := c.secrets.GetSecret(c.ctx, "timed", "", nil); err != nil {
			return err
		}
	}
	return nil
}

// collected reads all pages of a list and returns how many there were.
func collected[T any](ctx context.Context, pager *runtime.Pager[T], read func(page T)) (pages int, err error) {
	for ; pager.More(); pages++ {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return pages, err
		}
		read(page)
	}
	return pages, nil
}

func (c *confidant) readSecretPages() error {
	for i := range 28 {
		if _, err := c.set(fmt.Sprintf("page-%02d", i), "x"); err != nil {
			return err
		}
	}
	found := map[string]bool{}
	pages, err := collected(c.ctx, c.secrets.NewListSecretPropertiesPager(nil), func(page azsecrets.ListSecretPropertiesResponse) {
		for _, one := range page.Value {
			c.check(one.ID.Version() == "" && !found[one.ID.Name()] && *one.Attributes.Enabled, "%s is there twice, or with a version", *one.ID)
			found[one.ID.Name()] = true
		}
	})
	c.check(err != nil || pages == 2 && len(found) == 31 && found["Orders-Db"], "%d pages, %d secrets", pages, len(found))
	return err
}

func (c *confidant) readVersionPages() error {
	var made []string
	for i := range 53 {
		one, err := c.set("many", fmt.Sprint(i))
		if err != nil {
			return err
		}
		made = append(made, one.ID.Version())
	}
	var found []string
	pages, err := collected(c.ctx, c.secrets.NewListSecretPropertiesVersionsPager("many", nil), func(page azsecrets.ListSecretPropertiesVersionsResponse) {
		for _, one := range page.Value {
			found = append(found, one.ID.Version())
		}
	})
	slices.Sort(made)
	slices.Sort(found)
	c.check(err != nil || pages == 3 && slices.Equal(made, found), "%d pages, %d versions of %d", pages, len(found), len(made))
	return err
}

func (c *confidant) deleteSecrets() error {
	gone, err := c.secrets.DeleteSecret(c.ctx, "page-00", nil)
	if err != nil {
		return err
	}
	c.check(*gone.RecoveryID == c.place.Vault+"/deletedsecrets/page-00" && gone.Value == nil &&
		gone.ScheduledPurgeDate.Sub(*gone.DeletedDate) == 7*24*time.Hour && time.Since(*gone.DeletedDate) < time.Minute, "%+v", gone)
	_, err = c.secrets.GetSecret(c.ctx, "page-00", "", nil)
	c.refused("deleted", err, http.StatusNotFound, "SecretNotFound", "")
	_, err = c.secrets.GetSecret(c.ctx, "page-00", gone.ID.Version(), nil)
	c.refused("deleted, by its version", err, http.StatusNotFound, "SecretNotFound", "")
	_, err = c.set("page-00", "y")
	c.refused("its name is taken", err, http.StatusConflict, "Conflict", "ObjectIsDeletedButRecoverable")
	var listed []string
	_, err = collected(c.ctx, c.secrets.NewListDeletedSecretPropertiesPager(nil), func(page azsecrets.ListDeletedSecretPropertiesResponse) {
		for _, one := range page.Value {
			listed = append(listed, *one.RecoveryID)
		}
	})
	if err != nil {
		return err
	}
	c.check(slices.Equal(listed, []string{*gone.RecoveryID}), "deleted secrets: %v", listed)
	shown, err := c.secrets.GetDeletedSecret(c.ctx, "page-00", nil)
	if err != nil {
		return err
	}
	c.check(*shown.ID == *gone.ID && shown.Value == nil && shown.DeletedDate.Equal(*gone.DeletedDate), "%+v", shown)
	back, err := c.secrets.RecoverDeletedSecret(c.ctx, "page-00", nil)
	if err != nil {
		return err
	}
	got, err := c.secrets.GetSecret(c.ctx, "page-00", "", nil)
	c.check(err != nil || *got.ID == *back.ID && *got.Value == "x", "%s came back as %s", *back.ID, *got.ID)
	return err
}

func (c *confidant) backUpSecret() error {
	kept, err := c.secrets.BackupSecret(c.ctx, "Orders-Db", nil)
	if err != nil {
		return err
	}
	c.check(!bytes.Contains(kept.Value, []byte("two")), "it can be read")
	restore := func() (azsecrets.RestoreSecretResponse, error) {
		return c.secrets.RestoreSecret(c.ctx, azsecrets.RestoreSecretParameters{SecretBackup: kept.Value}, nil)
	}
	_, err = restore()
	c.refused("it is there", err, http.StatusConflict, "Conflict", "")
	if _, err := c.secrets.DeleteSecret(c.ctx, "Orders-Db", nil); err != nil {
		return err
	}
	_, err = restore()
	c.refused("it can be recovered", err, http.StatusConflict, "Conflict", "")
	if _, err := c.secrets.PurgeDeletedSecret(c.ctx, "Orders-Db", nil); err != nil {
		return err
	}
	_, err = c.secrets.GetDeletedSecret(c.ctx, "Orders-Db", nil)
	c.refused("purged", err, http.StatusNotFound, "SecretNotFound", "")
	_, err = c.secrets.PurgeDeletedSecret(c.ctx, "Orders-Db", nil)
	c.refused("purged again", err, http.StatusNotFound, "SecretNotFound", "")
	back, err := restore()
	if err != nil {
		return err
	}
	values := map[string]bool{}
	_, err = collected(c.ctx, c.secrets.NewListSecretPropertiesVersionsPager("Orders-Db", nil), func(page azsecrets.ListSecretPropertiesVersionsResponse) {
		for _, one := range page.Value {
			got, err := c.secrets.GetSecret(c.ctx, "Orders-Db", one.ID.Version(), nil)
			if err != nil {
				c.check(false, "version %s: %v", one.ID.Version(), err)
				continue
			}
			values[*got.Value] = true
		}
	})
	c.check(err != nil || back.Value == nil && len(values) == 2 && values["one"] && values["two"], "%+v came back with %v", back, values)
	kept.Value[len(kept.Value)/2] ^= 1
	_, changed := restore()
	c.refused("a backup that was changed", changed, http.StatusBadRequest, "BadParameter", "")
	return err
}

// lastOneWins finds no entity tag in an answer, and none is looked at in a request.
func (c *confidant) lastOneWins() error {
	var answer *http.Response
	ctx := policy.WithCaptureResponse(policy.WithHTTPHeader(c.ctx, http.Header{"If-Match": {`"another"`}}), &answer)
	for range 2 {
		if _, err := c.secrets.SetSecret(ctx, "untagged", azsecrets.SetSecretParameters{Value: pointer("x")}, nil); err != nil {
			return err
		}
		c.check(answer.Header.Get("ETag") == "", "ETag: %s", answer.Header.Get("ETag"))
	}
	if _, err := c.secrets.GetSecret(policy.WithCaptureResponse(c.ctx, &answer), "untagged", "", nil); err != nil {
		return err
	}
	c.check(answer.Header.Get("ETag") == "", "ETag: %s", answer.Header.Get("ETag"))
	return nil
}

func (c *confidant) refuseSecrets() error {
	for _, name := range []string{"bad_name", "bad.name", "bad name", "gebäck", strings.Repeat("x", 128)} {
		_, err := c.set(name, "x")
		c.refused("the name "+name, err, http.StatusBadRequest, "BadParameter", "")
	}
	_, err := c.set("large", strings.Repeat("x", 25<<10+1))
	c.refused("more than 25 KiB", err, http.StatusBadRequest, "BadParameter", "")
	_, err = c.secrets.SetSecret(c.ctx, "none", azsecrets.SetSecretParameters{}, nil)
	c.refused("no value", err, http.StatusBadRequest, "BadParameter", "")
	_, err = c.secrets.GetSecret(c.ctx, "none", "", nil)
	c.refused("a secret that is not there", err, http.StatusNotFound, "SecretNotFound", "")
	_, err = c.secrets.GetSecret(c.ctx, "many", strings.Repeat("0", 32), nil)
	c.refused("a version that is not there", err, http.StatusNotFound, "SecretNotFound", "")
	_, err = c.secrets.DeleteSecret(c.ctx, "none", nil)
	c.refused("no secret to delete", err, http.StatusNotFound, "SecretNotFound", "")
	_, err = c.secrets.RecoverDeletedSecret(c.ctx, "many", nil)
	c.refused("one that is not deleted", err, http.StatusNotFound, "SecretNotFound", "")
	_, err = c.crypto.GetSecret(c.ctx, "many", "", nil)
	c.refused("a Crypto User", err, http.StatusForbidden, "Forbidden", "ForbiddenByRbac")
	_, err = c.other.NewListSecretPropertiesPager(nil).NextPage(c.ctx)
	c.refused("a stranger", err, http.StatusForbidden, "Forbidden", "ForbiddenByRbac")
	return nil
}

// How long a change of roles may take to hold for a client that keeps its token, and how often it is tried.
const (
	holdsWithin = time.Second
	holdRounds  = 5
	holdPause   = 2 * time.Millisecond
)

// kept is the id of the secret at which the stranger gets a role.
func (c *confidant) kept() string { return c.vaultID() + "/secrets/kept" }

func (c *confidant) assignment() string {
	return c.kept() + "/providers/Microsoft.Authorization/roleAssignments/0b9e6a47-3d52-4c81-a7f0-e1d8c5b29436?api-version=2022-04-01"
}

func (c *confidant) assignByRequest() error {
	role := "/subscriptions/" + keysSubscription + "/providers/Microsoft.Authorization/roleDefinitions/" + secretsUserRole
	return c.manage(http.MethodPut, c.assignment(), `{"properties":{"principalId":"`+strangerObject+`","principalType":"ServicePrincipal","roleDefinitionId":"`+role+`"}}`)
}

func (c *confidant) removeByRequest() error { return c.manage(http.MethodDelete, c.assignment(), "") }

// holdSecretAtOnce gives the stranger a role at one secret and takes it away, and does so again. The stranger's client
// keeps the token that it has.
func (c *confidant) holdSecretAtOnce() error {
	for _, name := range []string{"kept", "beside"} {
		if _, err := c.set(name, "x"); err != nil {
			return err
		}
	}
	if err := c.turns(false); err != nil {
		return err
	}
	asked := c.tokens.asked.Load()
	for range holdRounds {
		if err := c.assign(); err != nil {
			return err
		}
		if err := c.turns(true); err != nil {
			return err
		}
		_, err := c.other.GetSecret(c.ctx, "beside", "", nil)
		c.refused("another secret", err, http.StatusForbidden, "Forbidden", "ForbiddenByRbac")
		if err := c.remove(); err != nil {
			return err
		}
		if err := c.turns(false); err != nil {
			return err
		}
	}
	c.check(asked > 0 && c.tokens.asked.Load() == asked, "the client has got another token")
	return nil
}

// turns reads the stranger's secret until it is handed out, or until it is refused; holdsWithin from now on it must be.
func (c *confidant) turns(open bool) error {
	for began := time.Now(); ; time.Sleep(holdPause) {
		_, err := c.other.GetSecret(c.ctx, "kept", "", nil)
		var answer *azcore.ResponseError
		forbidden := errors.As(err, &answer) && answer.StatusCode == http.StatusForbidden && strings.Contains(err.Error(), "ForbiddenByRbac")
		if err != nil && !forbidden {
			return err
		}
		took := time.Since(began)
		switch {
		case took > holdsWithin:
			return fmt.Errorf("%s after the change of roles the answer is %v", took, err)
		case forbidden != open:
			return nil
		}
	}
}
