package serve

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// The time limits of a connection. A request that is slower than its API's Timeout is ended by its context first.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 15 * time.Second // while a body arrives, its request has a place in the Limiter
	writeTimeout      = 2 * time.Minute
	idleTimeout       = 2 * time.Minute
	maxHeader         = 64 << 10 // bytes; a token with many groups is about 8 KiB
	maxConns          = 4096
)

// Server runs one listener.
type Server struct {
	Handler http.Handler
	TLS     *tls.Config   // nil: plain HTTP
	Log     *slog.Logger  // receives what net/http complains about, at debug; nil: nobody does
	Grace   time.Duration // how long requests in work may take to finish when the server stops

	// MaxConns is how many connections are open at a time; 0 is 4096. One more takes the place of the one that has been
	// silent for longest.
	MaxConns int
}

type stopKey struct{}

// Serve answers on l until ctx ends, lets the requests in work finish within Grace and returns nil; any other end is an
// error. It closes l in every case.
func (s Server) Serve(ctx context.Context, l net.Listener) error {
	log := s.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	base := context.WithValue(context.WithoutCancel(ctx), stopKey{}, ctx)
	h := &http.Server{
		Handler:           s.Handler,
		TLSConfig:         s.TLS,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return base },
	}
	within := bound(h, l, cmp.Or(s.MaxConns, maxConns))
	ended := make(chan error, 1)
	go func() {
		if s.TLS != nil {
			ended <- h.ServeTLS(within, "", "")
		} else {
			ended <- h.Serve(within)
		}
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Grace)
	defer cancel()
	if err := h.Shutdown(grace); err != nil {
		_ = h.Close() // whatever is still open has had its time
	}
	<-ended
	return nil
}
