package nodeapi

import (
	"context"
	"strings"
	"testing"

	"github.com/inborn-id/inborn/internal/guid"
	"github.com/inborn-id/inborn/internal/resource"
)

// BenchmarkMint is the cost of the way to the server and back inside one process, beside which a signature costs some
// 800 µs.
func BenchmarkMint(b *testing.B) {
	h, text := handler(&directory{}), strings.Repeat("x", 1500)
	h.Mint = func(_ context.Context, _ resource.ID, m MintRequest) (Minted, error) {
		return Minted{AccessToken: text, Resource: m.Audience, Stamp: "stamp"}, nil
	}
	client := serve(b, h)
	m := MintRequest{Binding: guid.GUID{1}, Identity: guid.GUID{2}, Audience: "https://vault.azure.net"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Mint(context.Background(), m); err != nil {
			b.Fatal(err)
		}
	}
}
