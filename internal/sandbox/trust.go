package sandbox

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// bundlePaths is where the systems keep the authorities that all programs trust: Debian and its like, Fedora, the target
// of Fedora's links, openSUSE, Alpine.
var bundlePaths = [...]string{
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem",
}

// bundleVariables name the file with the authorities that one runtime trusts: OpenSSL and Go, curl, git, requests, pip,
// Node (beside its own), AWS. The value of the caller beats the system bundle, so all of them are set.
var bundleVariables = [...]string{
	"SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS", "AWS_CA_BUNDLE",
}

// rarerVariables are of the same kind, for tools that few have. They are set again where the caller has set them.
var rarerVariables = [...]string{
	"NIX_SSL_CERT_FILE", "CARGO_HTTP_CAINFO", "HTTPLIB2_CA_CERTS", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "DENO_CERT",
	"NPM_CONFIG_CAFILE", "npm_config_cafile", "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
}

// emptyPlaces are directories that a system has by standard (FHS) and that are empty on most, above all in containers.
var emptyPlaces = [...]string{"/etc/ssl/certs", "/media", "/mnt", "/opt", "/srv"}

// Trust is what the clients of a launch need in order to trust its authority beside everything they trusted before.
type Trust struct {
	// Bundle is PEM: the system's authorities, those of the caller's variables, and at its end that of the launch.
	Bundle []byte

	bundles []string // the system bundles of this machine
	place   string   // where there is none: an empty directory for one, or ""
	stores  []File   // the Java stores of this machine, with the authority of the launch
}

// NewTrust adds an authority's certificate, ca in PEM, to what is trusted on the machine whose files are under root
// (os.DirFS("/")) by a caller with the environment env. Bundles that cannot be read are left out: their clients could
// not read them, either.
func NewTrust(ca []byte, env []string, root fs.FS) (*Trust, error) {
	block, _ := pem.Decode(ca)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("the authority's certificate is not in PEM")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	t := &Trust{}
	t.collect(env, root)
	t.Bundle = append(endLine(t.Bundle), pem.EncodeToMemory(block)...)
	if len(t.bundles) == 0 {
		t.place = emptyPlace(root)
	}
	t.stores = javaStores(env, root, certificate, t.Bundle)
	return t, nil
}

// collect puts the bundles of the system and of the caller's variables into one. Most of them are the same file. The
// first of the system is taken as it is, which saves the time to read 150 certificates.
func (t *Trust) collect(env []string, root fs.FS) {
	var seen [][]byte
	add := func(name string) bool {
		text, err := readFile(root, name)
		if err != nil || slices.ContainsFunc(seen, func(s []byte) bool { return bytes.Equal(s, text) }) {
			return err == nil
		}
		seen = append(seen, text)
		if len(t.bundles) > 0 || !slices.Contains(bundlePaths[:], name) {
			text = newCertificates(text, t.Bundle)
		}
		t.Bundle = append(endLine(t.Bundle), text...)
		return true
	}
	for _, name := range bundlePaths {
		if add(name) {
			t.bundles = append(t.bundles, name)
		}
	}
	named := slices.Clone(t.bundles)
	for _, variable := range slices.Concat(bundleVariables[:], rarerVariables[:]) {
		if name, ok := lookup(env, variable); ok && name != "" && !slices.Contains(named, name) {
			named = append(named, name)
			add(name)
		}
	}
}

// Mounts returns what a sandbox has to mount: files over those of the machine, and directories that must be hidden for a
// file to have its place in them. A machine without any bundle, such as a container of Node, gets one in a directory
// that is empty there.
func (t *Trust) Mounts() (files []File, hide []string) {
	for _, name := range t.bundles {
		files = append(files, File{Path: name, Content: t.Bundle})
	}
	if t.place != "" {
		files, hide = append(files, File{Path: t.Path(), Content: t.Bundle}), append(hide, t.place)
	}
	return append(files, t.stores...), hide
}

// Path is where Mounts puts the bundle; "" if the machine has neither a bundle nor an empty directory. Then only the
// authority's own file can help, as in proxy mode.
func (t *Trust) Path() string {
	switch {
	case len(t.bundles) > 0:
		return t.bundles[0]
	case t.place != "":
		return path.Join(t.place, path.Base(bundlePaths[0]))
	}
	return ""
}

// Environment returns env with the variables of all runtimes leading to the bundle at that path: Path in a sandbox, a
// file with Bundle in it elsewhere; no path, no change. SSL_CERT_DIR stays, because it adds to the file and replaces
// nothing.
func (t *Trust) Environment(bundle string, env []string) []string {
	if bundle == "" {
		return env
	}
	set := bundleVariables[:]
	for _, variable := range rarerVariables {
		if _, ok := lookup(env, variable); ok {
			set = append(slices.Clone(set), variable)
		}
	}
	env = without(env, func(name string) bool { return slices.Contains(set, name) })
	for _, variable := range set {
		env = append(env, variable+"="+bundle)
	}
	return env
}

// newCertificates returns the certificates of a PEM file that are not yet in the bundle, and nothing else of it: a
// caller's file may hold a key.
func newCertificates(text, bundle []byte) (found []byte) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		one := pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})
		if block.Type == "CERTIFICATE" && !bytes.Contains(bundle, one) && !bytes.Contains(found, one) {
			found = append(found, one...)
		}
	}
	return found
}

// emptyPlace returns a directory in which a file may be shown without anything being hidden. The working directory would
// do, but the command is to work there.
func emptyPlace(root fs.FS) string {
	here, _ := os.Stat(".")
	for _, dir := range emptyPlaces {
		entries, err := fs.ReadDir(root, dir[1:])
		if info, err2 := fs.Stat(root, dir[1:]); err == nil && err2 == nil && len(entries) == 0 && !os.SameFile(info, here) {
			return dir
		}
	}
	return ""
}

// readFile reads a file that is named as the operating system does.
func readFile(root fs.FS, name string) ([]byte, error) {
	name, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	return fs.ReadFile(root, strings.TrimPrefix(filepath.ToSlash(name), "/"))
}

// endLine ends the last line of text, so that more can follow.
func endLine(text []byte) []byte {
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(text, '\n')
	}
	return text
}
