package arm

import (
	"net/http"
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/state"
)

// Container Apps: environments, apps and jobs (Microsoft.App, 2025-07-01). Their secrets are documents of their own, one
// for each name, so that a client may leave out the values that stay as they are.

const secretPrefix = "secret/" // of the names of those documents

const (
	typeContainerApp = "Microsoft.App/containerApps"
	typeContainerJob = "Microsoft.App/jobs"
)

func containerKinds() []kind {
	isName := func(name string) bool {
		return alphanumeric(name, 2, 32, "-") && strings.ToLower(name) == name && name[0] >= 'a' && !strings.HasSuffix(name, "-") && !strings.Contains(name, "--")
	}
	const rule = "2 to 32 lower-case letters, digits and single hyphens, beginning with a letter"
	return []kind{
		{name: "Microsoft.App/managedEnvironments", show: showEnvironment, readOnly: "defaultDomain staticIp eventStreamEndpoint",
			defaults: `{"zoneRedundant":false}`},
		{name: typeContainerApp, names: isName, naming: rule, strip: stripContainer, check: checkContainer, show: showContainerApp,
			readOnly: "latestRevisionName latestReadyRevisionName latestRevisionFqdn outboundIpAddresses eventStreamEndpoint runningStatus customDomainVerificationId"},
		{name: typeContainerJob, names: isName, naming: rule, strip: stripContainer, check: checkContainer, show: showJob,
			readOnly: "outboundIpAddresses eventStreamEndpoint"},
	}
}

// configurationSecrets returns the list of secrets in the properties of an app or job.
func configurationSecrets(props map[string]any) []map[string]any {
	configuration, _ := props["configuration"].(map[string]any)
	rows, _ := configuration["secrets"].([]any)
	var all []map[string]any
	for _, row := range rows {
		if one, ok := row.(map[string]any); ok {
			all = append(all, one)
		}
	}
	return all
}

// stripContainer turns the values of secrets into documents.
func stripContainer(s *stripped) error {
	if configuration, ok := respell(s.props, "configuration").(map[string]any); ok {
		respell(configuration, "secrets")
	}
	for _, one := range configurationSecrets(s.props) {
		respell(one, "name")
		respell(one, "keyVaultUrl")
		name := text(one, "name")
		if !alphanumeric(name, 1, 253, "-.") || strings.ToLower(name) != name {
			return apierr.New(apierr.PropertyInvalid, "The name of secret %.60q is not valid: lower-case letters, digits, - and .", name).At("properties.configuration.secrets")
		}
		if value, found := take(one, "value"); found {
			s.gained(secretPrefix+name, secret(scalar(value)))
		}
	}
	return nil
}

// checkContainer sees to it that each secret has a value or a place in a vault, and erases those that are named no more.
func checkContainer(w *written) error {
	named := map[string]bool{}
	has := func(document string) bool {
		return slices.ContainsFunc(w.sealed, func(s state.Sealed) bool { return s.Name == document }) ||
			w.old != nil && slices.Contains(w.old.Sealed, document)
	}
	for _, one := range configurationSecrets(w.props) {
		name := text(one, "name")
		if named[name] {
			return apierr.New(apierr.PropertyInvalid, "The secret '%s' is there twice.", name).At("properties.configuration.secrets")
		}
		named[name] = true
		if text(one, "keyVaultUrl") == "" && !has(secretPrefix+name) {
			return apierr.New(apierr.PropertyInvalid, "The secret '%s' has neither a value nor a keyVaultUrl.", name).At("properties.configuration.secrets").
				Because(shade("ContainerAppSecretInvalid"))
		}
	}
	if w.old == nil {
		return nil
	}
	for _, document := range w.old.Sealed {
		if name, ok := strings.CutPrefix(document, secretPrefix); ok && !named[name] {
			w.sealed = append(w.sealed, state.Sealed{Name: document})
		}
	}
	return nil
}

// environmentDomain is the domain of the apps in an environment. It is told from its id alone, as the environment may be
// in another group than the app, or not there yet.
func (s *shown) environmentDomain(environment resource.ID, location string) string {
	label := derivedID(s.dir, &resource.Resource{ID: environment}, "environment")
	return strings.ToLower(environment.Name()+"-"+label[:8]+"."+strings.ReplaceAll(orText(location, "local"), " ", "")) + "." + s.hosts.containers
}

func showEnvironment(s *shown) {
	s.props["defaultDomain"] = s.environmentDomain(s.r.ID, s.r.Location)
	s.props["staticIp"] = "127.0.0.1"
}

func showContainerApp(s *shown) {
	id, template := text(s.props, "environmentId"), object(s.props, "template")
	if id == "" {
		id = text(s.props, "managedEnvironmentId")
	}
	s.fill("managedEnvironmentId", id)
	s.fill("environmentId", id)
	revision := text(template, "revisionSuffix")
	if revision == "" {
		revision = derivedID(s.dir, s.r, scalar(template))[:7]
	}
	name := s.r.ID.Name()
	for property, value := range map[string]any{
		"latestRevisionName": name + "--" + revision, "latestReadyRevisionName": name + "--" + revision, "runningStatus": "Running",
		"outboundIpAddresses": []string{"127.0.0.1"}, "customDomainVerificationId": verificationID(s.dir.Tenant()), "latestRevisionFqdn": "",
	} {
		s.props[property] = value
	}
	environment, err := resource.ParseID(id)
	ingress, _ := object(s.props, "configuration")["ingress"].(map[string]any)
	if err != nil || ingress == nil {
		return
	}
	location := s.r.Location
	if at, ok := s.dir.Resource(environment); ok {
		environment, location = at.ID, at.Location
	}
	domain := s.environmentDomain(environment, location)
	if external, _ := ingress["external"].(bool); !external {
		domain = "internal." + domain
	}
	ingress["fqdn"], s.props["latestRevisionFqdn"] = name+"."+domain, name+"--"+revision+"."+domain
}

func showJob(s *shown) {
	s.props["outboundIpAddresses"] = []string{"127.0.0.1"}
}

// listContainerSecrets answers with the secrets and their values.
func (c *call) listContainerSecrets() error {
	r, err := findResource(c.dir, c.id)
	if err != nil {
		return err
	}
	props, err := decodeProperties(r.Properties)
	if err != nil {
		return err
	}
	out := containerSecrets{Value: []containerSecret{}}
	for _, one := range configurationSecrets(props) {
		row := containerSecret{Name: text(one, "name"), VaultURL: text(one, "keyVaultUrl"), Identity: text(one, "identity")}
		value, _, err := c.unseal(r, secretPrefix+row.Name)
		if err != nil {
			return err
		}
		row.Value = string(value)
		out.Value = append(out.Value, row)
	}
	return c.json(http.StatusOK, out)
}
