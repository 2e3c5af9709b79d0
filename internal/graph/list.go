package graph

import (
	"bytes"
	"encoding/base64"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
)

// list answers with one page of a set.
func list[T any](k *kind[T]) action {
	return func(c *call) error {
		o, err := parseOptions(c.r, k.name, c.version, k.fields(), forCollection)
		if err != nil {
			return err
		}
		q := &query[T]{kind: k, call: c, options: o}
		if err := q.permitted(); err != nil {
			return err
		}
		start, err := readCursor(o, k.keyLength)
		if err != nil {
			return err
		}
		objects, more, err := q.page(start)
		if err != nil {
			return err
		}
		body := object{c.contextOf(k.set + o.selection())}
		if o.count && c.eventual() && o.token == "" { // as in Graph, on the first page only
			total, err := q.count()
			if err != nil {
				return err
			}
			body = append(body, member{"@odata.count", total})
		}
		if more {
			body = append(body, member{"@odata.nextLink", c.nextLink(q.cursorAt(objects[len(objects)-1]))})
		}
		value := make([]object, len(objects))
		for i, found := range objects {
			value[i] = k.render(c, found, o.shown)
		}
		return c.answer(http.StatusOK, append(body, member{"value", value}))
	}
}

// count answers with how many objects a set has.
func count[T any](k *kind[T]) action {
	return func(c *call) error {
		o, err := parseOptions(c.r, k.name, c.version, k.fields(), forCount)
		if err != nil {
			return err
		}
		if !c.eventual() {
			return unsupported("$count needs the header 'ConsistencyLevel: eventual'.").At("$count")
		}
		o.count = true
		q := &query[T]{kind: k, call: c, options: o}
		if err := q.permitted(); err != nil {
			return err
		}
		total, err := q.count()
		if err != nil {
			return err
		}
		c.w.Header().Set("Content-Type", "text/plain")
		_, err = c.w.Write([]byte(strconv.Itoa(total)))
		return err
	}
}

// query is one question to a set.
type query[T any] struct {
	kind    *kind[T]
	call    *call
	options *options
}

func (q *query[T]) permitted() error {
	if err := q.options.advance(q.call.eventual()); err != nil {
		return err
	}
	if q.kind.check == nil {
		return nil
	}
	return q.kind.check(q.call, q.options.touched)
}

// matching walks the objects behind the key after that the filter lets through, in the order of keys.
func (q *query[T]) matching(after []byte) (iter.Seq[T], error) {
	walk, err := q.kind.walk(q.call, after)
	if err != nil {
		return nil, err
	}
	f := q.options.filter
	if f == nil {
		return walk, nil
	}
	if found := q.indexed(f); found != nil {
		walk = func(yield func(T) bool) {
			for _, o := range found {
				if bytes.Compare(q.kind.key(o), after) > 0 && !yield(o) {
					return
				}
			}
		}
	}
	return func(yield func(T) bool) {
		for o := range walk {
			if q.call.r.Context().Err() != nil { // a filter over many objects can cost more than the client will wait for
				return
			}
			get := func(i int) any { return q.kind.value(q.call.dir, o, i) }
			if f.matches(get, nil) && !yield(o) {
				return
			}
		}
	}, nil
}

// indexed returns the objects that f can hold for, if an index knows them; otherwise nil.
func (q *query[T]) indexed(f *filter) (found []T) {
	if q.kind.pinned == nil {
		return nil
	}
	f.pins(func(property, value string) bool {
		found = q.kind.pinned(q.call.dir, property, value)
		return found != nil
	})
	return sortedKey(found, q.kind.key)
}

func (q *query[T]) count() (int, error) {
	walk, err := q.matching(nil)
	if err != nil {
		return 0, err
	}
	n := 0
	for range walk {
		n++
	}
	return n, q.call.r.Context().Err()
}

// page returns the objects that follow start and whether there are more.
//
// Without $orderby that is a walk by key. Keys never change, so whatever is written between two pages, an object that
// is there all the time comes exactly once. With $orderby the same holds for objects whose value does not change.
func (q *query[T]) page(start cursor) (objects []T, more bool, err error) {
	size := defaultPage
	if q.options.top > 0 {
		size = q.options.top
	}
	if prefers := q.call.maxPageSize(); prefers > 0 && (q.options.top == 0 || prefers < size) {
		size = prefers
	}
	if q.options.orderBy >= 0 {
		objects, err = q.smallest(start, size+1)
	} else {
		objects, err = q.following(start, size+1)
	}
	if err == nil {
		err = q.call.r.Context().Err()
	}
	if len(objects) > size {
		return objects[:size], true, err
	}
	return objects, false, err
}

func (q *query[T]) following(start cursor, n int) ([]T, error) {
	walk, err := q.matching(start.key)
	if err != nil {
		return nil, err
	}
	var objects []T
	for o := range walk {
		objects = append(objects, o)
		if len(objects) == n {
			break
		}
	}
	return objects, nil
}

// smallest returns the n objects that follow start in the order asked for. It holds no more than twice as many.
func (q *query[T]) smallest(start cursor, n int) ([]T, error) {
	walk, err := q.matching(nil)
	if err != nil {
		return nil, err
	}
	type placed struct {
		at     cursor
		object T
	}
	var best []placed
	cut := func() {
		slices.SortFunc(best, func(a, b placed) int { return q.compare(a.at, b.at) })
		best = best[:min(n, len(best))]
	}
	for o := range walk {
		at := q.cursorAt(o)
		if len(start.key) > 0 && q.compare(at, start) <= 0 {
			continue
		}
		best = append(best, placed{at, o})
		if len(best) >= 2*n {
			cut()
		}
	}
	cut()
	objects := make([]T, len(best))
	for i, b := range best {
		objects[i] = b.object
	}
	return objects, nil
}

// compare orders two places as the query asks: objects of equal value by their keys.
func (q *query[T]) compare(a, b cursor) int {
	order := strings.Compare(a.value, b.value)
	if q.options.descends {
		order = -order
	}
	if order != 0 {
		return order
	}
	return bytes.Compare(a.key, b.key)
}

// cursor is a place in a listing: behind the object with that key and, with $orderby, that value.
type cursor struct {
	key     []byte
	ordered bool
	value   string
}

func (q *query[T]) cursorAt(o T) cursor {
	at := cursor{key: q.kind.key(o)}
	if q.options.orderBy >= 0 {
		at.ordered = true
		switch v := normal(q.kind.value(q.call.dir, o, q.options.orderBy)).(type) {
		case string:
			at.value = v
		case time.Time:
			at.value = v.UTC().Format("2006-01-02T15:04:05.000000000")
		}
	}
	return at
}

// token returns the cursor as a $skiptoken. Terraform's client decodes and encodes queries anew, which only an alphabet
// without reserved characters survives.
func (a cursor) token() string {
	head := byte('k')
	if a.ordered {
		head = 'o'
	}
	return base64.RawURLEncoding.EncodeToString(append(append([]byte{head}, a.key...), a.value...))
}

// readCursor returns the place that a query starts at. A token needs no seal: all it can say is a place.
func readCursor(o *options, keyLength int) (cursor, error) {
	if o.token == "" {
		return cursor{}, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(o.token)
	if err != nil || len(raw) < 1+keyLength {
		return cursor{}, badToken()
	}
	at := cursor{key: raw[1 : 1+keyLength], value: string(raw[1+keyLength:]), ordered: raw[0] == 'o'}
	if at.ordered != (o.orderBy >= 0) || !at.ordered && (raw[0] != 'k' || at.value != "") {
		return cursor{}, badToken()
	}
	return at, nil
}

func badToken() error {
	return apierr.New(apierr.ParameterInvalid, "The $skiptoken is not one of this query: follow @odata.nextLink as it is.").At("$skiptoken")
}

// nextLink returns the link to the page behind at: the request's own path and options with another $skiptoken.
func (c *call) nextLink(at cursor) string {
	var query []string
	for pair := range strings.SplitSeq(c.r.URL.RawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		name, _ = url.QueryUnescape(name) // was read before
		if pair != "" && !strings.EqualFold(strings.TrimSpace(name), "$skiptoken") {
			query = append(query, pair)
		}
	}
	query = append(query, "$skiptoken="+at.token())
	return "https://" + authority(c.r) + c.r.URL.EscapedPath() + "?" + strings.Join(query, "&")
}
