package ours

import (
	"testing"

	"github.com/inborn-id/inborn/bench/roles"
)

// What the figures rest on: the index and a real View agree on every answer, and a check allocates nothing.
func TestAnswers(t *testing.T) {
	report, err := roles.Measure(t.Context(), roles.Size{FanOut: 3, Principals: 50, Assignments: 1000, Checks: 1 << 10}, 1, New)
	if err != nil {
		t.Fatal(err)
	}
	if report.Allocations != 0 || len(report.Results) != 2 || report.Best() != 0 {
		t.Errorf("%+v", report)
	}
}
