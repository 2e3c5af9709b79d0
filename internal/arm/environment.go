package arm

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
)

// The environment of a resource is what its service would put into the variables of its programs: the application
// settings of a site, the variables of the first container of a container app or job. References to secrets are followed,
// so whoever asks gets what the workload may read, and needs the rights of whoever may make a process that workload.

// environment is what there is to be said of one resource.
type environment struct {
	variables  map[string]secret
	references []variableReference
}

// variableReference tells what became of a variable that refers to a secret.
type variableReference struct {
	name     string // of the setting
	variable string
	to       reference
	finding
}

// getEnvironment answers with the environment of the resource in the path.
func (c *call) getEnvironment() error {
	if c.id.Type() == "" {
		return apierr.New(apierr.ResourceIDInvalid, "Only resources have an environment, and '%s' is not the id of one.", scope(c.id)).At(scope(c.id))
	}
	r, err := findResource(c.dir, c.id)
	if err != nil {
		return err
	}
	if err := c.mayExpose(c.dir, r); err != nil {
		return err
	}
	e, err := c.environmentOf(r)
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return c.json(http.StatusOK, environmentOut(r, e))
}

// environmentOf returns the environment of r, if the caller may see the settings that it comes from.
func (c *call) environmentOf(r *resource.Resource) (*environment, error) {
	e := &environment{variables: map[string]secret{}}
	kind := r.ID.Type()
	switch {
	case strings.EqualFold(kind, typeSite), strings.EqualFold(kind, typeSlot):
		if err := authorizeLinked(c.dir, c, action(kind+"/config/list/action"), r.ID); err != nil {
			return nil, err
		}
		return e, c.siteEnvironment(r, e)
	case strings.EqualFold(kind, typeContainerApp), strings.EqualFold(kind, typeContainerJob):
		if err := authorizeLinked(c.dir, c, action(kind+"/listSecrets/action"), r.ID); err != nil {
			return nil, err
		}
		return e, c.containerEnvironment(r, e)
	default:
		return e, nil
	}
}

// siteEnvironment are the application settings. A reference that leads to no value stays as it is written, as App Service
// leaves it.
func (c *call) siteEnvironment(r *resource.Resource, e *environment) error {
	settings, err := c.readSetting(r, setting{name: resource.AppSettings, empty: `{}`})
	if err != nil {
		return err
	}
	who := c.referenceReader(r)
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		variable, text := variableOf(name), scalar(settings[name])
		if _, exact := settings[variable]; exact && variable != name {
			continue
		}
		e.variables[variable] = secret(text)
		to, refers, wrong := c.parseReference(text)
		if !refers {
			continue
		}
		value, err := c.follow(variableReference{name: name, variable: variable, to: to}, wrong, who, e)
		if err != nil {
			return err
		}
		if value != nil {
			e.variables[variable] = *value
		}
	}
	return nil
}

// variableOf is the variable that App Service makes of a setting: shells take neither colons nor points in names.
func variableOf(setting string) string {
	return strings.NewReplacer(":", "__", ".", "_").Replace(setting)
}

// follow fetches what a variable refers to; nil if it leads to no value.
func (c *call) follow(from variableReference, wrong string, who secretReader, e *environment) (*secret, error) {
	from.finding = c.look(from.to, wrong, who)
	value, err := c.fetch(from.name, from.to, who, &from.finding)
	if err != nil {
		return nil, err
	}
	e.references = append(e.references, from)
	if from.version == nil {
		return nil, nil
	}
	return &value, nil
}

// containerEnvironment are the variables of the first container. One that refers to a secret of the app without a value
// is left out; Container Apps would not start the container.
func (c *call) containerEnvironment(r *resource.Resource, e *environment) error {
	props, err := decodeProperties(r.Properties)
	if err != nil {
		return err
	}
	secrets := map[string]map[string]any{}
	for _, one := range configurationSecrets(props) {
		secrets[strings.ToLower(text(one, "name"))] = one
	}
	for _, variable := range containerVariables(props) {
		name, from := text(variable, "name"), text(variable, "secretRef")
		if from == "" {
			e.variables[name] = secret(scalar(variable["value"]))
			continue
		}
		value, err := c.containerSecret(r, name, secrets[strings.ToLower(from)], e)
		if err != nil {
			return err
		}
		if value != nil {
			e.variables[name] = *value
		}
	}
	return nil
}

// containerSecret is the value of a secret of an app, which is kept here or in a vault; nil if there is none.
func (c *call) containerSecret(r *resource.Resource, variable string, one map[string]any, e *environment) (*secret, error) {
	if address := text(one, "keyVaultUrl"); address != "" {
		to, wrong := c.parseSecretURI(address)
		return c.follow(variableReference{name: variable, variable: variable, to: to}, wrong, c.readerNamed(r, text(one, "identity")), e)
	}
	value, found, err := c.unseal(r, secretPrefix+text(one, "name"))
	if err != nil || !found {
		return nil, err
	}
	return &value, nil
}

// containerVariables are those of the first container in the properties of an app or job.
func containerVariables(props map[string]any) (all []map[string]any) {
	template, _ := props["template"].(map[string]any)
	containers, _ := template["containers"].([]any)
	if len(containers) == 0 {
		return nil
	}
	first, _ := containers[0].(map[string]any)
	rows, _ := first["env"].([]any)
	for _, row := range rows {
		if one, ok := row.(map[string]any); ok && text(one, "name") != "" {
			all = append(all, one)
		}
	}
	return all
}
