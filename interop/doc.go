// Package interop runs stock clients, unmodified, against a started inborn program: the Azure Identity libraries of Go,
// Node and Python, Debian's az, curl as printed in articles, and strict readers of tokens and discovery documents (jose,
// go-oidc, oauth4webapi). It is a module of its own and imports nothing of Inborn, so that only what comes over the wire counts.
//
// The tests start the program that INBORN_BIN names (default ../bin/inborn, built if it is not there) once, with
// testdata/inborn.yaml. A client that cannot be had skips its tests and says why; with CI=1 or REQUIRE_CLIENTS=1 that is
// a failure.
package interop
