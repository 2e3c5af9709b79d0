package cli

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/inborn-id/inborn/internal/resource"
	"github.com/inborn-id/inborn/internal/sandbox"
)

// A program that runs as a site gets the application settings of the site as variables, as App Service gives them, with
// references to vaults followed.

// siteVersion is an api-version of Microsoft.Web.
const siteVersion = "?api-version=2024-11-01"

// settings returns the variables of a resource, and says on standard error which references lead to no value, and which
// variables are left out.
func (sh *shell) settings(ctx context.Context, c *client, id string) (map[string]string, error) {
	var answer environmentAnswer
	if err := c.arm(ctx, http.MethodPost, id+"/providers/Inborn.Platform/environment"+ownVersion, nil, &answer); err != nil {
		return nil, err
	}
	for _, r := range answer.References {
		if r.Status != resolved {
			sh.warn(r.warning(answer.Variables))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(answer.Variables)) {
		if why := unfit(name, answer.Variables[name]); why != "" {
			delete(answer.Variables, name)
			sh.warn(fmt.Sprintf("%s is not set: %s.", name, why))
		}
	}
	return answer.Variables, nil
}

// references returns what the application settings of a resource refer to, if it is a site.
func (c *client) references(ctx context.Context, r armResource) ([]referenceOutput, error) {
	if !strings.EqualFold(r.Type, resource.TypeSite) {
		return nil, nil
	}
	found, err := armPages[settingReference](ctx, c, r.ID+"/config/configreferences/appsettings"+siteVersion)
	var all []referenceOutput
	for _, one := range found {
		p := one.Properties
		all = append(all, referenceOutput{Setting: one.Name, Reference: p.Reference, Status: p.Status, Details: p.Details, Version: p.ActiveVersion})
	}
	return all, err
}

// line is a reference as people read it.
func (r referenceOutput) line() string {
	if r.Status == resolved {
		return fmt.Sprintf("%s = %s: version %s", r.Setting, r.Reference, r.Version)
	}
	return fmt.Sprintf("%s = %s: %s, %s", r.Setting, r.Reference, r.Status, r.Details)
}

// resolved is the state of a reference that leads to a value.
const resolved = "Resolved"

func (sh *shell) warn(line string) {
	fmt.Fprintf(sh.err, "inborn: %s\n", printable(strings.ReplaceAll(line, "\n", " ")))
}

// warning tells in one line why a variable does not have the value that it refers to.
func (r environmentReference) warning(variables map[string]string) string {
	became := "is not set"
	if _, literal := variables[r.Variable]; literal {
		became = "stays as it is written"
	}
	line := fmt.Sprintf("%s %s, %s: %s", r.Name, became, r.Status, r.Details)
	if r.Help != "" {
		line += " try: " + r.Help
	}
	return line
}

// unfit says why no program gets that variable; "" if programs do. A setting must not take away what makes the program
// the workload of its resource, and what leads it to Inborn.
func unfit(name, value string) string {
	switch {
	case name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(value, "\x00"):
		return "its name or value cannot be those of a variable"
	case strings.HasPrefix(name, "AZURE_") || strings.HasPrefix(name, "ARM_"): // of the site's own making, unlike the caller's
		return ""
	case sandbox.Clears(name), strings.HasPrefix(name, "INBORN_"), slices.Contains(conflicting[:], name):
		return "the name is one of Inborn's own"
	}
	return ""
}

// runsCode reports whether a variable has a shell, or any program that is started from it, run something else than it was
// told to. A program of a site is free to; the shell of a person who becomes the site is not the site's.
func runsCode(name string) bool {
	return strings.HasPrefix(name, "LD_") || strings.HasPrefix(name, "DYLD_") || strings.HasPrefix(name, "PS") && len(name) == 3 ||
		slices.Contains([]string{"PROMPT_COMMAND", "BASH_ENV", "ENV", "IFS", "PATH", "CDPATH", "SHELLOPTS", "BASHOPTS", "FPATH", "ZDOTDIR",
			"EDITOR", "VISUAL", "PAGER", "GIT_SSH_COMMAND", "NODE_OPTIONS", "PYTHONSTARTUP", "PERL5OPT", "RUBYOPT", "JAVA_TOOL_OPTIONS"}, name)
}

// callers is the environment of the caller, with settings in it; clean takes out what the program must not see of the caller.
func callers(settings map[string]string, clean func([]string) []string) []string {
	return with(clean(os.Environ()), settings)
}

// isVariable reports whether shells take a name for that of a variable.
func isVariable(name string) bool {
	for i, c := range name {
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}
