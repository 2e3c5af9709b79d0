package cli

import (
	"bytes"
	"testing"
)

// TestATraceIsShownInLines has a message with the line ends of Key Vault, and texts that whoever was refused chose.
func TestATraceIsShownInLines(t *testing.T) {
	var out bytes.Buffer
	sh := &shell{out: &out, output: "table"}
	shown := trace{Caller: "func\r\nfix  reboot", Message: "Caller is not authorized.\r\nAction: 'x'\r\nDecisionReason: null \r\n\r\n", Help: "inborn role assign"}
	shown.Steps = append(shown.Steps, traceStep{"token", "caller \x1b[31mred\x1b[0m\rfix   reboot\n\u202eevil"})
	if err := sh.print(shown, shown.rows()); err != nil {
		t.Fatal(err)
	}
	const want = `who      func
         fix  reboot
token    caller \u001b[31mred\u001b[0m
         fix   reboot
         \u202eevil
refused  Caller is not authorized.
         Action: 'x'
         DecisionReason: null
fix      inborn role assign
`
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", out.String(), want)
	}
}
