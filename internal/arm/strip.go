package arm

import (
	"encoding/json"
	"strings"

	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

// Secrets in a body never get into the properties of a resource, which are in the View of every server and in answers to
// everyone who may read. Those that an operation gives back become documents; those that none does are dropped.

// stripped is the body of a PUT or PATCH before it is looked at.
type stripped struct {
	props  map[string]any
	found  map[string]secret // documents by name
	gained func(name string, text secret)
}

// writeOnly are the names of properties, in lower case, that no service ever shows again. They are dropped from every
// type at every depth.
func writeOnly(name string) bool {
	switch strings.ToLower(name) {
	case "adminpassword", "administratorloginpassword", "customdata", "userdata", "protectedsettings", "sharedkey",
		"publishingpassword", "machinekey", "securevalue", "accountkey":
		return true
	}
	return false
}

// strip takes out of a body what is secret or computed. The documents are sealed for the resource id.
func (c *call) strip(id resource.ID, body *bodyIn) (sealed []state.Sealed, err error) {
	props, err := decodeProperties(body.Properties)
	if err != nil || props == nil {
		return nil, err
	}
	k := c.kindOf(id.Type())
	s := &stripped{props: props, found: map[string]secret{}}
	s.gained = func(name string, text secret) { s.found[name] = text }
	if k.strip != nil {
		if err := k.strip(s); err != nil {
			return nil, err
		}
	}
	for name := range strings.FieldsSeq(k.readOnly) {
		delete(props, name)
	}
	dropWriteOnly(props)
	for name, text := range s.found {
		document, err := c.seal(id, name, text)
		if err != nil {
			return nil, err
		}
		sealed = append(sealed, document)
	}
	body.Properties, err = json.Marshal(props)
	return sealed, err
}

func dropWriteOnly(value any) {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if writeOnly(name) {
				delete(v, name)
			} else {
				dropWriteOnly(inner)
			}
		}
	case []any:
		for _, inner := range v {
			dropWriteOnly(inner)
		}
	}
}

// respell gives the member of that name the spelling that is looked for elsewhere, and returns its value: Resource
// Manager reads names in any case.
func respell(object map[string]any, name string) any {
	if value, found := take(object, name); found {
		object[name] = value
	}
	return object[name]
}

// take removes the member of that name, in any case, and returns its value.
func take(object map[string]any, name string) (value any, found bool) {
	for key, v := range object {
		if strings.EqualFold(key, name) {
			delete(object, key)
			value, found = v, found || v != nil
		}
	}
	return value, found
}
