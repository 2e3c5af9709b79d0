package state

import (
	"encoding/json"
	"fmt"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/rbac"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/store"
	"github.com/inborn-id/inborn/internal/vault"
)

// The kinds of record. They and the JSON bodies are the stored format: a domain type's field names are its member
// names, and codec_test.go holds a body of every kind as it was first written, which must stay readable for ever.
const (
	kindTenant        = "tenant"
	kindUser          = "user"
	kindGroup         = "group"
	kindMembership    = "membership"
	kindApplication   = "application"
	kindPrincipal     = "servicePrincipal"
	kindAssignment    = "appRoleAssignment"
	kindSubscription  = "subscription"
	kindResourceGroup = "resourceGroup"
	kindResource      = "resource"
	kindIdentity      = "managedIdentity"
	kindBinding       = "workloadBinding"
	kindSigningKey    = "signingKey"
	kindAuthority     = "certificateAuthority"
	kindLock          = "lock"

	kindRoleDefinition  = "roleDefinition"
	kindRoleAssignment  = "roleAssignment"
	kindDenyAssignment  = "denyAssignment"
	kindManagementGroup = "managementGroup"
	kindPlacement       = "subscriptionPlacement"

	kindCredential  = "federatedCredential"
	kindDeletedItem = "deletedItem"

	kindVaultObject   = "vaultObject"
	kindVaultVersion  = "vaultVersion"
	kindVaultIssuer   = "certificateIssuer"
	kindVaultContacts = "certificateContacts"
	kindDeletedVault  = "deletedVault"
)

// Object is any type that has records.
type Object interface {
	directory.Tenant | directory.User | directory.Group | directory.Membership | directory.Application |
		directory.ServicePrincipal | directory.AppRoleAssignment | resource.Subscription | resource.Group |
		resource.Resource | resource.ManagedIdentity | resource.WorkloadBinding | resource.Lock | SigningKey | CertificateAuthority |
		rbac.RoleDefinition | rbac.RoleAssignment | rbac.DenyAssignment | rbac.ManagementGroup | rbac.Placement |
		directory.FederatedCredential | DeletedItem |
		vault.Object | vault.Version | vault.Issuer | vault.Contacts | DeletedVault
}

// put makes the record that stores object; tenant is zero for objects of the platform.
func put[T Object](tenant guid.GUID, object T) store.Record {
	body, err := json.Marshal(bodyOf(object))
	if err != nil {
		panic(fmt.Sprintf("state: %T cannot be encoded: %v", object, err)) // a domain type that JSON cannot hold is a bug
	}
	return store.Record{Key: keyOf(tenant, any(object)), Body: body}
}

// remove makes the tombstone of object.
func remove[T Object](tenant guid.GUID, object T) store.Record {
	return store.Record{Key: keyOf(tenant, any(object)), Deleted: true}
}

func keyOf(tenant guid.GUID, object any) store.Key {
	kind, id := "", ""
	switch o := object.(type) {
	case directory.Tenant:
		kind, id = kindTenant, o.ID.String()
	case directory.User:
		kind, id = kindUser, o.ID.String()
	case directory.Group:
		kind, id = kindGroup, o.ID.String()
	case directory.Membership:
		kind, id = kindMembership, o.Group.String()+"/"+o.Member.String()
	case directory.Application:
		kind, id = kindApplication, o.ID.String()
	case directory.ServicePrincipal:
		kind, id = kindPrincipal, o.ID.String()
	case directory.AppRoleAssignment:
		kind, id = kindAssignment, o.ID.String()
	case resource.Subscription:
		kind, id = kindSubscription, o.ID.String()
	case resource.Group:
		kind, id = kindResourceGroup, string(o.ID.Key())
	case resource.Resource:
		kind, id = kindResource, string(o.ID.Key())
	case resource.ManagedIdentity:
		kind, id = kindIdentity, string(o.ID.Key())
	case resource.WorkloadBinding:
		kind, id = kindBinding, o.ID.String()
	case resource.Lock:
		kind, id = kindLock, string(o.ID().Key())
	case SigningKey:
		kind, id = kindSigningKey, o.KeyID
	case CertificateAuthority:
		kind, id = kindAuthority, authorityID
	case rbac.RoleDefinition:
		kind, id = kindRoleDefinition, o.ID.String()
	case rbac.RoleAssignment:
		kind, id = kindRoleAssignment, o.ID.String()
	case rbac.DenyAssignment:
		kind, id = kindDenyAssignment, o.ID.String()
	case rbac.ManagementGroup:
		kind, id = kindManagementGroup, placeKey(o.ID())
	case rbac.Placement:
		kind, id = kindPlacement, o.Subscription.String()
	case directory.FederatedCredential:
		kind, id = kindCredential, credentialKey(o.Principal, o.Name)
	case DeletedItem:
		kind, id = kindDeletedItem, o.ID.String()
	default:
		kind, id = vaultKeyOf(object)
	}
	return store.Key{Tenant: tenant, Kind: kind, ID: id}
}

func vaultKeyOf(object any) (kind, id string) {
	switch o := object.(type) {
	case vault.Object:
		return kindVaultObject, objectKey(o.Vault, o.Kind, o.Name)
	case vault.Version:
		return kindVaultVersion, versionKey(o.Vault, o.Kind, o.Name, o.ID)
	case vault.Issuer:
		return kindVaultIssuer, issuerKey(o.Vault, o.Name)
	case vault.Contacts:
		return kindVaultContacts, string(o.Vault.Key())
	case DeletedVault:
		return kindDeletedVault, string(o.Resource.ID.Key())
	default:
		return "", ""
	}
}

func decode[T Object](r store.Record) (*T, error) {
	object := new(T)
	var err error
	if a, ok := any(object).(*rbac.RoleAssignment); ok {
		err = decodeRoleAssignment(r.Body, a)
	} else {
		err = json.Unmarshal(r.Body, object)
	}
	if err != nil {
		return nil, fmt.Errorf("state: record %s %s at %d: %w", r.Kind, r.ID, r.Seq, err)
	}
	return object, nil
}
