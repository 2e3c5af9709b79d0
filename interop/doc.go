// Package interop runs stock clients, unmodified, against a started inborn program: the Azure Identity libraries of Go,
// Node and Python, the clients of Resource Manager and Key Vault of Go and Node, the Graph client of Node, Debian's az and
// MSAL, curl as printed in articles, and strict readers of tokens and discovery documents (jose, go-oidc, oauth4webapi). It
// is a module of its own and imports nothing of Inborn, so that only what comes over the wire counts.
//
// The tests start the program that INBORN_BIN names (default ../bin/inborn, built if it is not there) once, with
// testdata/inborn.yaml. Those of `inborn run` (sandbox_*, proxy_mode_test.go) start it for each client, mostly with an
// Inborn of testdata/sandbox.yaml that lives as long as the client does; of Go, this program itself is the client. They
// run as this user, and where that is root also as one who may nothing.
//
// A client that cannot be had skips its tests and says why; with CI=1 or REQUIRE_CLIENTS=1 that is a failure. With
// SOAK=1 what is random is tried more often, and OpenTofu is built and run.
package interop
