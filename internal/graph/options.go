package graph

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
)

// Page sizes of a collection (Graph: paging).
const (
	defaultPage = 100
	maxPage     = 999
)

// shape is what an answer is, which decides what options it has.
type shape uint8

const (
	forEntity shape = iota
	forCollection
	forCount
)

// options is the query of a request, checked against one entity type.
type options struct {
	shown    []int  // the properties to show, in order
	selected string // names of $select, comma-separated; "" without one
	filter   *filter
	top      int // 0: not given
	count    bool
	orderBy  int // property to order by; -1: the key
	descends bool
	token    string  // $skiptoken, "" on a first page
	touched  []field // the properties that are selected, compared or ordered by
}

// parseOptions reads the query of r. The error is a PropertyUnknown, ParameterInvalid, ParameterDuplicate,
// PageSizeInvalid or QueryUnsupported.
func parseOptions(r *http.Request, kind, version string, fields []field, answer shape) (*options, error) {
	given, err := systemOptions(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	p := &optionParser{kind: kind, version: version, fields: fields, options: options{orderBy: -1}}
	for _, name := range []string{"$select", "$filter", "$top", "$count", "$orderby", "$skiptoken", "$format"} {
		value, ok := given[name]
		if !ok {
			continue
		}
		if !allowed(name, answer) {
			return nil, unsupported("%s cannot be used here.", name)
		}
		delete(given, name)
		if err := p.read(name, value); err != nil {
			return nil, err
		}
	}
	for name := range given {
		return nil, refuseOption(r, name, answer)
	}
	if p.options.selected == "" {
		p.showDefault()
	}
	return &p.options, nil
}

func allowed(name string, answer shape) bool {
	switch answer {
	case forEntity:
		return name == "$select" || name == "$format"
	case forCount:
		return name == "$filter" || name == "$format"
	default:
		return true
	}
}

// systemOptions returns the options that begin with $, by lower-case name. Others are the client's own and mean nothing.
func systemOptions(query string) (map[string]string, error) {
	given := map[string]string{}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err == nil {
			value, err = url.QueryUnescape(value)
		}
		if err != nil {
			return nil, apierr.New(apierr.RequestMalformed, "The query is not percent-encoded correctly.").Because(err)
		}
		name = strings.ToLower(strings.TrimSpace(name))
		if !strings.HasPrefix(name, "$") {
			continue
		}
		if _, twice := given[name]; twice {
			return nil, apierr.New(apierr.ParameterDuplicate, "Query option '%s' was specified more than once, but it must be specified at most once.", name).At(name)
		}
		given[name] = value
	}
	return given, nil
}

// refuseOption says why an option cannot be had.
func refuseOption(r *http.Request, name string, answer shape) error {
	switch {
	case name == "$search" && !strings.EqualFold(r.Header.Get("ConsistencyLevel"), "eventual"):
		return apierr.New(apierr.QueryUnsupported,
			"Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'").At(name)
	case name == "$search":
		return unsupported("This server does not offer $search: use $filter=startswith(displayName,'...').").At(name)
	case name == "$expand":
		return unsupported("This server does not offer $expand: ask for the related objects by their own path.").At(name)
	case name == "$skip":
		return unsupported("$skip is not supported: follow @odata.nextLink.").At(name)
	default:
		return apierr.New(apierr.ParameterUnsupported, "The query parameter '%s' is not supported.", name).At(name)
	}
}

// optionParser reads options one by one.
type optionParser struct {
	kind, version string
	fields        []field
	options       options
}

func (p *optionParser) read(name, value string) error {
	switch name {
	case "$select":
		return p.readSelect(value)
	case "$filter":
		parsed, err := parseFilter(value, p.lookup)
		p.options.filter = parsed
		return err
	case "$top":
		return p.readTop(value)
	case "$count":
		return p.readCount(value)
	case "$orderby":
		return p.readOrderBy(value)
	case "$skiptoken":
		p.options.token = value
		if value == "" {
			return badToken()
		}
	case "$format":
		if media, _, _ := strings.Cut(value, ";"); !strings.EqualFold(media, "json") && !strings.EqualFold(media, "application/json") {
			return apierr.New(apierr.ParameterInvalid, "The format '%s' is not supported: use json.", value).At("$format")
		}
	}
	return nil
}

// lookup finds a property by name, in any case, and remembers that the query touches it.
func (p *optionParser) lookup(name string) (int, field, error) {
	i := slices.IndexFunc(p.fields, func(f field) bool {
		return strings.EqualFold(f.name, name) && (!f.beta || p.version == "beta")
	})
	if i < 0 {
		return 0, field{}, unknownProperty(name, p.kind)
	}
	p.options.touched = append(p.options.touched, p.fields[i])
	return i, p.fields[i], nil
}

func (p *optionParser) readSelect(value string) error {
	var names []string
	for name := range strings.SplitSeq(value, ",") {
		name = strings.TrimSpace(name)
		if name == "" && strings.TrimSpace(value) == "" {
			return nil
		}
		i, f, err := p.lookup(name)
		if err != nil {
			return err
		}
		if !slices.Contains(p.options.shown, i) {
			p.options.shown = append(p.options.shown, i)
			names = append(names, f.name)
		}
	}
	p.options.selected = strings.Join(names, ",")
	return nil
}

func (p *optionParser) showDefault() {
	for i, f := range p.fields {
		if !f.hidden && (!f.beta || p.version == "beta") {
			p.options.shown = append(p.options.shown, i)
		}
	}
}

func (p *optionParser) readTop(value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > maxPage {
		if len(value) > 32 {
			value = value[:32] + "..."
		}
		return apierr.New(apierr.PageSizeInvalid, "Invalid page size specified: '%s'. Must be between 1 and %d inclusive.", strings.ToValidUTF8(value, "?"), maxPage).At("$top")
	}
	p.options.top = n
	return nil
}

func (p *optionParser) readCount(value string) error {
	switch strings.ToLower(value) {
	case "true":
		p.options.count = true
	case "false":
	default:
		return apierr.New(apierr.ParameterInvalid, "Invalid value for $count: use true or false.").At("$count")
	}
	return nil
}

func (p *optionParser) readOrderBy(value string) error {
	words := strings.Fields(value)
	if len(words) == 0 || len(words) > 2 || strings.Contains(value, ",") {
		return unsupported("$orderby takes one property and asc or desc.").At("$orderby")
	}
	i, f, err := p.lookup(words[0])
	if err != nil {
		return err
	}
	if !f.order {
		return unsupported("Sorting by '%s' is not supported.", f.name).At("$orderby")
	}
	p.options.orderBy = i
	if len(words) == 2 {
		switch strings.ToLower(words[1]) {
		case "asc":
		case "desc":
			p.options.descends = true
		default:
			return apierr.New(apierr.ParameterInvalid, "Invalid $orderby: expected asc or desc after '%s'.", f.name).At("$orderby")
		}
	}
	return nil
}

// selection is what a context URL shows of $select.
func (o *options) selection() string {
	if o.selected == "" {
		return ""
	}
	return "(" + o.selected + ")"
}

// advance refuses what Graph answers only from its indexes that lag behind. We do not lag, but a program that forgets
// the header must not find out in production.
func (o *options) advance(eventual bool) error {
	if eventual && o.count {
		return nil
	}
	const remedy = "needs the header 'ConsistencyLevel: eventual' and $count=true."
	if o.filter != nil && o.filter.advanced() {
		return unsupported("This $filter %s", remedy).At("$filter")
	}
	if o.filter != nil && o.orderBy >= 0 {
		return unsupported("$orderby together with $filter %s", remedy).At("$orderby")
	}
	return nil
}
