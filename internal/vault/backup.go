package vault

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/inborn-id/inborn/internal/apierr"
)

// Backup is what the backup of an object holds, before it is encrypted: one part for a secret or a key; for a certificate
// one for itself, then those for the key and the secret that belong to it.
type Backup struct{ Parts []BackupPart }

// BackupPart is an object with all its versions, the oldest first.
type BackupPart struct {
	Object   Object
	Versions []BackupVersion
}

// BackupVersion is a version with its half in the clear; nil where it has none.
type BackupVersion struct {
	Version Version
	Half    []byte
}

// The form of an encoded backup: a line that says what it is and how it is written, and JSON.
const (
	backupHead        = "inborn vault backup 1\n"
	maxBackup         = 32 << 20
	maxBackupVersions = 500 // of one object (service limit)
)

// Encode returns b in one piece, without pending operations. Encrypt it before it goes anywhere. An object of more than 500
// versions is refused, as the service does.
func (b *Backup) Encode() ([]byte, error) {
	parts := slices.Clone(b.Parts)
	for i := range parts {
		if n := len(parts[i].Versions); n > maxBackupVersions {
			return nil, apierr.New(apierr.LimitExceeded, "The object has %d versions; a backup holds at most %d.", n, maxBackupVersions).At(parts[i].Object.Name)
		}
		parts[i].Object.Pending = nil
	}
	body, err := json.Marshal(Backup{parts})
	if err != nil {
		return nil, fmt.Errorf("encoding a backup: %w", err)
	}
	return append([]byte(backupHead), body...), nil
}

// DecodeBackup reads what Encode returned, and nothing that differs in anything: it is put into a vault as it is.
func DecodeBackup(data []byte) (*Backup, error) {
	body, ok := bytes.CutPrefix(data, []byte(backupHead))
	if !ok || len(data) > maxBackup {
		return nil, errBackup("it was not made by this version of Inborn")
	}
	var b Backup
	strict := json.NewDecoder(bytes.NewReader(body))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&b); err != nil {
		return nil, errBackup("it cannot be read").Because(err)
	}
	if again, err := b.Encode(); err != nil || !bytes.Equal(again, data) {
		return nil, errBackup("it is not written as backups are")
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	return &b, nil
}

func errBackup(why string) *apierr.Error {
	return apierr.New(apierr.PropertyInvalid, "The backup cannot be restored: %s.", why).At("value")
}

// check refuses parts that do not belong together, and versions that do not belong to their object.
func (b *Backup) check() error {
	if len(b.Parts) == 0 {
		return errBackup("it is empty")
	}
	first := &b.Parts[0].Object
	kinds := []Kind{first.Kind}
	if first.Kind == Certificates {
		kinds = []Kind{Certificates, Keys, Secrets}
	}
	if len(b.Parts) != len(kinds) {
		return errBackup("a part of it is missing or too many")
	}
	for i := range b.Parts {
		o := &b.Parts[i].Object
		if o.Kind != kinds[i] || NameKey(o.Name) != NameKey(first.Name) || o.Vault != first.Vault || o.Managed != (i > 0) || o.IsDeleted() {
			return errBackup("its parts do not belong together")
		}
		if err := b.Parts[i].check(); err != nil {
			return err
		}
	}
	return nil
}

func (p *BackupPart) check() error {
	o := &p.Object
	if o.Kind != Secrets && o.Kind != Keys && o.Kind != Certificates || CheckName(o.Kind, o.Name) != nil {
		return errBackup("its name or kind is none of a vault")
	}
	seen := map[string]bool{}
	for i := range p.Versions {
		v := &p.Versions[i].Version
		if v.Kind != o.Kind || v.Name != o.Name || v.Vault != o.Vault || v.Managed != o.Managed || !CheckVersion(v.ID) || seen[v.ID] {
			return errBackup("a version of it does not belong to its object")
		}
		seen[v.ID] = true
		if err := p.Versions[i].check(); err != nil {
			return err
		}
	}
	if !seen[o.Current] {
		return errBackup("its newest version is missing")
	}
	return nil
}

// check refuses a version whose half is not its own.
func (v *BackupVersion) check() error {
	switch {
	case v.Version.Attributes.Check() != nil || CheckTags(v.Version.Tags) != nil:
		return errBackup("a version of it has attributes or tags that no version can have")
	case v.Version.Kind == Keys:
		key, err := ParseKey(v.Half)
		if err != nil || v.Version.Key == nil || !key.public.Same(v.Version.Key) {
			return errBackup("a private key in it is not that of its version")
		}
	case v.Version.Kind == Secrets && !v.Version.Managed && len(v.Half) > MaxSecret:
		return errBackup("a value in it is longer than 25 KiB")
	}
	return nil
}
