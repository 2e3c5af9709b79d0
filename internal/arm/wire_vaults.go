package arm

import (
	"time"

	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
	"github.com/inborn-id/inborn/internal/vault"
)

// deletedVaultWire is a deleted vault (Microsoft.KeyVault, deletedVaults, 2022-07-01).
type deletedVaultWire struct {
	ID         resource.ID       `json:"id"`
	Name       string            `json:"name"`
	Type       string            `json:"type"`
	Properties deletedVaultProps `json:"properties"`
}

type deletedVaultProps struct {
	VaultID         resource.ID       `json:"vaultId"`
	Location        string            `json:"location"`
	Tags            map[string]string `json:"tags"`
	Deleted         time.Time         `json:"deletionDate"`
	Purge           time.Time         `json:"scheduledPurgeDate"`
	PurgeProtection bool              `json:"purgeProtectionEnabled"`
}

func deletedVaultOut(gone *state.DeletedVault) deletedVaultWire {
	r := gone.Resource
	settings, err := vault.ReadSettings(r.Properties)
	at := resource.SubscriptionID(r.ID.Subscription()) + resource.ID("/providers/Microsoft.KeyVault/locations/"+r.Location+"/deletedVaults/"+r.ID.Name())
	return deletedVaultWire{ID: at, Name: r.ID.Name(), Type: "Microsoft.KeyVault/deletedVaults",
		Properties: deletedVaultProps{VaultID: r.ID, Location: r.Location, Tags: tagsOut(r.Tags), Deleted: gone.Deleted, Purge: gone.Purge,
			PurgeProtection: err == nil && settings.PurgeProtection}}
}
