package rbac

import "strings"

// Source is where an attribute of a request comes from.
type Source uint8

// The sources, as conditions name them behind the @.
const (
	Resource Source = iota // what is there already
	RequestSource
	Principal
	Environment
)

var sources = [...]string{"Resource", "Request", "Principal", "Environment"}

// Attribute is one fact that conditions may ask for. Its name is that of the condition language, such as
// Microsoft.Storage/storageAccounts/blobServices/containers:name; what stands behind the colon is compared with regard to
// case where the condition asks for that, as it does for tags. Key sets have names that end with &$keys$&.
type Attribute struct {
	Source Source
	Name   string
	Values []string // none is as good as no attribute
}

// Attributes of the role assignment that a request makes (source RequestSource) or removes (source Resource).
const (
	AttributeRoleDefinitionID = "Microsoft.Authorization/roleAssignments:RoleDefinitionId"
	AttributePrincipalID      = "Microsoft.Authorization/roleAssignments:PrincipalId"
	AttributePrincipalType    = "Microsoft.Authorization/roleAssignments:PrincipalType"
)

const attributeSubOperation = "subOperation"

// AssignmentAttributes are what conditions may ask of a role assignment that is written (RequestSource) or deleted
// (Resource).
func AssignmentAttributes(source Source, a *RoleAssignment) []Attribute {
	return []Attribute{
		{source, AttributeRoleDefinitionID, []string{a.Role.String()}},
		{source, AttributePrincipalID, []string{a.Principal.String()}},
		{source, AttributePrincipalType, []string{a.PrincipalType.String()}},
	}
}

// attribute is a reference to one in a condition.
type attribute struct {
	source  Source
	name    string
	keyCase bool // what stands behind the colon is compared with regard to case
}

const (
	keyCaseMark = "<$key_case_sensitive$>"
	keySetMark  = "&$keys$&"
)

// newAttribute reads a source and the name in brackets; what is wrong comes back as words.
func newAttribute(source, name string) (*attribute, string) {
	a := &attribute{}
	known := false
	for i, word := range sources {
		if same(word, source) {
			a.source, known = Source(i), true
		}
	}
	if !known {
		return nil, "there is no source of attributes called @" + source + "; use @Resource, @Request, @Principal or @Environment"
	}
	a.name, a.keyCase = strings.CutSuffix(name, keyCaseMark)
	if !a.known() {
		return nil, "@" + source + " has no attribute " + name
	}
	return a, ""
}

// known reports whether there can be such an attribute: sources with few attributes are known by name, the others by the
// form Namespace.Name/type:property.
func (a *attribute) known() bool {
	oneOf := func(names ...string) bool {
		for _, name := range names {
			if same(a.name, name) {
				return true
			}
		}
		return false
	}
	kind, property, _ := strings.Cut(strings.TrimSuffix(a.name, keySetMark), ":")
	namespace, rest, typed := strings.Cut(kind, "/")
	switch {
	case strings.ContainsAny(a.name, "<>@[]{}'\" \t\r\n"):
		return false
	case a.source == Environment:
		return oneOf("UtcNow", "isPrivateLink", "Microsoft.Network/privateEndpoints", "Microsoft.Network/virtualNetworks/subnets")
	case a.source == Principal:
		return same(kind, "Microsoft.Directory/CustomSecurityAttributes/Id") && property != ""
	case same(kind, "Microsoft.Authorization/roleAssignments"):
		return oneOf(AttributeRoleDefinitionID, AttributePrincipalID, AttributePrincipalType)
	case strings.HasSuffix(a.name, keySetMark):
		return typed && rest != "" && property == ""
	case !typed:
		return a.source == RequestSource && oneOf(attributeSubOperation, "snapshot", "versionId")
	}
	return strings.Contains(namespace, ".") && rest != "" && property != ""
}

// of returns the values that the request has for the attribute; nil for none.
func (a *attribute) of(r *Request) []string {
	for i := range r.Attributes {
		have := &r.Attributes[i]
		if have.Source == a.source && a.names(have.Name) {
			return have.Values
		}
	}
	return nil
}

func (a *attribute) names(have string) bool {
	if !a.keyCase {
		return same(a.name, have)
	}
	wantKind, wantKey, _ := strings.Cut(a.name, ":")
	kind, key, _ := strings.Cut(have, ":")
	return wantKey == key && same(wantKind, kind)
}

func subOperation(r *Request) []string {
	return (&attribute{source: RequestSource, name: attributeSubOperation}).of(r)
}
