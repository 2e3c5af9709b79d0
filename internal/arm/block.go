package arm

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

// blockType reads the type of an identity block in any case, with or without the space after the comma.
func blockType(text string) (system, user bool, err error) {
	switch strings.ToLower(strings.ReplaceAll(text, " ", "")) {
	case "none":
		return false, false, nil
	case "systemassigned":
		return true, false, nil
	case "userassigned":
		return false, true, nil
	case "systemassigned,userassigned", "userassigned,systemassigned":
		return true, true, nil
	}
	return false, false, apierr.New(apierr.PropertyInvalid, "The identity type '%s' is not valid: use None, SystemAssigned, UserAssigned or"+
		" 'SystemAssigned, UserAssigned'.", text).At("identity.type").Because(invalidIdentityValues)
}

// change returns what the identity block shall be after a PUT, which lists it all, or a PATCH, which merges: an id with
// {} joins, an id with null leaves, the others stay, unless the type leaves no room for them. added are those that were
// not there before.
func (b *blockIn) change(have resource.Identity, merge bool) (spec state.IdentitySpec, added []resource.ID, err error) {
	system, user, err := blockType(b.Type)
	if err != nil {
		return spec, nil, err
	}
	var join, leave []resource.ID
	for _, text := range slices.Sorted(maps.Keys(b.User)) {
		id, err := resource.ParseID(text)
		if err != nil {
			return spec, nil, apierr.New(apierr.IdentityToAssignNotFound, "'%s' is not the id of a user-assigned identity.", text).At(text)
		}
		if b.User[text] == nil {
			leave = append(leave, id)
		} else {
			join = append(join, id)
		}
	}
	spec.System = system
	if !user {
		if len(join) > 0 {
			return spec, nil, apierr.New(apierr.PropertyInvalid, "The identity type '%s' does not go with userAssignedIdentities.", b.Type).
				At("identity.userAssignedIdentities").Because(invalidIdentityValues)
		}
		return spec, nil, nil
	}
	for _, id := range have.User {
		if contains(join, id) || merge && !contains(leave, id) {
			spec.User = append(spec.User, id)
		}
	}
	for _, id := range join {
		if !have.Has(id) {
			spec.User, added = append(spec.User, id), append(added, id)
		}
	}
	if len(spec.User) == 0 {
		return spec, nil, apierr.New(apierr.PropertyInvalid, "The identity ids must not be null or empty for '%s' identity type.", b.Type).
			At("identity.userAssignedIdentities").Because(missingIdentityIDs)
	}
	return spec, added, nil
}

func contains(ids []resource.ID, id resource.ID) bool {
	return slices.ContainsFunc(ids, func(other resource.ID) bool { return other.Key() == id.Key() })
}

// identityFailure says err, if it is about an identity that cannot be assigned, as the resource with that id says it.
func identityFailure(id resource.ID, err error) error {
	if !apierr.Is(err, apierr.IdentityToAssignNotFound) {
		return err
	}
	e := apierr.From(err)
	inner, _ := json.Marshal(errorWire{errorBody{Code: "BadRequest", Message: "Resource '" + e.Target + "' was not found."}})
	failed := apierr.New(e.Code, "Identity operation for resource '%s' failed with error 'Failed to perform resource identity operation."+
		" Status: 'BadRequest'. Response: '%s'.'", id, inner)
	failed.Target, failed.Help = e.Target, e.Help
	return failed
}

// blockOut spells an identity block; nil for an empty one.
func blockOut(dir *state.Directory, block resource.Identity) *blockWire {
	if block.System == nil && len(block.User) == 0 {
		return nil
	}
	out := &blockWire{Type: block.Type()}
	if block.System != nil {
		tenant := dir.Tenant().ID
		out.PrincipalID, out.TenantID = &block.System.PrincipalID, &tenant
	}
	for _, id := range block.User {
		if out.User == nil {
			out.User = map[resource.ID]userIDs{}
		}
		if i, ok := dir.Identity(id); ok { // no block names one that is gone
			out.User[i.ID] = userIDs{PrincipalID: i.PrincipalID, ClientID: i.ClientID}
		}
	}
	return out
}
