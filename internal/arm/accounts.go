package arm

import (
	"net/http"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
)

// Storage accounts (Microsoft.Storage, 2022-09-01 to 2025-08-01), the control plane of them.

const typeAccount = "Microsoft.Storage/storageAccounts"

const accountDefaults = `{"accessTier":"Hot","allowBlobPublicAccess":false,"allowSharedKeyAccess":true,"minimumTlsVersion":"TLS1_2",
"supportsHttpsTrafficOnly":true,"privateEndpointConnections":[],"publicNetworkAccess":"Enabled",
"networkAcls":{"bypass":"AzureServices","virtualNetworkRules":[],"ipRules":[],"defaultAction":"Allow"},
"encryption":{"keySource":"Microsoft.Storage","services":{"blob":{"enabled":true,"keyType":"Account"},"file":{"enabled":true,"keyType":"Account"}}}}`

func storageKinds() []kind {
	account := kind{name: typeAccount, created: http.StatusOK, unique: true, naming: "3 to 24 lower-case letters and digits",
		names: func(name string) bool { return alphanumeric(name, 3, 24, "") && strings.ToLower(name) == name },
		readOnly: "primaryEndpoints primaryLocation statusOfPrimary secondaryEndpoints secondaryLocation statusOfSecondary creationTime keyCreationTime" +
			" privateEndpointConnections",
		defaults: accountDefaults, check: checkAccount, show: showAccount}
	all := []kind{account}
	for service, defaults := range map[string]string{
		"blobServices":  `{"cors":{"corsRules":[]},"deleteRetentionPolicy":{"enabled":false,"allowPermanentDelete":false},"containerDeleteRetentionPolicy":{"enabled":false}}`,
		"fileServices":  `{"cors":{"corsRules":[]},"protocolSettings":{"smb":{}},"shareDeleteRetentionPolicy":{"enabled":false,"days":0}}`,
		"queueServices": `{"cors":{"corsRules":[]}}`,
		"tableServices": `{"cors":{"corsRules":[]}}`,
	} {
		all = append(all, kind{name: typeAccount + "/" + service, created: http.StatusOK, fixed: []string{"default"}, defaults: defaults})
	}
	return all
}

// checkAccount completes the size of an account.
func checkAccount(w *written) error {
	sku := object(w.members, "sku")
	fill(sku, "name", "Standard_LRS")
	tier, _, ok := strings.Cut(text(sku, "name"), "_")
	if !ok || !strings.EqualFold(tier, "Standard") && !strings.EqualFold(tier, "Premium") && !strings.EqualFold(tier, "StandardV2") && !strings.EqualFold(tier, "PremiumV2") {
		return apierr.New(apierr.PropertyInvalid, "The sku '%s' is none of a storage account: use Standard_LRS, Standard_ZRS or Premium_LRS.", text(sku, "name")).At("sku.name")
	}
	sku["tier"] = tier
	return nil
}

func showAccount(s *shown) {
	s.out.Kind = orText(s.out.Kind, "StorageV2")
	name := strings.ToLower(s.r.ID.Name())
	endpoints := map[string]string{}
	for _, service := range []string{"blob", "queue", "table", "file", "dfs", "web"} {
		endpoints[service] = "https://" + name + "." + service + "." + s.hosts.storage + "/"
	}
	for property, value := range map[string]any{
		"primaryEndpoints": endpoints, "primaryLocation": s.r.Location, "statusOfPrimary": "available", "creationTime": s.r.Created,
		"keyCreationTime": map[string]any{"key1": s.r.Created, "key2": s.r.Created},
	} {
		s.props[property] = value
	}
}

// accountKeys are the names of the two keys of an account, of which one can be renewed while the other is in use.
func accountKeys() []string { return []string{"key1", "key2"} }

// listAccountKeys answers with both keys. They are made when somebody asks first.
func (c *call) listAccountKeys() error {
	r, err := findResource(c.dir, c.id)
	if err != nil {
		return err
	}
	out, err := c.accountKeysOut(r, "", "")
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, out)
}

// accountKeysOut spells both keys of r, of which one may have been renewed just now.
func (c *call) accountKeysOut(r *resource.Resource, renewed string, value secret) (accountKeysWire, error) {
	out := accountKeysWire{Keys: []accountKeyWire{}}
	for _, name := range accountKeys() {
		key := value
		if name != renewed {
			var err error
			if key, err = c.keep(r, "key/"+name, func() (secret, error) { return c.newKey(64) }); err != nil {
				return out, err
			}
		}
		out.Keys = append(out.Keys, accountKeyWire{CreationTime: r.Created, Name: name, Value: string(key), Permissions: "FULL"})
	}
	return out, nil
}

// regenerateAccountKey replaces one of the keys.
func (c *call) regenerateAccountKey() error {
	var body keyNameIn
	if err := serve.ReadJSON(c.r, maxBody, &body); err != nil {
		return err
	}
	renewed := ""
	for _, name := range accountKeys() {
		if strings.EqualFold(name, body.Name) {
			renewed = name
		}
	}
	if renewed == "" {
		return apierr.New(apierr.PropertyInvalid, "The key '%s' does not exist: use key1 or key2.", body.Name).At("keyName")
	}
	key, err := c.newKey(64)
	if err != nil {
		return err
	}
	sealed, err := c.seal(c.id, "key/"+renewed, key)
	if err != nil {
		return err
	}
	var r *resource.Resource
	err = c.update(func(d *state.Draft) (err error) {
		if r, err = findResource(d.Directory(), c.id); err != nil {
			return err
		}
		return d.PutSealed(c.id, sealed)
	})
	if err != nil {
		return err
	}
	out, err := c.accountKeysOut(r, renewed, key)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, out)
}
