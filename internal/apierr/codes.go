package apierr

// Code is the name of one refusal. Codes never appear on the wire; errors.go of each API spells them.
type Code uint8

// All codes there are. Add one here, give it its row in table, and the test of every API that can meet it fails until
// that API spells it or is content with the fallback of its kind.
const (
	Fault Code = iota // ours: the client sees a fixed sentence

	// The request itself.
	RequestMalformed     // unreadable as HTTP, form, JSON or path
	ParameterMissing     // Target names it
	ParameterInvalid     // Target names it
	ParameterDuplicate   // Target names it
	ParameterUnsupported // known to the protocol, not offered here; Target names it
	BodyTooLarge
	MethodNotAllowed
	PathUnknown
	HostUnknown // a Host that this server does not own
	APIVersionMissing
	APIVersionInvalid
	PropertyUnknown // of a body or $select; Target names it
	PropertyInvalid // Target names it
	QueryUnsupported
	PageSizeInvalid
	PreconditionFailed
	TooManyRequests

	// Bearer tokens at a data plane.
	TokenMissing
	TokenMalformed
	TokenSignature // no key of ours made it
	TokenExpired
	TokenNotYetValid
	TokenIssuer
	TokenAudience
	CallerUnknown     // the principal no longer exists or is disabled
	PermissionMissing // Target names the permission

	// The endpoints of a host.
	CallerNotDirect       // forwarded, or sent by a web page
	MetadataHeaderMissing // IMDS without Metadata: true
	EndpointHeaderMissing // App Service without X-IDENTITY-HEADER
	EndpointHeaderWrong
	WorkloadUnknown   // no workload binding matches the process
	WorkloadAmbiguous // several do and none is most specific
	IdentityNotFound  // the resource has no such identity, or none
	IdentityAmbiguous // several user-assigned identities and no selector
	SelectorConflict  // more than one of client_id, object_id, resource id

	// The token service.
	TenantUnknown
	TenantMalformed
	InstanceUnknown  // instance discovery for a host that is not ours
	AudienceUnknown  // no resource principal of that name
	AudienceDisabled // its service principal is disabled
	RoleRequired     // the resource wants an assignment and the caller has none
	GrantUnsupported

	// Objects of the directory and of Resource Manager.
	ObjectNotFound // Target is the id
	ObjectExists   // Target is the id or name
	AssignmentExists
	AppRoleUnknown
	ReferenceInvalid // an id in the body does not fit the path or names nothing
	ManagedElsewhere // a managed identity's service principal cannot be changed through Graph
	ResourceIDInvalid
	SubscriptionNotFound
	ResourceGroupNotFound
	ResourceNotFound
	ParentNotFound
	IdentityToAssignNotFound // an identity block names an identity that does not exist
	ManifestInvalid          // Target is the place, line:column
	LimitExceeded            // Target names the limit
	ProviderNotRegistered    // the subscription gave a namespace back; Target is its name

	// Roles and who has them.
	RoleDefinitionDoesNotExist       // referred to by a request; Target is its id
	RoleDefinitionNotFound           // asked for itself
	RoleDefinitionWithSameNameExists // Target is the name
	RoleDefinitionHasAssignments     // so it cannot be deleted
	RoleDefinitionUpdateNotPermitted // it is built in
	RoleAssignmentNotFound           // Target is its id
	RoleAssignmentExists             // the same principal, role and scope under another name; Target is that
	RoleAssignmentUpdateNotPermitted // principal, role and scope of an assignment never change
	LastOwnerAssignment              // of a subscription
	PrincipalNotFound                // an assignment names a principal that is not there
	UnmatchedPrincipalType           // an assignment says another type than the principal has
	ConditionInvalid                 // the message names the place
	DenyAssignmentNotFound           // Target is its id
	ManagementGroupNotFound          // Target is its name
	ManagementGroupNotEmpty          // so it cannot be deleted
	LockNotFound                     // Target is its name
	ScopeLocked                      // Target is the lock's id

	// Vaults.
	SecretDisabled        // its value is not handed out; Target is its name
	KeyDisabled           // Target is its name, as below
	KeyNotYetValid        // the time is before its nbf
	KeyExpired            // the time is at or after its exp
	KeyOperationForbidden // its key_ops do not have the operation
	PurgeProtected        // deleted objects of the vault cannot be ended before their time
	VaultObjectNotFound   // a secret, key or certificate, or a version of one; Target is its name
	VaultObjectDeleted    // it waits for its end, and so does its name; Target is its name
	VaultObjectExists     // so nothing can be restored in its place; Target is its name
	VaultObjectManaged    // it belongs to a certificate and changes with it only; Target is its name
	VaultDeleted          // a vault of that name waits for its end; Target is its name
	VaultNameTaken        // there is a vault of that name, or was one in another subscription; Target is its name
	PendingExists         // a certificate waits for its issuer, so that no other version can be made; Target is its name
	PendingNotFound       // Target is the certificate's name, as below
	PendingOver           // a pending operation has ended, so that it cannot be changed or merged
	IssuerNotFound        // of certificates; Target is its name
	ContactsNotFound      // a vault has none

	// This server's own condition.
	StateStale   // the View is older than it may be: fail closed
	StoreFailed  // the database did not answer or refused the write
	KeysNotReady // the signing key is still being made
	QueueFull    // more waiting than the bound allows

	codeCount
)

// Codes lists all codes, for tests that walk every code through every API.
func Codes() []Code {
	all := make([]Code, codeCount)
	for i := range all {
		all[i] = Code(i)
	}
	return all
}

// String returns the code's name.
func (c Code) String() string { return table[c].name }

// Kind returns the class the code belongs to.
func (c Code) Kind() Kind { return table[c].kind }

var table = [codeCount]struct {
	name string
	kind Kind
}{
	Fault:                    {"Fault", Internal},
	RequestMalformed:         {"RequestMalformed", Invalid},
	ParameterMissing:         {"ParameterMissing", Invalid},
	ParameterInvalid:         {"ParameterInvalid", Invalid},
	ParameterDuplicate:       {"ParameterDuplicate", Invalid},
	ParameterUnsupported:     {"ParameterUnsupported", Invalid},
	BodyTooLarge:             {"BodyTooLarge", Invalid},
	MethodNotAllowed:         {"MethodNotAllowed", Invalid},
	PathUnknown:              {"PathUnknown", NotFound},
	HostUnknown:              {"HostUnknown", Invalid},
	APIVersionMissing:        {"APIVersionMissing", Invalid},
	APIVersionInvalid:        {"APIVersionInvalid", Invalid},
	PropertyUnknown:          {"PropertyUnknown", Invalid},
	PropertyInvalid:          {"PropertyInvalid", Invalid},
	QueryUnsupported:         {"QueryUnsupported", Invalid},
	PageSizeInvalid:          {"PageSizeInvalid", Invalid},
	PreconditionFailed:       {"PreconditionFailed", Precondition},
	TooManyRequests:          {"TooManyRequests", Throttled},
	TokenMissing:             {"TokenMissing", Unauthenticated},
	TokenMalformed:           {"TokenMalformed", Unauthenticated},
	TokenSignature:           {"TokenSignature", Unauthenticated},
	TokenExpired:             {"TokenExpired", Unauthenticated},
	TokenNotYetValid:         {"TokenNotYetValid", Unauthenticated},
	TokenIssuer:              {"TokenIssuer", Unauthenticated},
	TokenAudience:            {"TokenAudience", Unauthenticated},
	CallerUnknown:            {"CallerUnknown", Unauthenticated},
	PermissionMissing:        {"PermissionMissing", Forbidden},
	CallerNotDirect:          {"CallerNotDirect", Invalid},
	MetadataHeaderMissing:    {"MetadataHeaderMissing", Invalid},
	EndpointHeaderMissing:    {"EndpointHeaderMissing", Unauthenticated},
	EndpointHeaderWrong:      {"EndpointHeaderWrong", Unauthenticated},
	WorkloadUnknown:          {"WorkloadUnknown", Invalid},
	WorkloadAmbiguous:        {"WorkloadAmbiguous", Invalid},
	IdentityNotFound:         {"IdentityNotFound", Invalid},
	IdentityAmbiguous:        {"IdentityAmbiguous", Invalid},
	SelectorConflict:         {"SelectorConflict", Invalid},
	TenantUnknown:            {"TenantUnknown", Invalid},
	TenantMalformed:          {"TenantMalformed", Invalid},
	InstanceUnknown:          {"InstanceUnknown", Invalid},
	AudienceUnknown:          {"AudienceUnknown", Invalid},
	AudienceDisabled:         {"AudienceDisabled", Invalid},
	RoleRequired:             {"RoleRequired", Invalid},
	GrantUnsupported:         {"GrantUnsupported", Invalid},
	ObjectNotFound:           {"ObjectNotFound", NotFound},
	ObjectExists:             {"ObjectExists", Conflict},
	AssignmentExists:         {"AssignmentExists", Conflict},
	AppRoleUnknown:           {"AppRoleUnknown", Invalid},
	ReferenceInvalid:         {"ReferenceInvalid", Invalid},
	ManagedElsewhere:         {"ManagedElsewhere", Forbidden},
	ResourceIDInvalid:        {"ResourceIDInvalid", Invalid},
	SubscriptionNotFound:     {"SubscriptionNotFound", NotFound},
	ResourceGroupNotFound:    {"ResourceGroupNotFound", NotFound},
	ResourceNotFound:         {"ResourceNotFound", NotFound},
	ParentNotFound:           {"ParentNotFound", NotFound},
	IdentityToAssignNotFound: {"IdentityToAssignNotFound", Invalid},
	ManifestInvalid:          {"ManifestInvalid", Invalid},
	LimitExceeded:            {"LimitExceeded", Invalid},
	ProviderNotRegistered:    {"ProviderNotRegistered", Conflict},

	RoleDefinitionDoesNotExist:       {"RoleDefinitionDoesNotExist", Invalid},
	RoleDefinitionNotFound:           {"RoleDefinitionNotFound", NotFound},
	RoleDefinitionWithSameNameExists: {"RoleDefinitionWithSameNameExists", Conflict},
	RoleDefinitionHasAssignments:     {"RoleDefinitionHasAssignments", Invalid},
	RoleDefinitionUpdateNotPermitted: {"RoleDefinitionUpdateNotPermitted", Forbidden},
	RoleAssignmentNotFound:           {"RoleAssignmentNotFound", NotFound},
	RoleAssignmentExists:             {"RoleAssignmentExists", Conflict},
	RoleAssignmentUpdateNotPermitted: {"RoleAssignmentUpdateNotPermitted", Invalid},
	LastOwnerAssignment:              {"LastOwnerAssignment", Conflict},
	PrincipalNotFound:                {"PrincipalNotFound", Invalid},
	UnmatchedPrincipalType:           {"UnmatchedPrincipalType", Invalid},
	ConditionInvalid:                 {"ConditionInvalid", Invalid},
	DenyAssignmentNotFound:           {"DenyAssignmentNotFound", NotFound},
	ManagementGroupNotFound:          {"ManagementGroupNotFound", NotFound},
	ManagementGroupNotEmpty:          {"ManagementGroupNotEmpty", Conflict},
	LockNotFound:                     {"LockNotFound", NotFound},
	ScopeLocked:                      {"ScopeLocked", Conflict},

	SecretDisabled:        {"SecretDisabled", Forbidden},
	KeyDisabled:           {"KeyDisabled", Forbidden},
	KeyNotYetValid:        {"KeyNotYetValid", Forbidden},
	KeyExpired:            {"KeyExpired", Forbidden},
	KeyOperationForbidden: {"KeyOperationForbidden", Forbidden},
	PurgeProtected:        {"PurgeProtected", Forbidden},
	VaultObjectNotFound:   {"VaultObjectNotFound", NotFound},
	VaultObjectDeleted:    {"VaultObjectDeleted", Conflict},
	VaultObjectExists:     {"VaultObjectExists", Conflict},
	VaultObjectManaged:    {"VaultObjectManaged", Forbidden},
	VaultDeleted:          {"VaultDeleted", Conflict},
	VaultNameTaken:        {"VaultNameTaken", Conflict},
	PendingExists:         {"PendingExists", Conflict},
	PendingNotFound:       {"PendingNotFound", NotFound},
	PendingOver:           {"PendingOver", Forbidden},
	IssuerNotFound:        {"IssuerNotFound", NotFound},
	ContactsNotFound:      {"ContactsNotFound", NotFound},

	StateStale:   {"StateStale", Unavailable},
	StoreFailed:  {"StoreFailed", Unavailable},
	KeysNotReady: {"KeysNotReady", Unavailable},
	QueueFull:    {"QueueFull", Unavailable},
}
