// Command bench measures Inborn against the limits it has set itself. Run it in the module:
//
//	go run ./bench                       everything, in a few minutes
//	go run ./bench -only cached,mint     some of it
//
// A machine that is shared, or merely warm, gives other seconds every minute. So nothing is compared with a number of
// seconds that was once good: each figure is a ratio, within one run, of the real binary to a yardstick, the smallest
// honest server that does the indispensable part of the same work (yardstick.go). The two take turns, first one and
// then the other, and the median of the turns' ratios counts. The client is this process, the same cheap one for both
// (load.go).
//
// It exits with 1 when a limit is missed. docs/benchmarks.md has the figures and says what they mean.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// options is what the command line chooses.
type options struct {
	rounds int
	round  time.Duration // of load
}

// item is one thing to measure.
type item struct {
	name    string
	measure func(context.Context, *lab, options) ([]row, error)
}

func items() []item {
	return []item{
		{"cached", cached},
		{"mint", mint},
		{"start", start},
		{"run", inSandbox},
		{"vault", vault},
		{"many", manySecrets},
		{"rbac", access},
		{"memory", memory},
		{"build", build},
	}
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == yardstickArgument { // this process is a child of another bench
		fail(yardstick(os.Args[2:]))
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	met, err := run(ctx)
	stop()
	fail(err)
	if !met {
		os.Exit(1)
	}
}

func fail(err error) {
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
}

// run measures what was chosen and reports whether all limits are met.
func run(ctx context.Context) (bool, error) {
	only := flag.String("only", "", "measure these, separated by commas: cached, mint, start, run, vault, many, rbac, memory, build (default: all)")
	rounds := flag.Int("rounds", 15, "turns of each server")
	round := flag.Duration("time", time.Second, "length of one turn under load")
	flag.Parse()
	chosen, err := choose(*only)
	if err != nil {
		return false, err
	}
	if *rounds < 1 || *round < 100*time.Millisecond {
		return false, errors.New("-rounds must be at least 1 and -time at least 100ms")
	}
	lab, err := newLab(ctx)
	if err != nil {
		return false, err
	}
	defer lab.close()
	var rows []row
	for _, it := range chosen {
		began := time.Now()
		measured, err := it.measure(ctx, lab, options{*rounds, *round})
		if err != nil {
			return false, fmt.Errorf("%s: %w", it.name, err)
		}
		rows = append(rows, measured...)
		fmt.Fprintf(os.Stderr, "%s: measured in %.0f s\n", it.name, time.Since(began).Seconds())
	}
	return show(os.Stdout, rows), nil
}

func choose(only string) ([]item, error) {
	if only == "" {
		return items(), nil
	}
	var chosen []item
	for name := range strings.SplitSeq(only, ",") {
		found := false
		for _, it := range items() {
			if it.name == strings.TrimSpace(name) {
				chosen, found = append(chosen, it), true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no item %q; see -help", name)
		}
	}
	return chosen, nil
}
