package sandbox

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"
	"unicode/utf16"
)

// javaPaths is where Debian and Fedora keep the authorities that every Java runtime of theirs trusts.
var javaPaths = [...]string{"/etc/ssl/certs/java/cacerts", "/etc/pki/java/cacerts"}

// The form of a Java key store of the old type JKS, which every runtime still reads.
const (
	jksMagic       = 0xFEEDFEED
	jksVersion     = 2
	jksCertificate = 2 // the tag of a trusted certificate
	jksHeader      = 12
	jksDigest      = sha1.Size
	jksWhitener    = "Mighty Aphrodite" // goes into the digest after the password
	javaPassword   = "changeit"         // that of all stores of authorities; it keeps nothing secret
)

// javaStores returns the Java stores of the machine with the authority in them. A store of type JKS is kept and gets one
// more entry; one of another type becomes the bundle.
func javaStores(env []string, root fs.FS, authority *x509.Certificate, bundle []byte) (files []File) {
	names := javaPaths[:]
	if home, ok := lookup(env, "JAVA_HOME"); ok && path.IsAbs(home) {
		names = slices.Concat(names, []string{path.Join(home, "lib/security/cacerts"), path.Join(home, "jre/lib/security/cacerts")})
	}
	for _, name := range names {
		store, err := readFile(root, name)
		if err != nil {
			continue
		}
		if isJKS(store) {
			store = extendStore(store, authority)
		} else {
			store = makeStore(bundle, authority.NotBefore)
		}
		files = append(files, File{Path: name, Content: store})
	}
	return files
}

func isJKS(store []byte) bool {
	return len(store) >= jksHeader+jksDigest && binary.BigEndian.Uint32(store) == jksMagic && binary.BigEndian.Uint32(store[4:]) == jksVersion
}

// extendStore returns a store with one more certificate.
func extendStore(store []byte, certificate *x509.Certificate) []byte {
	body := slices.Clone(store[:len(store)-jksDigest])
	binary.BigEndian.PutUint32(body[8:], binary.BigEndian.Uint32(body[8:])+1)
	return seal(appendEntry(body, storeAlias(certificate.Raw), certificate.NotBefore, certificate.Raw))
}

// makeStore returns a store of all certificates of a bundle.
func makeStore(bundle []byte, made time.Time) []byte {
	body := binary.BigEndian.AppendUint32(nil, jksMagic)
	body = binary.BigEndian.AppendUint32(body, jksVersion)
	body = binary.BigEndian.AppendUint32(body, 0)
	count, seen := uint32(0), map[string]bool{}
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		if alias := storeAlias(block.Bytes); block.Type == "CERTIFICATE" && !seen[alias] {
			body = appendEntry(body, alias, made, block.Bytes)
			count, seen[alias] = count+1, true
		}
	}
	binary.BigEndian.PutUint32(body[8:], count)
	return seal(body)
}

// storeAlias names a certificate after its content: two entries of one name would hide one another.
func storeAlias(der []byte) string { return fmt.Sprintf("inborn-%x", sha1.Sum(der)) }

func appendEntry(body []byte, alias string, made time.Time, der []byte) []byte {
	text := func(s string) {
		body = binary.BigEndian.AppendUint16(body, uint16(len(s)))
		body = append(body, s...)
	}
	body = binary.BigEndian.AppendUint32(body, jksCertificate)
	text(alias)
	body = binary.BigEndian.AppendUint64(body, uint64(made.UnixMilli()))
	text("X.509")
	body = binary.BigEndian.AppendUint32(body, uint32(len(der)))
	return append(body, der...)
}

// seal appends the digest that a runtime checks when it knows the password.
func seal(body []byte) []byte {
	digest := sha1.New()
	for _, unit := range utf16.Encode([]rune(javaPassword)) {
		digest.Write([]byte{byte(unit >> 8), byte(unit)})
	}
	digest.Write([]byte(jksWhitener))
	digest.Write(body)
	return digest.Sum(body)
}
