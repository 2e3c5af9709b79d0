package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

const warmUp = 300 * time.Millisecond

// A duel is fair when other programs leave the machine alone. A pair of turns in which they had more than disturbed of
// its processors is done again, though not for ever.
const (
	disturbed = 0.1
	patience  = 4 // times the rounds that were asked for
)

// duel lets two servers take turns under load and returns the samples of both, those of a pair at the same position.
// Who begins alternates, so that neither always meets the warmer machine. Of more pairs than were asked for the least
// disturbed count; what they showed has no say in that.
func duel(ctx context.Context, o options, ours, yardstick *child, load turn) ([][2]*sample, error) {
	return duelOf(ctx, o, ours, yardstick, load, load)
}

// duelOf is duel with a load for each.
func duelOf(ctx context.Context, o options, ours, yardstick *child, ourLoad, theirLoad turn) ([][2]*sample, error) {
	servers, loads := [2]*child{ours, yardstick}, [2]turn{ourLoad, theirLoad}
	for i, s := range servers {
		warm := loads[i]
		warm.length = warmUp
		if _, err := warm.on(ctx, s); err != nil {
			return nil, err
		}
		loads[i].length = o.round
	}
	var all [][2]*sample
	for quiet := 0; quiet < o.rounds && len(all) < patience*o.rounds; {
		var both [2]*sample
		for i := range servers {
			which := (i + len(all)) % 2
			var err error
			if both[which], err = loads[which].on(ctx, servers[which]); err != nil {
				return nil, err
			}
		}
		all = append(all, both)
		if noise(both) <= disturbed {
			quiet++
		}
	}
	slices.SortStableFunc(all, func(a, b [2]*sample) int { return cmp.Compare(noise(a), noise(b)) })
	all = all[:o.rounds]
	if most := noise(all[o.rounds-1]); most > disturbed {
		fmt.Fprintf(os.Stderr, "bench: other programs had up to %.0f %% of the machine; do not trust these figures\n", 100*most)
	}
	return all, nil
}

func noise(pair [2]*sample) float64 { return max(pair[0].others, pair[1].others) }

// pick takes one figure from each sample.
func pick(duel [][2]*sample, figure func(*sample) float64) *pairs {
	p := &pairs{}
	for _, both := range duel {
		p.add(figure(both[0]), figure(both[1]))
	}
	return p
}

func perSecond(s *sample) float64 { return s.perSecond }

func perRequest(s *sample) float64 { return s.cpu }

// cached measures a token that the agent has in memory.
func cached(ctx context.Context, l *lab, o options) ([]row, error) {
	ours, err := l.product(ctx, "cached", "small.yaml")
	if err != nil {
		return nil, err
	}
	defer ours.stop()
	ask := question("127.0.0.1", "", false)
	body, _, err := ours.first(ask)
	if err != nil {
		return nil, err
	}
	yard, err := l.yardstick(ctx, body, false)
	if err != nil {
		return nil, err
	}
	defer yard.stop()
	load := turn{}
	for range 16 {
		load.requests = append(load.requests, ask)
	}
	turns, err := duel(ctx, o, ours, yard, load)
	if err != nil {
		return nil, err
	}
	rate, cpu := pick(turns, perSecond), pick(turns, perRequest)
	return []row{
		rate.atLeast(rate.row("cached token, 16 connections", "%.0f/s"), 0.85),
		cpu.atMost(cpu.row("  processor time for each", "%.1f µs"), 1.25),
	}, nil
}

// mint measures tokens that are made anew, through the agent, the node API and the server to the signature. Each
// connection asks for another identity's token: requests for the same one would share what is made once.
func mint(ctx context.Context, l *lab, o options) ([]row, error) {
	ours, err := l.product(ctx, "mint", "large.yaml")
	if err != nil {
		return nil, err
	}
	defer ours.stop()
	body, _, err := ours.first(question("127.0.0.1", clientID(0), false))
	if err != nil {
		return nil, err
	}
	yard, err := l.yardstick(ctx, body, true)
	if err != nil {
		return nil, err
	}
	defer yard.stop()
	var rows []row
	for _, connections := range []int{16, 64} {
		load := turn{distinct: true}
		for i := range connections {
			load.requests = append(load.requests, question("127.0.0.1", clientID(i), true))
		}
		turns, err := duel(ctx, o, ours, yard, load)
		if err != nil {
			return nil, err
		}
		rate, cpu, spread := pick(turns, perSecond), pick(turns, perRequest), pick(turns, (*sample).spread)
		slow := row{what: "  wait: p99 / p50", ours: fmt.Sprintf("%.2f", median(spread.ours)),
			yardstick: fmt.Sprintf("%.2f", median(spread.yardstick)), limit: "ours <= 4", missed: median(spread.ours) > 4}
		rows = append(rows,
			rate.atLeast(rate.row(fmt.Sprintf("minted token, %d connections", connections), "%.0f/s"), 0.92),
			cpu.row("  processor time for each", "%.0f µs"), slow)
	}
	after, err := ours.resident()
	return append(rows, row{what: "  memory right after", ours: mib(after)}), err
}

// start measures how soon the first token is there: with the keys on disk against the yardstick, which has to read a
// key and make a signature as well, and with nothing on disk.
func start(ctx context.Context, l *lab, o options) ([]row, error) {
	ask := question("127.0.0.1", "", false)
	var body []byte
	var readyFresh, tokenFresh, readyLater []float64
	first := &pairs{}
	for i := range o.rounds {
		data := "start" + strconv.Itoa(i)
		fresh, err := l.product(ctx, data, "small.yaml")
		if err != nil {
			return nil, err
		}
		token, took, err := fresh.first(ask)
		fresh.stop()
		if err != nil {
			return nil, err
		}
		body = token
		readyFresh, tokenFresh = append(readyFresh, ms(fresh.ready)), append(tokenFresh, ms(took))

		later, err := l.product(ctx, data, "small.yaml")
		if err != nil {
			return nil, err
		}
		_, ours, err := later.first(ask)
		later.stop()
		if err != nil {
			return nil, err
		}
		readyLater = append(readyLater, ms(later.ready))

		yard, err := l.yardstick(ctx, body, true)
		if err != nil {
			return nil, err
		}
		_, theirs, err := yard.first(ask)
		yard.stop()
		if err != nil {
			return nil, err
		}
		first.add(ms(ours), ms(theirs))
	}
	return []row{
		first.row("start to first token, keys on disk", "%.1f ms"),
		{what: "  start to ready (aim: 50 ms)", ours: fmt.Sprintf("%.1f ms", median(readyLater))},
		{what: "first start to ready (aim: 150 ms)", ours: fmt.Sprintf("%.1f ms", median(readyFresh))},
		{what: "  to first token, its key made", ours: fmt.Sprintf("%.1f ms", median(tokenFresh))},
	}, nil
}

// memory measures the whole process, control plane and agent, when it has nothing to do.
func memory(ctx context.Context, l *lab, o options) ([]row, error) {
	const limit, settle = 32, 3 * time.Second
	var sizes []float64
	for range min(o.rounds, 3) { // it hardly varies
		s, err := l.product(ctx, "memory", "small.yaml")
		if err != nil {
			return nil, err
		}
		size, err := idle(s, settle)
		s.stop()
		if err != nil {
			return nil, err
		}
		sizes = append(sizes, size)
	}
	return []row{{what: "resident memory, idle", ours: mib(median(sizes)), limit: fmt.Sprintf("<= %d MiB", limit),
		missed: median(sizes) > limit}}, nil
}

func idle(s *child, settle time.Duration) (float64, error) {
	if _, _, err := s.first(question("127.0.0.1", "", false)); err != nil {
		return 0, err
	}
	time.Sleep(settle)
	return s.resident()
}

// build runs the Go benchmark of what a token costs beside its signature.
func build(ctx context.Context, _ *lab, o options) ([]row, error) {
	test := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^Benchmark(Build|Sign)$",
		"-count", strconv.Itoa(o.rounds), "-benchtime", "300ms", "github.com/inborn-id/inborn/internal/token")
	test.Stderr = os.Stderr
	out, err := test.Output()
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	p := pairs{ours: benchmark(string(out), "BenchmarkBuild"), yardstick: benchmark(string(out), "BenchmarkSign")}
	if len(p.ours) == 0 || len(p.ours) != len(p.yardstick) {
		return nil, fmt.Errorf("no figures in\n%s", out)
	}
	const limit = 5
	least := slices.Min(p.ours) // what made a run slower was not the code
	return []row{{what: "building a token, beside signing it", ours: fmt.Sprintf("%.1f µs", least),
		yardstick: fmt.Sprintf("%.1f µs", slices.Min(p.yardstick)), ratio: fmt.Sprintf("%.3f", least/slices.Min(p.yardstick)),
		limit: fmt.Sprintf("ours <= %d µs", limit), missed: least > limit}}, nil
}

// benchmark finds the figures of one benchmark in the output of go test, in microseconds.
func benchmark(out, name string) []float64 {
	var found []float64
	for line := range strings.Lines(out) {
		fields := strings.Fields(line) // BenchmarkX-2  1000  3593 ns/op  ...
		if len(fields) < 4 || fields[3] != "ns/op" {
			continue
		}
		if is, _, _ := strings.Cut(fields[0], "-"); is != name {
			continue
		}
		if ns, err := strconv.ParseFloat(fields[2], 64); err == nil {
			found = append(found, ns/1000)
		}
	}
	return found
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }

func mib(size float64) string { return fmt.Sprintf("%.1f MiB", size) }
