package arm

import (
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/resource"
)

// operationWire is one thing that a role can permit (Microsoft.ManagedIdentity, operations; Microsoft.Authorization,
// providerOperations 2022-04-01, whose description and data flag are left out by readers of the first).
type operationWire struct {
	Name         string           `json:"name"`
	DisplayName  string           `json:"displayName"`
	Description  string           `json:"description"`
	IsDataAction bool             `json:"isDataAction"`
	Display      operationDisplay `json:"display"`
}

type operationDisplay struct {
	Provider    string `json:"provider"`
	Resource    string `json:"resource"`
	Operation   string `json:"operation"`
	Description string `json:"description"`
}

// actionsOf are the actions of a type beside read, write and delete.
func actionsOf(kind string) []string {
	switch kind {
	case "Microsoft.ManagedIdentity/userAssignedIdentities":
		return []string{"assign/action", "listAssociatedResources/action"}
	case "Microsoft.KeyVault/locations/deletedVaults":
		return []string{"purge/action"}
	case "Microsoft.Storage/storageAccounts":
		return []string{"listKeys/action", "regenerateKey/action"}
	case "Microsoft.Web/sites":
		return []string{"restart/action", "start/action", "stop/action"}
	case "Microsoft.Compute/virtualMachines":
		return []string{"deallocate/action", "powerOff/action", "restart/action", "start/action"}
	default:
		return nil
	}
}

func operationsOut(namespace, kind string) []operationWire {
	full := namespace + "/" + kind
	var all []operationWire
	for _, verb := range append([]string{"delete", "read", "write"}, actionsOf(full)...) {
		does := strings.TrimSuffix(verb, "/action")
		about := strings.ToUpper(does[:1]) + does[1:] + " " + kind
		all = append(all, operationWire{Name: full + "/" + verb, DisplayName: about, Description: about,
			Display: operationDisplay{namespace, kind, does, about}})
	}
	return all
}

type providerOperationsWire struct {
	ID          string           `json:"id"`
	Name        string           `json:"name"`
	Type        string           `json:"type"`
	DisplayName string           `json:"displayName"`
	Types       []typeOperations `json:"resourceTypes"`
	Operations  []operationWire  `json:"operations"`
}

type typeOperations struct {
	Name        string          `json:"name"`
	DisplayName string          `json:"displayName"`
	Operations  []operationWire `json:"operations"`
}

func providerOperationsOut(p provider) providerOperationsWire {
	const kind = "Microsoft.Authorization/providerOperations"
	out := providerOperationsWire{ID: "/providers/" + kind + "/" + p.namespace, Name: p.namespace, Type: kind, DisplayName: p.namespace,
		Types: []typeOperations{}, Operations: []operationWire{}}
	for _, name := range p.types {
		out.Types = append(out.Types, typeOperations{name, name, operationsOut(p.namespace, name)})
	}
	return out
}

// asyncWire is an operation that goes on or is over (Resource Manager, asynchronous operations).
type asyncWire struct {
	ID     string     `json:"id"`
	Name   string     `json:"name"`
	Status string     `json:"status"` // InProgress, Succeeded or Failed
	Start  time.Time  `json:"startTime"`
	End    *time.Time `json:"endTime,omitempty"`
	Error  *errorBody `json:"error,omitempty"`
}

func operationOut(subscription resource.ID, o operation) asyncWire {
	return asyncWire{ID: string(subscription) + "/operations/" + o.name, Name: o.name, Start: o.start}
}

// tagsWire is the tags of a scope (Microsoft.Resources, tags, 2021-04-01), in both directions.
type tagsWire struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Type       string    `json:"type"`
	Operation  string    `json:"operation,omitempty"` // of a PATCH
	Properties *tagProps `json:"properties"`
}

type tagProps struct {
	Tags map[string]string `json:"tags"`
}

// tagNameWire is one name among the tags of a subscription, with its values.
type tagNameWire struct {
	ID     string         `json:"id"`
	Name   string         `json:"tagName"`
	Count  tagCount       `json:"count"`
	Values []tagValueWire `json:"values"`
}

type tagValueWire struct {
	ID    string   `json:"id"`
	Value string   `json:"tagValue"`
	Count tagCount `json:"count"`
}

type tagCount struct {
	Type  string `json:"type"`
	Value int    `json:"value"`
}
