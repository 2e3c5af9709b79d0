package arm

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/serve"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// Key vaults (Microsoft.KeyVault, 2022-07-01 to 2026-02-01), the control plane of them.

const typeVault = "Microsoft.KeyVault/vaults"

func vaultKind() kind {
	return kind{name: typeVault, unique: true, naming: vault.VaultNames, names: vault.IsVaultName,
		readOnly: "vaultUri hsmPoolResourceId privateEndpointConnections",
		defaults: `{"accessPolicies":[],"enableRbacAuthorization":false,"enableSoftDelete":true,"enabledForDeployment":false,
			"enabledForDiskEncryption":false,"enabledForTemplateDeployment":false,"publicNetworkAccess":"Enabled","softDeleteRetentionInDays":90}`,
		strip: respellVault, check: checkVault, show: showVault}
}

// respellVault gives the properties that decide something the one spelling under which they are kept, so that no other
// spelling gets past the rules for them.
func respellVault(s *stripped) error {
	for _, name := range []string{createMode, purgeProtection, softDelete, retentionDays, rbacModel, "accessPolicies", "tenantId"} {
		respell(s.props, name)
	}
	return nil
}

// checkVault takes the tenant of the caller for that of the vault, and no other: a vault of another directory would
// answer to nobody here.
func checkVault(w *written) error {
	mode, _ := take(w.props, createMode)
	if done, err := w.recoverVault(scalar(mode)); done || err != nil {
		return err
	}
	tenant := w.c.dir.Tenant().ID.String()
	fill(w.props, "tenantId", tenant)
	if !strings.EqualFold(text(w.props, "tenantId"), tenant) {
		return apierr.New(apierr.PropertyInvalid, "The tenantId of a vault must be %s, that of its subscription, and not '%s'.", tenant, scalar(w.props["tenantId"])).
			At("properties.tenantId")
	}
	sku := object(w.props, "sku")
	fill(sku, "family", "A")
	fill(sku, "name", "standard")
	if name := strings.ToLower(text(sku, "name")); name != "standard" && name != "premium" {
		return apierr.New(apierr.PropertyInvalid, "The sku '%s' is none of a vault: use standard or premium.", scalar(sku["name"])).At("properties.sku.name")
	}
	if _, err := policiesOf(w.props, tenant); err != nil {
		return err
	}
	if err := w.checkModel(); err != nil {
		return err
	}
	return w.checkProtection()
}

// checkModel keeps who decides about the use of a vault, roles or access policies, unless the body says otherwise; and
// then that takes the right to assign roles there. Else whoever may write a vault could read what is in it, by making
// access policies decide, of which one is his own.
func (w *written) checkModel() error {
	if w.old == nil {
		return nil
	}
	was, err := vault.ReadSettings(w.old.Properties)
	if err != nil {
		return err
	}
	if w.props[rbacModel] == nil && was.RBAC {
		w.props[rbacModel] = true
	}
	if is := w.props[rbacModel] == true; is == was.RBAC {
		return nil
	}
	return authorizeLinked(w.d.Directory(), w.c, assignmentsWrite, w.old.ID)
}

func showVault(s *shown) {
	s.props["vaultUri"] = "https://" + strings.ToLower(s.r.ID.Name()) + "." + s.hosts.vaults + "/"
	s.fill("tenantId", s.dir.Tenant().ID.String())
	sku := object(s.props, "sku")
	fill(sku, "family", "A")
	fill(sku, "name", "standard")
}

// rbacModel is the property that says that roles decide and not access policies.
const rbacModel = "enableRbacAuthorization"

// maxPolicies is how many access policies a vault can have (the service's own limit).
const maxPolicies = 1024

// policiesOf reads the access policies in the properties of a vault of a tenant.
func policiesOf(props map[string]any, tenant string) ([]accessPolicyWire, error) {
	var policies []accessPolicyWire
	text, err := json.Marshal(props["accessPolicies"])
	if err == nil {
		err = json.Unmarshal(text, &policies)
	}
	if err == nil {
		err = checkPolicies(policies, tenant)
	}
	if err != nil {
		return nil, apierr.New(apierr.PropertyInvalid, "The property accessPolicies must be a list of up to %d objects with tenantId, objectId and permissions.", maxPolicies).
			At("properties.accessPolicies").Because(err)
	}
	return policies, nil
}

func checkPolicies(policies []accessPolicyWire, tenant string) error {
	if len(policies) > maxPolicies {
		return errors.New("too many policies")
	}
	for _, p := range policies {
		if p.ObjectID == "" {
			return errors.New("a policy has no objectId")
		}
		if p.TenantID != "" && !strings.EqualFold(p.TenantID, tenant) {
			return errors.New("a policy is for another tenant")
		}
	}
	return nil
}

// changePolicies adds permissions to those that principals have in a vault, replaces them, or takes them away.
func (c *call) changePolicies() error {
	var body accessPoliciesWire
	if err := serve.ReadJSON(c.r, maxBody, &body); err != nil {
		return err
	}
	if body.Properties == nil {
		return apierr.New(apierr.PropertyInvalid, "The property accessPolicies is missing.").At("properties.accessPolicies")
	}
	operation := strings.ToLower(serve.Param(c.r, "operation"))
	var out accessPoliciesWire
	err := c.update(func(d *state.Draft) error {
		vault, err := findResource(d.Directory(), c.id)
		if err != nil {
			return err
		}
		props, err := decodeProperties(vault.Properties)
		if err != nil {
			return err
		}
		if props == nil {
			props = map[string]any{}
		}
		tenant := d.Directory().Tenant().ID.String()
		policies, err := policiesOf(props, tenant)
		if err != nil {
			return err
		}
		for _, one := range body.Properties.Policies {
			policies = changePolicy(policies, one, operation)
		}
		props["accessPolicies"] = policies
		if policies, err = policiesOf(props, tenant); err != nil {
			return err
		}
		spec := state.SpecOf(vault)
		if spec.Properties, err = encodeProperties(props); err != nil {
			return err
		}
		out = accessPoliciesOut(vault, policies)
		_, _, err = d.PutResource(spec)
		return err
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, out)
}

// changePolicy applies one policy of a request to those there are.
func changePolicy(have []accessPolicyWire, change accessPolicyWire, operation string) []accessPolicyWire {
	at := slices.IndexFunc(have, func(p accessPolicyWire) bool {
		return strings.EqualFold(p.ObjectID, change.ObjectID) && strings.EqualFold(p.TenantID, change.TenantID) && strings.EqualFold(p.ApplicationID, change.ApplicationID)
	})
	switch {
	case at < 0 && operation == "remove":
		return have
	case at < 0:
		return append(have, change)
	case operation == "replace":
		have[at] = change
		return have
	}
	rights := map[string][]string{}
	for kind, words := range have[at].Permissions {
		rights[kind] = slices.Clone(words)
	}
	for kind, words := range change.Permissions {
		for _, word := range words {
			same := func(other string) bool { return strings.EqualFold(word, other) }
			switch found := slices.ContainsFunc(rights[kind], same); {
			case operation == "remove":
				rights[kind] = slices.DeleteFunc(rights[kind], same)
			case !found:
				rights[kind] = append(rights[kind], word)
			}
		}
	}
	have[at].Permissions = rights
	empty := true
	for _, words := range rights {
		empty = empty && len(words) == 0
	}
	if operation == "remove" && (empty || len(change.Permissions) == 0) {
		return slices.Delete(have, at, at+1)
	}
	return have
}

func accessPoliciesOut(vault *resource.Resource, policies []accessPolicyWire) accessPoliciesWire {
	return accessPoliciesWire{ID: string(vault.ID) + "/accessPolicies/", Type: typeVault + "/accessPolicies", Location: vault.Location,
		Properties: &accessPolicyProps{append([]accessPolicyWire{}, policies...)}}
}
