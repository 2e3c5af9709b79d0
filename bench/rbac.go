package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/inborn-id/inborn/bench/ours"
	"github.com/inborn-id/inborn/bench/roles"
)

// access measures decisions on roles, beside a plain index and the engines of others, and what a change of roles takes.
func access(ctx context.Context, l *lab, o options) ([]row, error) {
	report, err := l.decide(ctx, o)
	if err != nil {
		return nil, err
	}
	index := besides(report, roles.Yardstick)
	rows := []row{
		index.atLeast(index.row("access: checks on 100,000 assignments, one processor", "%.0f/s"), 0.5),
		{what: "  allocations in all of them", ours: strconv.FormatUint(report.Allocations, 10), limit: "none", missed: report.Allocations > 0},
	}
	for i := roles.Others; i < len(report.Results); i++ {
		p := besides(report, i)
		r := p.row("  beside "+report.Results[i].Name, "%.0f/s")
		if i == report.Best() {
			r = p.atLeast(r, 25)
		}
		rows = append(rows, r)
	}
	more, err := changes(ctx)
	return append(rows, more...), err
}

func besides(report *roles.Report, other int) *pairs {
	return &pairs{ours: report.Results[roles.Ours].Rates, yardstick: report.Results[other].Rates}
}

// decide runs the contest where the engines of others can be had, else without them.
func (l *lab) decide(ctx context.Context, o options) (*roles.Report, error) {
	program := l.path("peers")
	if err := buildPeers(ctx, program); err != nil {
		fmt.Fprintln(os.Stderr, "bench: the engines of others cannot be had, and are left out:", err)
		return roles.Measure(ctx, roles.Full(), o.rounds, ours.New)
	}
	contest := exec.CommandContext(ctx, program, "-rounds", strconv.Itoa(o.rounds))
	contest.Stderr = os.Stderr
	out, err := contest.Output()
	if err != nil {
		return nil, fmt.Errorf("peers: %w", err)
	}
	var report roles.Report
	return &report, json.Unmarshal(out, &report)
}

func buildPeers(ctx context.Context, program string) error {
	module, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/inborn-id/inborn").Output()
	if err != nil {
		return err
	}
	dir := filepath.Join(strings.TrimSpace(string(module)), "bench", "peers")
	if out, err := exec.CommandContext(ctx, "go", "build", "-C", dir, "-o", program, ".").CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// changes runs the Go benchmarks of what a change takes, from its record to the View that shows it. Of what is judged by
// a clock the least counts: what made a run slower was not the code.
func changes(ctx context.Context) ([]row, error) {
	out := ""
	for _, run := range [][2]string{{"Load", "20x"}, {"(Write|OfGroup)", "1s"}} {
		test := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkRole"+run[0]+"$", "-benchtime", run[1],
			"github.com/inborn-id/inborn/internal/state")
		test.Stderr = os.Stderr
		text, err := test.Output()
		if err != nil {
			return nil, fmt.Errorf("%w\n%s", err, text)
		}
		out += string(text)
	}
	load, group := figures(out, "BenchmarkRoleLoad"), figures(out, "BenchmarkRoleOfGroup")
	put, taken := figures(out, "BenchmarkRoleWrite/deleted=false"), figures(out, "BenchmarkRoleWrite/deleted=true")
	if load == nil || group == nil || put == nil || taken == nil {
		return nil, fmt.Errorf("no figures in\n%s", out)
	}
	return []row{
		atMost("access: 100,000 assignments loaded", "%.0f ms", load["least-ms/load"], 150),
		atMost("  memory beyond their records", "%.1f MiB", load["MiB-beyond"], 15),
		atMost("a new assignment is effective, beside its commit", "%.1f µs", put["least-ns/100000"]/1000, 5),
		grows("  among 100,000, to the same among 1,000", put, "1000", 2),
		grows("an assignment is taken, among 100,000, to 1,000", taken, "1000", 2),
		grows("a role for a group of 100,000, to a group of one", group, "1", 1.5),
	}, nil
}

func atMost(what, format string, figure, limit float64) row {
	return row{what: what, ours: fmt.Sprintf(format, figure), limit: "<= " + fmt.Sprintf(format, limit), missed: figure > limit}
}

// grows compares what was measured in turns among 100,000 and among few.
func grows(what string, figures map[string]float64, few string, limit float64) row {
	return row{what: what, ours: fmt.Sprintf("%.1f µs", figures["ns/100000"]/1000), yardstick: fmt.Sprintf("%.1f µs", figures["ns/"+few]/1000),
		ratio: fmt.Sprintf("%.3f", figures["x"]), limit: fmt.Sprintf("<= %.2f", limit), missed: figures["x"] > limit}
}

// figures finds what one benchmark reports in the output of go test, by unit; nil if it is not there.
func figures(out, name string) map[string]float64 {
	for line := range strings.Lines(out) {
		fields := strings.Fields(line) // BenchmarkX-2  1000  3593 ns/op  12 MiB-beyond  ...
		if len(fields) < 4 || fields[0][:max(strings.LastIndexByte(fields[0], '-'), 0)] != name {
			continue
		}
		found := map[string]float64{}
		for i := 2; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil
			}
			found[fields[i+1]] = value
		}
		return found
	}
	return nil
}
