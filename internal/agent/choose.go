package agent

import (
	"strings"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/imds"
	"github.com/inborn-id/inborn/internal/nodeapi"
	"github.com/inborn-id/inborn/internal/resource"
)

// choose finds the identity that ask means among those of the workload. Without a selector IMDS takes the
// system-assigned identity and else the only user-assigned one; App Service takes the system-assigned one or none.
func choose(w *nodeapi.Workload, ask imds.Ask) (*nodeapi.Identity, error) {
	if ask.By != imds.ByDefault {
		return selected(w, ask)
	}
	switch {
	case w.System != nil:
		return w.System, nil
	case ask.Form == imds.IMDS && len(w.User) == 1:
		return &w.User[0], nil
	case ask.Form == imds.IMDS && len(w.User) > 1:
		return nil, unchosen(w, apierr.New(apierr.IdentityAmbiguous,
			"%s has %d user-assigned identities and no system-assigned one; send client_id to say which one is meant.",
			w.Resource, len(w.User)).WithHelp("export AZURE_CLIENT_ID=%s", w.User[0].ClientID))
	case len(w.User) > 0:
		return nil, unchosen(w, apierr.New(apierr.IdentityNotFound,
			"%s has no system-assigned identity, and this endpoint uses a user-assigned one only when client_id names it.",
			w.Resource).WithHelp("export AZURE_CLIENT_ID=%s", w.User[0].ClientID))
	default:
		return nil, unchosen(w, apierr.New(apierr.IdentityNotFound, "%s has no identity.", w.Resource).
			WithHelp("inborn identity assign %s --system", w.Resource))
	}
}

// selected finds the identity that the request names. A system-assigned identity can be named by its client id and its
// object id; its resource id names the resource, which the services do not accept as a selector.
func selected(w *nodeapi.Workload, ask imds.Ask) (*nodeapi.Identity, error) {
	if ask.By == imds.ByResourceID {
		wanted := resource.ID(ask.Value)
		if tidied, err := resource.ParseID(ask.Value); err == nil {
			wanted = tidied
		}
		for i := range w.User {
			if w.User[i].ResourceID.Same(wanted) {
				return &w.User[i], nil
			}
		}
		return nil, unassigned(w, ask)
	}
	wanted, err := guid.Parse(ask.Value)
	if err != nil {
		return nil, unassigned(w, ask)
	}
	if w.System != nil && wanted == named(w.System, ask.By) {
		return w.System, nil
	}
	for i := range w.User {
		if wanted == named(&w.User[i], ask.By) {
			return &w.User[i], nil
		}
	}
	return nil, unassigned(w, ask)
}

func named(i *nodeapi.Identity, by imds.By) guid.GUID {
	if by == imds.ByObjectID {
		return i.ObjectID
	}
	return i.ClientID
}

// unassigned refuses a selector that names none of the workload's identities. What a caller sent goes into a command
// only if it is what it should be, since somebody may run that command.
func unassigned(w *nodeapi.Workload, ask imds.Ask) error {
	identity := "IDENTITY"
	if _, err := guid.Parse(ask.Value); err == nil {
		identity = ask.Value
	}
	return unchosen(w, apierr.New(apierr.IdentityNotFound, "%s has no identity with %s %q.", w.Resource, ask.By, clip(ask.Value)).
		At(ask.By.String()).WithHelp("inborn identity assign %s %s", w.Resource, identity))
}

func unchosen(w *nodeapi.Workload, e *apierr.Error) error {
	r := refusal(e, w)
	r.Note("identity", "%s It has: %s.", e.Message, list(w))
	return r
}

// list names the identities of a workload.
func list(w *nodeapi.Workload) string {
	var names []string
	if w.System != nil {
		names = append(names, "system-assigned "+w.System.ClientID.String())
	}
	for _, user := range w.User {
		if len(names) == 5 {
			names = append(names, "...")
			break
		}
		names = append(names, user.ResourceID.Name()+" "+user.ClientID.String())
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// refusal begins the trace of a refusal; w is nil while the workload is not known.
func refusal(err error, w *nodeapi.Workload) *imds.Refusal {
	r := &imds.Refusal{Err: apierr.From(err)}
	if w != nil {
		r.Caller = string(w.Resource)
		r.Note("workload binding", "%s: %s runs here", w.Binding, w.Resource)
	}
	return r
}

// clip keeps what a caller sent short.
func clip(s string) string {
	if len(s) > 256 {
		return s[:256] + "..."
	}
	return s
}
