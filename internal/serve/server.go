package serve

import (
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
	readTimeout       = time.Minute
	writeTimeout      = 2 * time.Minute
	idleTimeout       = 2 * time.Minute
	maxHeader         = 64 << 10 // bytes; a token with many groups is about 8 KiB
)

// Server runs one listener.
type Server struct {
	Handler http.Handler
	TLS     *tls.Config   // nil: plain HTTP
	Log     *slog.Logger  // receives what net/http complains about, at debug; nil: nobody does
	Grace   time.Duration // how long requests in work may take to finish when the server stops
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
	ended := make(chan error, 1)
	go func() {
		if s.TLS != nil {
			ended <- h.ServeTLS(l, "", "")
		} else {
			ended <- h.Serve(l)
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
