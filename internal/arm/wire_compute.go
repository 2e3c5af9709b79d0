package arm

import (
	"time"

	"github.com/inborn-id/inborn/internal/resource"
)

// instanceViewWire is how a virtual machine does (Microsoft.Compute, 2024-03-01).
type instanceViewWire struct {
	Computer string       `json:"computerName"`
	Statuses []statusWire `json:"statuses"`
}

type statusWire struct {
	Code    string     `json:"code"`
	Level   string     `json:"level"`
	Display string     `json:"displayStatus"`
	Time    *time.Time `json:"time,omitempty"`
}

func instanceViewOut(r *resource.Resource) instanceViewWire {
	power := orText(r.Condition, "running")
	return instanceViewWire{r.ID.Name(), []statusWire{
		{"ProvisioningState/succeeded", "Info", "Provisioning succeeded", &r.Changed},
		{"PowerState/" + power, "Info", "VM " + power, nil}}}
}

// containerSecrets are the secrets of a container app or job, with their values.
type containerSecrets struct {
	Value []containerSecret `json:"value"`
}

type containerSecret struct {
	Name     string `json:"name"`
	Value    string `json:"value,omitempty"`
	VaultURL string `json:"keyVaultUrl,omitempty"`
	Identity string `json:"identity,omitempty"`
}

// accountKeysWire are the keys of a storage account (listKeys, regenerateKey).
type accountKeysWire struct {
	Keys []accountKeyWire `json:"keys"`
}

type accountKeyWire struct {
	CreationTime time.Time `json:"creationTime"`
	Name         string    `json:"keyName"`
	Value        string    `json:"value"`
	Permissions  string    `json:"permissions"`
}

type keyNameIn struct {
	Name string `json:"keyName"`
}

// accessPolicyWire is what a principal may do in a vault that has access policies instead of roles. Its permissions are
// lists of words by kind of object.
type accessPolicyWire struct {
	TenantID      string              `json:"tenantId"`
	ObjectID      string              `json:"objectId"`
	ApplicationID string              `json:"applicationId,omitempty"`
	Permissions   map[string][]string `json:"permissions"`
}

// accessPoliciesWire is the body of PUT accessPolicies/{add|replace|remove}, in both directions.
type accessPoliciesWire struct {
	ID         string             `json:"id"`
	Type       string             `json:"type"`
	Location   string             `json:"location"`
	Properties *accessPolicyProps `json:"properties"`
}

type accessPolicyProps struct {
	Policies []accessPolicyWire `json:"accessPolicies"`
}
