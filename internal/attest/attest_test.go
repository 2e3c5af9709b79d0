package attest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
)

func at() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func TestLaunchIsTheHashOfTheSecret(t *testing.T) {
	// The digest of "abc" is the example of FIPS 180-4.
	const want = "launch:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if got := Launch("abc"); got != want {
		t.Errorf("Launch(abc) = %s", got)
	}
	if _, err := ParseSelector(want); err != nil {
		t.Errorf("what Launch makes is refused: %v", err)
	}
	long := strings.Repeat("x", 5000)
	if Launch(long) == Launch(long+"y") {
		t.Error("two long secrets have one selector")
	}
}

func TestParseSelectorRefusesWhatNothingShows(t *testing.T) {
	good := string(Launch("secret"))
	for _, s := range []string{"", "launch", "launch:", "uid:1000", "LAUNCH:" + good[7:], strings.ToUpper(good[:8]) + good[8:],
		good + "0", good[:len(good)-1], good[:len(good)-1] + "g", " " + good, good[:len(good)-1] + "A", strings.Repeat("a", 1000)} {
		if got, err := ParseSelector(s); !apierr.Is(err, apierr.ParameterInvalid) {
			t.Errorf("ParseSelector(%q) = %q, %v", s, got, err)
		} else if len(err.Error()) > 400 {
			t.Errorf("the error repeats all of a long selector: %d bytes", len(err.Error()))
		}
	}
}

func TestMatch(t *testing.T) {
	past, future := at().Add(-time.Second), at().Add(time.Second)
	b := func(selectors ...Selector) Binding { return Binding{Selectors: selectors} }
	for _, c := range []struct {
		name     string
		bindings []Binding
		have     Evidence
		need     Selector
		want     int
		code     apierr.Code
	}{
		{name: "nothing bound", code: apierr.WorkloadUnknown},
		{name: "open binding matches any process", bindings: []Binding{b()}, want: 0},
		{name: "a selector that is shown", bindings: []Binding{b("uid:1"), b("uid:2")}, have: Evidence{"uid:2"}, want: 1},
		{name: "a selector that is not shown", bindings: []Binding{b("uid:1")}, have: Evidence{"uid:2"}, code: apierr.WorkloadUnknown},
		{name: "all selectors must be shown", bindings: []Binding{b("uid:1", "exe:a")}, have: Evidence{"uid:1"}, code: apierr.WorkloadUnknown},
		{name: "more specific wins", bindings: []Binding{b(), b("uid:1"), b("exe:a", "uid:1")}, have: Evidence{"uid:1", "exe:a"}, want: 2},
		{name: "more specific wins in any order", bindings: []Binding{b("exe:a", "uid:1"), b("uid:1"), b()}, have: Evidence{"uid:1", "exe:a"}, want: 0},
		{name: "overlap is refused", bindings: []Binding{b("uid:1"), b("exe:a")}, have: Evidence{"uid:1", "exe:a"}, code: apierr.WorkloadAmbiguous},
		{name: "the larger of two that overlap is refused too", bindings: []Binding{b("uid:1", "gid:1"), b("exe:a")},
			have: Evidence{"uid:1", "exe:a", "gid:1"}, code: apierr.WorkloadAmbiguous},
		{name: "a binding that contains both ends the overlap", bindings: []Binding{b("uid:1"), b("exe:a"), b("uid:1", "exe:a")},
			have: Evidence{"uid:1", "exe:a"}, want: 2},
		{name: "equal bindings are ambiguous", bindings: []Binding{b("uid:1"), b("uid:1")}, have: Evidence{"uid:1"}, code: apierr.WorkloadAmbiguous},
		{name: "two open bindings are ambiguous", bindings: []Binding{b(), b()}, code: apierr.WorkloadAmbiguous},
		{name: "a repeated selector counts once", bindings: []Binding{b("uid:1", "uid:1"), b("uid:1", "exe:a")},
			have: Evidence{"uid:1", "exe:a"}, want: 1},
		{name: "a fact shown twice counts once", bindings: []Binding{b("uid:1")}, have: Evidence{"uid:1", "uid:1"}, want: 0},
		{name: "expired does not count", bindings: []Binding{{Selectors: []Selector{"uid:1"}, Expires: past}, b()}, have: Evidence{"uid:1"}, want: 1},
		{name: "expires at the very moment", bindings: []Binding{{Expires: at()}}, code: apierr.WorkloadUnknown},
		{name: "not yet expired", bindings: []Binding{{Selectors: []Selector{"uid:1"}, Expires: future}, b()}, have: Evidence{"uid:1"}, want: 0},
		{name: "expired ends an ambiguity", bindings: []Binding{b("uid:1"), {Selectors: []Selector{"exe:a"}, Expires: past}},
			have: Evidence{"uid:1", "exe:a"}, want: 0},
		{name: "need leaves out the open binding", bindings: []Binding{b()}, have: Evidence{"launch:x"}, need: "launch:x", code: apierr.WorkloadUnknown},
		{name: "need leaves out bindings without it", bindings: []Binding{b("uid:1"), b("launch:x")},
			have: Evidence{"uid:1", "launch:x"}, need: "launch:x", want: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := NewIndex(c.bindings).Match(c.have, c.need, at())
			if c.code != apierr.Fault {
				if !apierr.Is(err, c.code) {
					t.Fatalf("Match = %d, %v; want %s", got, err, c.code)
				}
				return
			}
			if err != nil || got != c.want {
				t.Fatalf("Match = %d, %v; want %d", got, err, c.want)
			}
		})
	}
}

func TestKnown(t *testing.T) {
	x := NewIndex([]Binding{{Selectors: []Selector{"launch:a", "uid:1"}}, {Selectors: []Selector{"launch:b"}, Expires: at()}})
	for s, want := range map[Selector]bool{"launch:a": true, "launch:b": false, "launch:c": false} {
		if x.Known(s, at()) != want {
			t.Errorf("Known(%s) = %v", s, !want)
		}
	}
}

func TestNewIndexKeepsItsArgumentAsItIs(t *testing.T) {
	selectors := []Selector{"uid:2", "uid:1"}
	x := NewIndex([]Binding{{Selectors: selectors}})
	if selectors[0] != "uid:2" {
		t.Error("the selectors of the caller were sorted")
	}
	selectors[0], selectors[1] = "no:1", "no:2"
	if _, err := x.Match(Evidence{"uid:1", "uid:2"}, "", at()); err != nil {
		t.Errorf("the index shares memory with its argument: %v", err)
	}
}

// TestMatchAgreesWithTheDefinition compares the index with the definition, tried out on all pairs of small random sets.
func TestMatchAgreesWithTheDefinition(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	subset := func() (s []Selector) {
		for i := range 4 {
			if random.IntN(2) == 0 {
				s = append(s, Selector(fmt.Sprint("s:", i)))
			}
		}
		return s
	}
	seen := map[string]int{}
	for range 20000 {
		var bindings []Binding
		for range random.IntN(4) {
			bindings = append(bindings, Binding{Selectors: subset()})
		}
		have, need := Evidence(subset()), Selector("")
		if random.IntN(3) == 0 {
			need = "s:0"
		}
		got, err := NewIndex(bindings).Match(have, need, at())
		want, wantErr := definition(bindings, have, need)
		seen[wantErr.String()]++
		var e *apierr.Error
		if errors.As(err, &e) != (wantErr != apierr.Fault) || e != nil && e.Code != wantErr || err == nil && got != want {
			t.Fatalf("bindings %v, have %v, need %q: got %d, %v; want %d, %s", bindings, have, need, got, err, want, wantErr)
		}
	}
	if len(seen) != 3 {
		t.Errorf("the random sets reached only %v", seen)
	}
}

func definition(bindings []Binding, have Evidence, need Selector) (int, apierr.Code) {
	all := func(of, in []Selector) bool {
		for _, s := range of {
			if !Evidence(in).Has(s) {
				return false
			}
		}
		return true
	}
	var matches []int
	for i, b := range bindings {
		if all(b.Selectors, have) && (need == "" || Evidence(b.Selectors).Has(need)) {
			matches = append(matches, i)
		}
	}
	for _, i := range matches {
		best := true
		for _, j := range matches {
			a, b := bindings[i].Selectors, bindings[j].Selectors
			best = best && (i == j || all(b, a) && !all(a, b))
		}
		if best {
			return i, apierr.Fault
		}
	}
	if len(matches) == 0 {
		return 0, apierr.WorkloadUnknown
	}
	return 0, apierr.WorkloadAmbiguous
}

func TestMatchAllocatesNothing(t *testing.T) {
	x, have := thousand()
	now := at()
	if n := testing.AllocsPerRun(100, func() {
		if _, err := x.Match(have, have[1], now); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("Match allocates %v times", n)
	}
}

func BenchmarkMatchOneOfThousand(b *testing.B) {
	x, have := thousand()
	now := at()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.Match(have, have[1], now); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLaunch(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Launch("0f8fad5b-d9cb-469f-a165-70867728950e")
	}
}

func thousand() (*Index, Evidence) {
	bindings := []Binding{{}}
	for i := range 1000 {
		bindings = append(bindings, Binding{Selectors: []Selector{"uid:1000", Launch(fmt.Sprint(i))}})
	}
	return NewIndex(bindings), Evidence{"uid:1000", Launch("500")}
}
