package rbac

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"unicode"
)

// maxNearest bounds how many names are proposed in the place of one that is none.
const maxNearest = 3

// NearestRoles returns the few names of roles that somebody may have meant by a name that no role has: those that differ in
// a letter or two, and then those in which each of its words begins a word. The nearest comes first.
func NearestRoles(name string, names iter.Seq[string]) []string {
	type near struct {
		name string
		far  int
	}
	const byWords = 1 << 10 // farther than any misspelling
	meant := letters(name)
	var found []near
	for candidate := range names {
		limit := 1 + len(meant)/6
		if d := distance(meant, letters(candidate), limit); d <= limit {
			found = append(found, near{candidate, d})
		} else if hasWords(candidate, name) {
			found = append(found, near{candidate, byWords + len(candidate)})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return cmp.Compare(a.far, b.far) })
	var nearest []string
	for _, n := range found[:min(len(found), maxNearest)] {
		nearest = append(nearest, n.name)
	}
	return nearest
}

// letters is a name as it sounds: neither case nor what stands between words.
func letters(name string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return unicode.ToLower(c)
		}
		return -1
	}, name)
}

// hasWords reports whether each word of text begins a word of name.
func hasWords(name, text string) bool {
	words := strings.Fields(strings.ToLower(name))
	wanted := strings.Fields(strings.ToLower(text))
	for _, want := range wanted {
		if !slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(word, want) }) {
			return false
		}
	}
	return len(wanted) > 0
}

// distance is how many bytes have to be put in, taken out or replaced to make b of a; more than limit, if it is more.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal, least := row[0], i+1
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
			least = min(least, cost)
		}
		if least > limit {
			return limit + 1
		}
	}
	return row[len(b)]
}
