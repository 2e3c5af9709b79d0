package cli

// environmentAnswer is the answer of Inborn.Platform/environment. The variables hold secrets.
type environmentAnswer struct {
	Variables  map[string]string      `json:"variables"`
	References []environmentReference `json:"references"`
}

// settingReference is an application setting that refers to a secret of a vault (configreferences of Microsoft.Web).
type settingReference struct {
	Name       string `json:"name"`
	Properties struct {
		Reference     string `json:"reference"`
		Status        string `json:"status"`
		Details       string `json:"details"`
		ActiveVersion string `json:"activeVersion"`
	} `json:"properties"`
}

// referenceOutput is what we show of one.
type referenceOutput struct {
	Setting   string `json:"setting"`
	Reference string `json:"reference"`
	Status    string `json:"status"`
	Details   string `json:"details,omitempty"`
	Version   string `json:"version,omitempty"` // which the next launch gets
}

// environmentReference is what became of a variable that refers to a secret.
type environmentReference struct {
	Name     string `json:"name"`
	Variable string `json:"variable"`
	Status   string `json:"status"`
	Details  string `json:"details"`
	Help     string `json:"help"`
}
