package rbac

import (
	"encoding/binary"
	"math/bits"
	"strings"

	"github.com/inborn-id/inborn/internal/resource"
)

// Tenant is the scope above all others.
const Tenant resource.ID = "/"

const managementGroupPrefix = "/providers/Microsoft.Management/managementGroups/"

// ManagementGroupID makes the scope of a management group.
func ManagementGroupID(name string) resource.ID { return resource.ID(managementGroupPrefix + name) }

// ParseScope reads a scope: the tenant "/", or what resource.ParseID accepts. It fails with ResourceIDInvalid.
func ParseScope(s string) (resource.ID, error) {
	if s != "" && strings.Trim(s, "/") == "" {
		return Tenant, nil
	}
	return resource.ParseID(s)
}

// ManagementGroupName returns the name in the id of a management group, and whether id is one.
func ManagementGroupName(id resource.ID) (string, bool) {
	s := string(id)
	if len(s) <= len(managementGroupPrefix) || !same(s[:len(managementGroupPrefix)], managementGroupPrefix) {
		return "", false
	}
	name := s[len(managementGroupPrefix):]
	return name, !strings.Contains(name, "/")
}

// Within reports whether scope is outer or lies below it by their paths. Of management groups only the tenant lies above
// by its path; the rest of their tree is the policy's.
func Within(outer, scope resource.ID) bool {
	o, s := string(clean(outer)), string(clean(scope))
	if o == string(Tenant) {
		return true
	}
	if len(s) == len(o) {
		return same(s, o)
	}
	return len(s) > len(o) && s[len(o)] == '/' && same(s[:len(o)], o)
}

// Mark is a hash of a scope, the same for each spelling. Different scopes may have one mark: indexes that are ordered by
// marks compare the scopes themselves, too.
type Mark uint64

const tenantMark Mark = 0x243f6a8885a308d3

// Path is the marks of a scope and of its first three levels below the tenant, 0 where it has fewer, and how many it has. For
// a resource in a group these are subscription, group and resource. An index in the order of Marks keeps what lies below a
// scope together.
type Path struct {
	Marks [3]Mark
	Depth int
	Mark  Mark // of the scope itself
}

// PathOf returns the path of a scope.
func PathOf(scope resource.ID) Path {
	var room [8]level
	levels := levelsOf(room[:0], scope)
	p := Path{Depth: len(levels), Mark: tenantMark}
	for i := range levels {
		if p.Mark = levels[i].mark; i < len(p.Marks) {
			p.Marks[i] = p.Mark
		}
	}
	return p
}

// MarkOf returns the mark of a scope.
func MarkOf(scope resource.ID) Mark { return PathOf(scope).Mark }

// Levels returns the scopes that scope's own path goes through, from the subscription or management group down to scope;
// none for the tenant. Lineage has those above, too.
func Levels(scope resource.ID) []resource.ID {
	levels := levelsOf(nil, scope)
	ids := make([]resource.ID, len(levels))
	for i, l := range levels {
		ids[i] = resource.ID(l.id)
	}
	return ids
}

// level is a scope that can be assigned to and the start of a longer one.
type level struct {
	mark Mark
	id   string
	own  bool // it is the whole scope
}

// levelsOf appends the levels of scope, from the subscription or management group down to the scope itself. The tenant,
// which is above all, is not among them. A level ends after each type and name, so that a secret or a container below a
// resource is one, too. It does not allocate for clean ASCII ids of no more levels than fit.
func levelsOf(levels []level, scope resource.ID) []level {
	if found, ok := cut(levels, string(scope)); ok {
		return found
	}
	found, _ := cut(levels, string(clean(scope)))
	return found
}

// cut is levelsOf for clean text; it reports false if s is not clean. Each check begins with it, so it goes through the text
// only once, eight bytes at a time, and finds the slashes in them and the marks of what ends there.
func cut(levels []level, s string) ([]level, bool) {
	if len(s) == 0 || s[0] != '/' {
		return levels, false
	}
	if len(s) == 1 {
		return levels, true
	}
	hash, all := uint64(tenantMark), uint64(0)
	from, start, segments := 1, 1, 2 // of the level; of its segment; how many the level has from there on
	for at := 0; at <= len(s); at += 8 {
		w := wordAt(s, at)
		all |= w
		ends := slashes(w)
		if left := len(s) - at; left < 8 {
			ends |= 0x80 << (8 * left) // as if a slash stood behind the last segment
		}
		w |= blanks // letters lose their case; that some other bytes become one is nothing to a hash
		for ; ends != 0; ends &= ends - 1 {
			end := at + bits.TrailingZeros64(ends)/8
			if end == 0 {
				continue
			}
			if end == start {
				return levels, false
			}
			if start == from && end-start == len("providers") && same(s[start:end], "providers") {
				segments = 4 // the namespace, the type and the name
			}
			start, segments = end+1, segments-1
			if segments == 0 || end == len(s) {
				levels = append(levels, level{mark: markOf(hash, w, end), id: s[:end]})
				from, segments = start, 2
			}
		}
		hash = (bits.RotateLeft64(hash, 23) ^ w) * 0x9fb21c651e98df25
	}
	return levels, all&high == 0 || strings.ToLower(s) == s
}

// markOf ends the hash of an id of the given length that ends in w, a word that begins at a multiple of eight.
func markOf(hash, w uint64, length int) Mark {
	w &= 1<<(length%8*8) - 1
	hi, lo := bits.Mul64(hash^w^0x13198a2e03707344, uint64(length)^0x9e3779b97f4a7c15)
	return Mark(hi ^ lo)
}

// clean returns scope as it is compared: one slash before each segment and none behind, and lower case if it has letters
// beyond ASCII, whose case only strings.ToLower knows. Nearly all ids are clean already and come back as they are.
func clean(scope resource.ID) resource.ID {
	s := string(scope)
	if isASCII(s) && strings.HasPrefix(s, "/") && !strings.Contains(s, "//") && (len(s) == 1 || s[len(s)-1] != '/') {
		return scope
	}
	segments := strings.FieldsFunc(s, func(r rune) bool { return r == '/' })
	return resource.ID("/" + strings.ToLower(strings.Join(segments, "/")))
}

// same reports whether a and b are equal without regard to case, which is to say that strings.ToLower makes them equal.
func same(a, b string) bool {
	if a == b { // nearly always, and much faster
		return true
	}
	if len(a) == len(b) {
		x, y := a, b
		for ; len(x) >= 8; x, y = x[8:], y[8:] {
			if (word(x)|word(y))&high != 0 {
				return sameLower(a, b)
			}
			if lower(word(x)) != lower(word(y)) {
				return false
			}
		}
		if (rest(x)|rest(y))&high == 0 {
			return lower(rest(x)) == lower(rest(y))
		}
	}
	return !(isASCII(a) && isASCII(b)) && sameLower(a, b)
}

// sameLower compares as strings.ToLower writes, which is not always as strings.EqualFold folds.
func sameLower(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	return a == b
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// high has the bit of each byte that ASCII has not.
const high = 0x8080808080808080

// CompareScopes orders clean scopes whose marks are the same, which is to say that it tells the rare others apart from those
// that are one scope in two spellings.
func CompareScopes(a, b string) int {
	if same(a, b) {
		return 0
	}
	return strings.Compare(strings.ToLower(a), strings.ToLower(b))
}

// blanks has the bit of each byte that tells small letters from capital ones.
const blanks = 0x2020202020202020

// slashes has the top bit of each byte of x that is a slash.
func slashes(x uint64) uint64 {
	x ^= 0x2f2f2f2f2f2f2f2f
	return ^((x&^high + ^uint64(high)) | x) & high
}

// word returns the first eight bytes of s; the compiler makes it one load.
func word(s string) uint64 { return binary.LittleEndian.Uint64([]byte(s[:8])) }

// wordAt returns the eight bytes of s from i on, zeros for those behind its end.
func wordAt(s string, i int) uint64 {
	if len(s)-i < 8 {
		return rest(s[i:])
	}
	return word(s[i:])
}

// rest returns the bytes of s, which are fewer than eight, as a word.
func rest(s string) (x uint64) {
	for i := len(s) - 1; i >= 0; i-- {
		x = x<<8 | uint64(s[i])
	}
	return x
}

// lower turns A to Z in each byte of x into a to z: the sums carry into the top bit of a byte that is at least A, or more
// than Z.
func lower(x uint64) uint64 {
	const ones = 0x0101010101010101
	low := x &^ high
	upper := (low + (0x80-'A')*ones) &^ (low + (0x7f-'Z')*ones) &^ x & high
	return x | upper>>2
}

// SameScope reports whether two ids name one scope.
func SameScope(a, b resource.ID) bool { return same(string(clean(a)), string(clean(b))) }
