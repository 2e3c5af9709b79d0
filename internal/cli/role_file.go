package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
)

// maxRoleFile bounds the file of a role, in bytes.
const maxRoleFile = 1 << 20

// readRoleFile reads a role from a file: in the form that az role definition create takes, or in one that az role
// definition list or inborn role show prints.
func readRoleFile(file string) (in roleFile, err error) {
	text, err := readSmall(file, maxRoleFile)
	if err != nil {
		return in, apierr.New(apierr.ParameterInvalid, "%s.", capital(err.Error()))
	}
	if in, err = parseRole(text); err != nil {
		return in, apierr.New(apierr.ParameterInvalid, "%s is not the file of a role: %s.", file, strings.TrimSpace(err.Error())).
			WithHelp("inborn role create --help")
	}
	return in, nil
}

// parseRole reads a role. By way of a map, as the keys may have any case and some of them are not wanted.
func parseRole(text []byte) (in roleFile, err error) {
	var keys map[string]any
	if json.Valid(text) { // with tabs, perhaps, which YAML does not have
		err = json.Unmarshal(text, &keys)
	} else {
		err = yaml.Unmarshal(text, &keys)
	}
	if err != nil {
		return in, err
	}
	if keys, err = lowerKeys(keys); err != nil {
		return in, err
	}
	plain, err := json.Marshal(keys)
	if err != nil {
		return in, err
	}
	var mismatch *json.UnmarshalTypeError
	switch err := json.Unmarshal(plain, &in); {
	case errors.As(err, &mismatch) && mismatch.Type.Kind() == reflect.Slice:
		return in, fmt.Errorf("%s must be a list", mismatch.Field)
	case errors.As(err, &mismatch):
		return in, fmt.Errorf("%s must hold texts", mismatch.Field)
	case err != nil:
		return in, err
	case in.name() == "":
		return in, errors.New("it has no Name")
	case len(in.Permissions) > 0 && !in.rolePermissions.isEmpty():
		return in, errors.New("it has Permissions and actions beside them")
	}
	return in, nil
}

// lowerKeys returns the keys of a role in lower case, those below properties among them.
func lowerKeys(keys map[string]any) (lower map[string]any, err error) {
	known := []string{"id", "name", "rolename", "description", "assignablescopes", "permissions",
		"actions", "notactions", "dataactions", "notdataactions", "condition", "conditionversion"}
	told := []string{"iscustom", "type", "roletype", "createdon", "createdby", "updatedon", "updatedby"} // by whoever lists roles
	lower = map[string]any{}
	add := func(key string, value any) {
		switch short := strings.ToLower(key); {
		case slices.Contains(told, short):
		case !slices.Contains(known, short):
			err = fmt.Errorf("%q is none of Name, Description, Actions, NotActions, DataActions, NotDataActions and AssignableScopes", key)
		case lower[short] != nil:
			err = fmt.Errorf("%s is there twice", key)
		default:
			lower[short] = value
		}
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		properties, nested := keys[key].(map[string]any)
		if !nested || !strings.EqualFold(key, "properties") {
			add(key, keys[key])
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(properties)) {
			add(key, properties[key])
		}
	}
	return lower, err
}

// name is what the role is to be called.
func (f *roleFile) name() string { return cmp.Or(f.RoleName, f.Name) }

// reference is how the role is found that the file is about: by its id, if the file has one.
func (f *roleFile) reference() string {
	if _, err := guid.Parse(f.Name); err == nil && f.RoleName != "" {
		return f.Name
	}
	if last := f.ID[strings.LastIndexByte(f.ID, '/')+1:]; last != "" {
		if _, err := guid.Parse(last); err == nil {
			return last
		}
	}
	return f.name()
}

// permissions are what the role permits; null lists of a file are empty.
func (f *roleFile) permissions() []rolePermissions {
	if len(f.Permissions) > 0 {
		return f.Permissions
	}
	return []rolePermissions{f.rolePermissions}
}

func (p rolePermissions) isEmpty() bool {
	return len(p.Actions)+len(p.NotActions)+len(p.DataActions)+len(p.NotDataActions) == 0 && p.Condition == ""
}
