package server

// The answers of the admin socket, one shape for both ends.

// Status is what the command line needs to know of a running Inborn.
type Status struct {
	Version          string   `json:"version"`
	PID              int      `json:"pid"`
	Tenant           string   `json:"tenant"`
	TenantName       string   `json:"tenantName"`
	Subscription     string   `json:"subscription"`
	ResourceGroup    string   `json:"resourceGroup"`    // resource id of the default resource group
	Node             string   `json:"node"`             // resource id of the node that runs in this process
	Origin           string   `json:"origin"`           // https://host:port of Graph, Resource Manager and the token service by path
	IdentityEndpoint string   `json:"identityEndpoint"` // http://host:port of the endpoints of a host
	CA               string   `json:"ca"`               // path of the certificate that vouches for Origin
	Issuers          []string `json:"issuers"`          // of tokens: v1.0 and v2.0
}

// AdminToken is a token of the local administrator.
type AdminToken struct {
	AccessToken string `json:"accessToken"`
	ExpiresOn   int64  `json:"expiresOn"` // Unix seconds
}

// Rekeying is how far a change of the master key is.
type Rekeying struct {
	MasterKey string `json:"masterKey"`        // id of the key that is in use from now on
	Former    string `json:"former,omitempty"` // id of the one before; "" if the key was not changed since the start
	Kept      string `json:"kept,omitempty"`   // the file in which that one is kept; set at the end
	Secrets   int    `json:"secrets"`          // to be encrypted with the new key
	Done      int    `json:"done"`
	Unopened  int    `json:"unopened"`          // secrets that no key opened before either; they stay as they are
	Example   string `json:"example,omitempty"` // one of them
	Running   bool   `json:"running"`
	Error     string `json:"error,omitempty"` // why the newest attempt stopped; there will be another
}

// adminError is a refusal of the admin socket.
type adminError struct {
	Message string `json:"message"`
	Help    string `json:"help,omitempty"`
}
