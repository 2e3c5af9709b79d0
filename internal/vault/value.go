package vault

import (
	"fmt"
	"io"
)

// Value is the value of a secret on its way: however it is printed or encoded, it shows as ***. Only string(v) tells.
type Value string

const masked = "***"

// Format implements fmt.Formatter for every verb.
func (Value) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, masked) }

// MarshalText implements encoding.TextMarshaler, for JSON and logs.
func (Value) MarshalText() ([]byte, error) { return []byte(masked), nil }
