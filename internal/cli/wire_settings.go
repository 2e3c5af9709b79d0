package cli

// environmentAnswer is the answer of Inborn.Platform/environment. The variables hold secrets.
type environmentAnswer struct {
	Variables  map[string]string      `json:"variables"`
	References []environmentReference `json:"references"`
}

// environmentReference is what became of a variable that refers to a secret.
type environmentReference struct {
	Name     string `json:"name"`
	Variable string `json:"variable"`
	Status   string `json:"status"`
	Details  string `json:"details"`
	Help     string `json:"help"`
}
