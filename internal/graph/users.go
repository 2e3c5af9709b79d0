package graph

import (
	"slices"

	"github.com/inborn-id/inborn/internal/directory"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/state"
)

// userKind is microsoft.graph.user: eleven properties are shown unless $select asks for others (Graph v1.0 reference,
// user resource type).
func userKind() *kind[*directory.User] {
	type user = *directory.User
	return &kind[user]{
		name: "user",
		set:  "users",
		properties: slices.Concat(
			empties[user]("businessPhones"),
			[]property[user]{{field{name: "displayName", order: true}, func(_ *state.Directory, u user) any { return orNull(u.DisplayName) }}},
			nulls[user]("givenName", "jobTitle"),
			[]property[user]{{field{name: "mail", kind: kindNull, endsWith: true}, nil}},
			nulls[user]("mobilePhone", "officeLocation", "preferredLanguage", "surname"),
			[]property[user]{
				{field{name: "userPrincipalName", order: true, endsWith: true}, func(_ *state.Directory, u user) any { return u.UPN }},
				{field{name: "id", kind: kindID}, func(_ *state.Directory, u user) any { return u.ID }},
			},
			hide([]property[user]{
				{field{name: "accountEnabled", kind: kindBool}, func(_ *state.Directory, u user) any { return u.Enabled }},
				{field{name: "createdDateTime", kind: kindTime, order: true}, func(_ *state.Directory, u user) any { return u.Created }},
				{field{name: "mailNickname"}, func(_ *state.Directory, u user) any { return orNull(u.MailNickname) }},
				{field{name: "securityIdentifier"}, func(_ *state.Directory, u user) any { return securityIdentifier(u.ID) }},
			}),
			hide(nulls[user](userNulls()...)),
			hide(empties[user]("otherMails", "proxyAddresses", "identities", "assignedLicenses", "assignedPlans", "imAddresses",
				"onPremisesProvisioningErrors", "provisionedPlans")),
		),
		find: func(c *call) (user, error) {
			if u, ok := c.dir.UserByName(c.param("id")); ok {
				return u, nil
			}
			return lookUp(c, c.dir.User, c.dir.User)
		},
		walk: byID((*state.Directory).Users),
		pinned: func(d *state.Directory, property, value string) []user {
			switch property {
			case "id":
				return one(d.User(parseID(value)))
			case "userPrincipalName":
				return one(d.UserByName(value))
			}
			return nil
		},
		key:       func(u user) []byte { return u.ID[:] },
		keyLength: len(guid.GUID{}),
		check:     basicUsers,
	}
}

func userNulls() []string {
	return []string{"aboutMe", "ageGroup", "birthday", "city", "companyName", "consentProvidedForMinor", "country",
		"creationType", "deletedDateTime", "department", "employeeHireDate", "employeeId", "employeeLeaveDateTime",
		"employeeOrgData", "employeeType", "externalUserState", "externalUserStateChangeDateTime", "faxNumber",
		"isResourceAccount", "lastPasswordChangeDateTime", "legalAgeGroupClassification", "onPremisesDistinguishedName",
		"onPremisesDomainName", "onPremisesExtensionAttributes", "onPremisesImmutableId", "onPremisesLastSyncDateTime",
		"onPremisesSamAccountName", "onPremisesSecurityIdentifier", "onPremisesSyncEnabled", "onPremisesUserPrincipalName",
		"passwordPolicies", "passwordProfile", "postalCode", "preferredDataLocation", "showInAddressList", "signInActivity",
		"signInSessionsValidFromDateTime", "state", "streetAddress", "usageLocation", "userType"}
}

// basicUsers keeps a caller that holds only User.ReadBasic.All to the default properties.
func basicUsers(c *call, touched []field) error {
	more := slices.ContainsFunc(touched, func(f field) bool { return f.hidden })
	if !more || c.holdsAny(fullUsers()) {
		return nil
	}
	return c.require(fullUsers())
}
