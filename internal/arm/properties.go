package arm

import (
	"bytes"
	"encoding/json"

	"github.com/inborn-id/inborn/internal/apierr"
)

// normalProperties returns properties in the form in which they are kept: an object without the provisioningState that
// clients send back; nil for none.
func normalProperties(sent json.RawMessage) ([]byte, error) {
	value, err := decodeProperties(sent)
	if err != nil || value == nil {
		return nil, err
	}
	return encodeProperties(value)
}

// mergeProperties returns have changed by patch as RFC 7396 says: null removes, objects merge, all else replaces.
func mergeProperties(have, patch json.RawMessage) ([]byte, error) {
	change, err := decodeProperties(patch)
	if err != nil || change == nil {
		return have, err
	}
	value, err := decodeProperties(have)
	if err != nil {
		return nil, err
	}
	return encodeProperties(merge(value, change))
}

func merge(have, patch map[string]any) map[string]any {
	if have == nil {
		have = map[string]any{}
	}
	for name, value := range patch {
		if value == nil {
			delete(have, name)
			continue
		}
		if inner, ok := value.(map[string]any); ok {
			old, _ := have[name].(map[string]any)
			value = merge(old, inner)
		}
		have[name] = value
	}
	return have
}

// decodeProperties reads a JSON object, or nil for null or nothing. Numbers stay as they are written.
func decodeProperties(text json.RawMessage) (map[string]any, error) {
	if len(text) == 0 {
		return nil, nil
	}
	var value map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return nil, apierr.New(apierr.PropertyInvalid, "The property \"properties\" must be a JSON object.").At("properties").Because(err)
	}
	return value, nil
}

func encodeProperties(value map[string]any) ([]byte, error) {
	delete(value, "provisioningState")
	text, err := json.Marshal(value)
	if err == nil && len(text) > maxBody {
		return nil, apierr.New(apierr.LimitExceeded, "The properties of a resource can have %d bytes and would have %d.", maxBody, len(text)).At("properties")
	}
	return text, err
}

// mergeMembers returns the further members of a resource changed by those of a body, as RFC 7396 says; nil for none.
func mergeMembers(have []byte, sent map[string]json.RawMessage) ([]byte, error) {
	if len(sent) == 0 {
		return have, nil
	}
	text, err := json.Marshal(sent)
	if err != nil {
		return nil, err
	}
	change, err := decodeProperties(text)
	if err != nil {
		return nil, err
	}
	dropWriteOnly(change)
	value, err := decodeProperties(have)
	if err != nil {
		return nil, err
	}
	if value = merge(value, change); len(value) == 0 {
		return nil, nil
	}
	if text, err = json.Marshal(value); err == nil && len(text) > maxBody {
		return nil, apierr.New(apierr.LimitExceeded, "What is said of a resource beside its properties can have %d bytes and would have %d.", maxBody, len(text))
	}
	return text, err
}
