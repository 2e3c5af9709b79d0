package arm

import "github.com/inborn-id/inborn/internal/resource"

// lockWire is a lock (Microsoft.Authorization, locks, 2020-05-01), both ways.
type lockWire struct {
	ID         resource.ID `json:"id"`
	Name       string      `json:"name"`
	Type       string      `json:"type"`
	Properties lockProps   `json:"properties"`
}

type lockProps struct {
	Level string `json:"level"` // CanNotDelete or ReadOnly
	Notes string `json:"notes,omitempty"`
}

func lockOut(l *resource.Lock) lockWire {
	return lockWire{ID: l.ID(), Name: l.Name, Type: resource.TypeLock, Properties: lockProps{l.Level(), l.Notes}}
}
