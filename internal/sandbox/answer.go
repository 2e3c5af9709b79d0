package sandbox

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inborn-id/inborn/internal/serve"
)

// NewAuthority makes the certificate authority of one launch: for Domains, with its key in memory only.
func NewAuthority(now func() time.Time, random io.Reader) (*serve.Authority, error) {
	return serve.NewAuthority(serve.Naming{Domains: Domains(), Listed: Owns}, now, random)
}

// Answers is what a sandbox finds at the addresses that are Inborn's.
type Answers struct {
	Public    http.Handler     // the names of Sites, and localhost
	Authority *serve.Authority // makes their certificates
	Metadata  http.Handler
	Log       *slog.Logger
}

// answerGrace is how long requests in work may take when the command has ended: nobody waits for them.
const answerGrace = 100 * time.Millisecond

// Answer serves the listeners of the sandbox until ctx ends.
func (s *Sandbox) Answer(ctx context.Context, a Answers) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return serve.Server{Handler: a.Metadata, Log: a.Log, Grace: answerGrace}.Serve(ctx, s.Metadata())
	})
	for _, l := range s.Public() {
		group.Go(func() error {
			return serve.Server{Handler: a.Public, TLS: a.Authority.TLSConfig(), Log: a.Log, Grace: answerGrace}.Serve(ctx, l)
		})
	}
	return group.Wait()
}
