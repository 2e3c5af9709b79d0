// Package seeds runs what the documents print that Inborn was made from: their functions, programs and grant scripts,
// unmodified, in a sandbox of a started Inborn. The documents are known by their numbers, and testdata has a folder for
// each.
//
// A listing is a file of its own and holds the printed statements. A line that the document lost on its way is put back
// and says "restored:". What the host of a function, the person who edits a script or a PowerShell module would do is
// done by the harness folder and by the tests. PowerShell and C# cannot be had here: such a listing is translated
// request by request, and its first lines say so.
//
// The tests start the program that INBORN_BIN names (default ../../bin/inborn, built if it is not there) once, with
// testdata/inborn.yaml. Without a client or without sandboxes they are skipped and say why; with CI=1 or
// REQUIRE_CLIENTS=1 that is a failure.
package seeds
