package graph

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/state"
)

// groupKind is microsoft.graph.group (Graph v1.0 reference, group resource type). All groups are security groups.
func groupKind() *kind[*directory.Group] {
	type group = *directory.Group
	return &kind[group]{
		name: "group",
		set:  "groups",
		properties: slices.Concat(
			[]property[group]{{field{name: "id", kind: kindID}, func(_ *state.Directory, g group) any { return g.ID }}},
			nulls[group]("deletedDateTime", "classification"),
			[]property[group]{
				{field{name: "createdDateTime", kind: kindTime, order: true}, func(_ *state.Directory, g group) any { return g.Created }},
				{field{name: "description"}, func(_ *state.Directory, g group) any { return orNull(g.Description) }},
				{field{name: "displayName", order: true}, func(_ *state.Directory, g group) any { return orNull(g.DisplayName) }},
			},
			nulls[group]("expirationDateTime"),
			empties[group]("groupTypes"),
			nulls[group]("isAssignableToRole"),
			[]property[group]{{field{name: "mail", kind: kindNull, endsWith: true}, nil}, fixed[group]("mailEnabled", kindBool, false)},
			[]property[group]{{field{name: "mailNickname"}, func(_ *state.Directory, g group) any { return orNull(g.MailNickname) }}},
			nulls[group]("membershipRule", "membershipRuleProcessingState", "onPremisesDomainName", "onPremisesLastSyncDateTime",
				"onPremisesNetBiosName", "onPremisesSamAccountName", "onPremisesSecurityIdentifier", "onPremisesSyncEnabled",
				"preferredDataLocation", "preferredLanguage"),
			empties[group]("proxyAddresses", "resourceBehaviorOptions", "resourceProvisioningOptions", "onPremisesProvisioningErrors"),
			nulls[group]("renewedDateTime"),
			[]property[group]{fixed[group]("securityEnabled", kindBool, true)},
			[]property[group]{{field{name: "securityIdentifier"}, func(_ *state.Directory, g group) any { return securityIdentifier(g.ID) }}},
			nulls[group]("theme", "uniqueName", "visibility"),
			hide(nulls[group]("allowExternalSenders", "autoSubscribeNewMembers", "hideFromAddressLists", "hideFromOutlookClients",
				"isSubscribedByMail", "licenseProcessingState", "unseenCount")),
			hide(empties[group]("assignedLabels", "assignedLicenses")),
		),
		find: func(c *call) (group, error) { return lookUp(c, c.dir.Group, c.dir.Group) },
		walk: byID((*state.Directory).Groups),
		pinned: func(d *state.Directory, property, value string) []group {
			switch property {
			case "id":
				return one(d.Group(parseID(value)))
			case "displayName":
				return all(d.GroupsNamed(value))
			}
			return nil
		},
		key:       func(g group) []byte { return g.ID[:] },
		keyLength: len(guid.GUID{}),
	}
}

// securityIdentifier is the Windows form of an object id: authority 12, then the GUID as four little-endian words in the
// byte order of .NET (Graph reference, group resource type: securityIdentifier).
func securityIdentifier(id guid.GUID) string {
	second := uint32(binary.BigEndian.Uint16(id[4:])) | uint32(binary.BigEndian.Uint16(id[6:]))<<16
	return fmt.Sprintf("S-1-12-1-%d-%d-%d-%d", binary.BigEndian.Uint32(id[0:]), second,
		binary.LittleEndian.Uint32(id[8:]), binary.LittleEndian.Uint32(id[12:]))
}
