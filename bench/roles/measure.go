package roles

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Engine is something that decides checks.
type Engine struct {
	Name    string
	Allowed func(*Check) (bool, error)
}

// Maker makes an engine know the policy.
type Maker func(context.Context, *Policy) (Engine, error)

// Result is what an engine did in each round.
type Result struct {
	Name  string
	Rates []float64 // checks per second
}

// Report is what was measured in one run.
type Report struct {
	Results     []Result // of ours, of the index, and of the others in their order
	Allocations uint64   // of ours, in a pass of all checks
}

// The places of ours and of the index in a report.
const (
	Ours = iota
	Yardstick
	Others
)

// turn is about how long an engine decides checks before the next one does.
const turn = 60 * time.Millisecond

// Measure lets all engines decide the checks of one policy in turns, after their answers have been compared with those of
// the index.
func Measure(ctx context.Context, size Size, rounds int, ours Maker, others ...Maker) (*Report, error) {
	p := New(size)
	index := NewIndex(p)
	p.Ask(index)
	engines := []Engine{{}, {Name: "index of role bit masks", Allowed: func(c *Check) (bool, error) { return index.Allowed(c.Principal, c.Scope, c.Action), nil }}}
	for i, maker := range append([]Maker{ours}, others...) {
		e, err := maker(ctx, p)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			engines[Ours] = e
		} else {
			engines = append(engines, e)
		}
	}
	contest := newContest(p.Checks, engines)
	report := &Report{}
	for i := range engines {
		if err := contest.verify(i); err != nil {
			return nil, fmt.Errorf("%s: %w", engines[i].Name, err)
		}
		report.Results = append(report.Results, Result{Name: engines[i].Name})
	}
	report.Allocations = contest.allocations(Ours)
	for round := range rounds {
		runtime.GC() // what one leaves behind is not for the next to clear away
		for i := range engines {
			which := (i + round) % len(engines)
			report.Results[which].Rates = append(report.Results[which].Rates, contest.turn(which))
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return report, nil
}

type contest struct {
	checks  []Check
	engines []Engine
	next    []int // of each engine: the check that its next turn begins with
	length  []int // of each engine: how many checks make a turn
}

func newContest(checks []Check, engines []Engine) *contest {
	return &contest{checks, engines, make([]int, len(engines)), make([]int, len(engines))}
}

// verify compares the answers of an engine with those of the index, and finds out how many make a turn.
func (c *contest) verify(which int) error {
	began := time.Now()
	for i := range c.checks {
		got, err := c.engines[which].Allowed(&c.checks[i])
		if err != nil {
			return err
		}
		if one := c.checks[i]; got != one.Want {
			return fmt.Errorf("%s may do %s at %s: %v; the index says %v", one.Principal, one.Action, one.Scope, got, one.Want)
		}
	}
	each := time.Since(began) / time.Duration(len(c.checks))
	c.length[which] = max(100, int(turn/max(each, 1)))
	return nil
}

// allocations counts those of a pass: the least of three, as the rest of the process may allocate meanwhile.
func (c *contest) allocations(which int) uint64 {
	least := uint64(math.MaxUint64)
	for range 3 {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range c.checks {
			c.engines[which].Allowed(&c.checks[i])
		}
		runtime.ReadMemStats(&after)
		least = min(least, after.Mallocs-before.Mallocs)
	}
	return least
}

// turn returns how many checks per second an engine decides. The seconds are those that this thread had a processor: what
// else the machine does counts for nobody, and neither does the garbage that is collected meanwhile by other threads.
func (c *contest) turn(which int) float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	decide, n := c.engines[which].Allowed, c.length[which]
	began := processor()
	for range n {
		decide(&c.checks[c.next[which]])
		if c.next[which]++; c.next[which] == len(c.checks) { // a division would take as long as some of what is measured
			c.next[which] = 0
		}
	}
	return float64(n) / (processor() - began).Seconds()
}

// processor is the time that this thread has had so far.
func processor() time.Duration {
	var at unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &at); err != nil {
		panic(err) // this needs Linux
	}
	return time.Duration(at.Nano())
}

// Best returns the place of the fastest of the others, 0 if there is none.
func (r *Report) Best() int {
	best := 0
	for i := Others; i < len(r.Results); i++ {
		if best == 0 || median(r.Results[i].Rates) > median(r.Results[best].Rates) {
			best = i
		}
	}
	return best
}

func median(of []float64) float64 {
	return slices.SortedFunc(slices.Values(of), cmp.Compare)[len(of)/2]
}
