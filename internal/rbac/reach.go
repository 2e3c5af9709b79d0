package rbac

import (
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/guid"
)

// Reach is how far a role goes, wherever it is assigned.
type Reach struct {
	Everything  bool      // it changes things of any kind: it has the action * or what is as good as that
	GivesAccess bool      // who has it may give any role to anybody, himself included
	Data        DataReach // of what vaults and storage accounts hold
}

// DataReach is how far a role goes in what vaults and storage accounts hold; a greater one goes further.
type DataReach uint8

// The reaches into data.
const (
	NoData       DataReach = iota // at most the names of what vaults hold, and public keys
	UsesData                      // it uses keys, or reads or changes what is stored
	RulesData                     // it does whatever there is to do to secrets, keys, certificates or what is stored
	ReadsSecrets                  // it reads the values of secrets, and may do more
)

const (
	writeAssignments  = "Microsoft.Authorization/roleAssignments/write"
	deleteAssignments = "Microsoft.Authorization/roleAssignments/delete"

	getSecretValue = "Microsoft.KeyVault/vaults/secrets/getSecret/action"
)

// The namespaces of vaults and storage accounts, as patterns are matched.
const (
	keyVault = "microsoft.keyvault"
	storage  = "microsoft.storage"
)

// ruling are actions that only those have who may do whatever there is to do to some kind of data, or make it theirs. Those
// that end with do/action do not exist: only a pattern for all matches them.
func ruling() []string {
	const files = "Microsoft.Storage/storageAccounts/fileServices/"
	return []string{
		"Microsoft.KeyVault/vaults/secrets/do/action", "Microsoft.KeyVault/vaults/keys/do/action", "Microsoft.KeyVault/vaults/certificates/do/action",
		"Microsoft.Storage/storageAccounts/blobServices/containers/blobs/do/action", "Microsoft.Storage/storageAccounts/queueServices/queues/messages/do/action",
		"Microsoft.Storage/storageAccounts/tableServices/tables/entities/do/action", files + "fileshares/files/do/action",
		files + "fileshares/files/modifypermissions/action", files + "takeOwnership/action", files + "runAsBuiltInFileAdministrator/action",
	}
}

// Reach judges a role by what it allows, so that a custom role with the actions of Owner reaches as far as Owner.
// Exceptions count. A condition that does not let give the roles that give access holds back that right, as in the roles
// that are made for it, but nothing else.
func (r *Role) Reach() Reach {
	reach := Reach{Data: r.dataReach()}
	for i := range r.permissions {
		p := &r.permissions[i]
		for _, verb := range []string{"write", "delete", "do/action"} {
			reach.Everything = reach.Everything || p.allows(ControlAction("Any.Provider/things/"+verb))
		}
		givesAny := slices.ContainsFunc([]guid.GUID{Owner, UserAccessAdministrator, AccessControlAdministrator}, p.condition.MayGive)
		reach.GivesAccess = reach.GivesAccess || givesAny && p.allows(ControlAction(writeAssignments))
	}
	return reach
}

func (r *Role) dataReach() DataReach {
	has := func(name string) bool { return r.Has(DataAction(name)) }
	switch {
	case has(getSecretValue):
		return ReadsSecrets
	case slices.ContainsFunc(ruling(), has):
		return RulesData
	case r.HasDataOf(keyVault) || r.HasDataOf(storage):
		return UsesData
	default:
		return NoData
	}
}

// HasDataOf reports whether the role has data actions of a namespace, such as Microsoft.Storage, other than to read what is
// no secret of vaults.
func (r *Role) HasDataOf(namespace string) bool {
	for _, p := range r.Permissions {
		for _, text := range p.DataActions {
			a := DataAction(sample(text))
			provider, _, _ := strings.Cut(strings.ToLower(text), "/")
			harmless := provider == keyVault && (strings.HasSuffix(a.lower, "/read") || strings.HasSuffix(a.lower, "/readmetadata/action"))
			if (same(provider, namespace) || strings.Contains(provider, "*")) && !harmless && r.Has(a) {
				return true
			}
		}
	}
	return false
}

// allows reports whether the permission has the action and does not except it.
func (p *permission) allows(a Action) bool {
	has, excepted := p.has(a)
	return has && !excepted
}
