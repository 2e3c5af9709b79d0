package server

// storedNeeds is rbac.Needs in the body of a use in the store.
type storedNeeds struct {
	List []storedNeed `json:"needs,omitempty"`
	More bool         `json:"more,omitempty"`
}

type storedNeed struct {
	Action string `json:"action"`
	Data   bool   `json:"data,omitempty"`
	Scope  string `json:"scope"`
}
