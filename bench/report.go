package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
)

// row is one line of the result.
type row struct {
	what      string
	ours      string // with its unit
	yardstick string // empty: there is none
	ratio     string // empty: there is none
	limit     string // empty: only reported
	missed    bool
}

// show prints the table and reports whether no limit is missed.
func show(w io.Writer, rows []row) bool {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "what\tours\tyardstick\tratio\tlimit\t")
	met := true
	for _, r := range rows {
		verdict := "ok"
		switch {
		case r.missed:
			verdict, met = "MISSED", false
		case r.limit == "":
			verdict = ""
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", r.what, r.ours, dash(r.yardstick), dash(r.ratio), dash(r.limit), verdict)
	}
	t.Flush()
	return met
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// pairs are the figures of the turns of both servers; equal positions were measured one right after the other.
type pairs struct{ ours, yardstick []float64 }

func (p *pairs) add(ours, yardstick float64) {
	p.ours, p.yardstick = append(p.ours, ours), append(p.yardstick, yardstick)
}

// ratio is the median of the ratios of the turns: what disturbed the machine for a while disturbed both of a pair.
func (p *pairs) ratio() float64 {
	ratios := make([]float64, len(p.ours))
	for i := range ratios {
		ratios[i] = p.ours[i] / p.yardstick[i]
	}
	return median(ratios)
}

// row makes a line of p. format prints one figure with its unit.
func (p *pairs) row(what, format string) row {
	return row{what: what, ours: fmt.Sprintf(format, median(p.ours)), yardstick: fmt.Sprintf(format, median(p.yardstick)),
		ratio: fmt.Sprintf("%.3f", p.ratio())}
}

// atLeast and atMost judge the ratio of the two servers.
func (p *pairs) atLeast(r row, limit float64) row {
	r.limit, r.missed = fmt.Sprintf(">= %.2f", limit), p.ratio() < limit
	return r
}

func (p *pairs) atMost(r row, limit float64) row {
	r.limit, r.missed = fmt.Sprintf("<= %.2f", limit), p.ratio() > limit
	return r
}

func median(of []float64) float64 {
	if len(of) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(of))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
