package vault

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestValuesAreNotPrinted(t *testing.T) {
	value := Value("canary")
	holder := struct {
		V Value
		P *Value
		M map[string]Value
	}{value, &value, map[string]Value{"a": value}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+"\n"+verb+"\n", value, holder)
	}
	text, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("m", "value", value, "holder", holder)
	}
	if all := out.String(); strings.Contains(all, "canary") || strings.Contains(all, "63616e617279") || !strings.Contains(all, masked) {
		t.Error(all)
	}
	if err := json.Unmarshal([]byte(`"other"`), &value); err != nil || string(value) != "other" {
		t.Errorf("%v %q", err, string(value))
	}
}
