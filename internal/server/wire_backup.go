package server

import "time"

// BackupInfo is what a backup holds.
type BackupInfo struct {
	File       string          `json:"file"`
	Made       time.Time       `json:"made"`
	Bytes      int64           `json:"bytes"`
	Epoch      int64           `json:"epoch"`
	Position   int64           `json:"position"` // the newest change in it
	Tenants    []string        `json:"tenants"`
	Objects    int             `json:"objects"`
	Events     int             `json:"events"` // of the audit log
	Secrets    int             `json:"secrets"`
	MasterKeys []BackupKeyInfo `json:"masterKeys"` // that the secrets are encrypted with: one, or two during a change
	Opened     int             `json:"opened"`     // secrets that were opened to check them
}

// BackupKeyInfo is a master key that a backup needs.
type BackupKeyInfo struct {
	ID      string `json:"id"`
	Secrets int    `json:"secrets"`
}

// RestoredInfo is what a restore did.
type RestoredInfo struct {
	Backup   BackupInfo `json:"backup"`
	DataDir  string     `json:"dataDir"`
	Epoch    int64      `json:"epoch"`
	Position int64      `json:"position"`
	Aside    string     `json:"aside,omitempty"` // where the database went that was there before
	Missing  []string   `json:"missing"`         // ids of the master keys that the data needs and that are not in the directory
	Present  string     `json:"present,omitempty"`
}
