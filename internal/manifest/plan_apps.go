package manifest

import (
	"reflect"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/directory"
)

func (p *planner) apps() error {
	for i, want := range p.m.Apps {
		if err := p.app(want); err != nil {
			return at(err, "$.apps[%d]", i)
		}
	}
	return nil
}

func (p *planner) app(want App) error {
	have, err := only("app", want.Name, p.dir().ApplicationsNamed(want.Name))
	if err != nil {
		return err
	}
	next := directory.Application{ID: want.ObjectID.GUID, AppID: want.ClientID.GUID}
	if have != nil {
		if fixed := want.ClientID; !fixed.IsZero() && fixed.GUID != have.AppID {
			return apierr.New(apierr.PropertyInvalid, "The client id of %s is %s and cannot be changed.", have.DisplayName, have.AppID)
		}
		next = *have
	}
	next.DisplayName, next.TokenVersion = want.Name, want.TokenVersion
	next.IdentifierURIs = nil
	if want.IdentifierURI != "" {
		next.IdentifierURIs = []string{want.IdentifierURI}
	}
	if next.AppRoles, err = appRoles(want, have); err != nil {
		return err
	}
	if have == nil {
		p.did(Create, "app", want.Name, "%s", want.IdentifierURI)
		_, err = p.draft.CreateApplication(next)
		return err
	}
	if reflect.DeepEqual(next, *have) {
		return nil
	}
	p.did(Update, "app", want.Name, "%s", want.IdentifierURI)
	return p.draft.UpdateApplication(next)
}

// appRoles returns the declared app roles; one whose value exists keeps its id.
func appRoles(want App, have *directory.Application) ([]directory.AppRole, error) {
	var roles []directory.AppRole
	for _, r := range want.AppRoles {
		role := directory.AppRole{ID: r.ID.GUID, Value: r.Value, DisplayName: r.DisplayName, Description: r.Description, Enabled: true}
		if role.DisplayName == "" {
			role.DisplayName = r.Value
		}
		members, err := memberTypes(r.Members)
		if err != nil {
			return nil, err
		}
		role.AllowedMembers = members
		if have != nil && role.ID.IsZero() {
			for _, old := range have.AppRoles {
				if old.Value == r.Value {
					role.ID = old.ID
				}
			}
		}
		roles = append(roles, role)
	}
	return roles, nil
}

func memberTypes(words []string) (directory.MemberTypes, error) {
	if len(words) == 0 {
		return directory.MemberApplication, nil
	}
	var types directory.MemberTypes
	for _, word := range words {
		switch strings.ToLower(word) {
		case "application":
			types |= directory.MemberApplication
		case "user":
			types |= directory.MemberUser
		default:
			return 0, apierr.New(apierr.PropertyInvalid, "%q is not a member type: use application, user or both.", word)
		}
	}
	return types, nil
}
