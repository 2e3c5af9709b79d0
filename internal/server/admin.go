package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/serve"
)

// The admin socket is no second way into the system. It answers two questions of whoever may open the data directory
// anyway: where are you, and may I have a short-lived token of the local administrator. With that token the caller uses
// the public APIs like anyone else. What is about the files of the data directory and has no API, the change of the master
// key, is asked for here.
//
// The public socket is the way to the APIs by their public names, for the sandboxes of `inborn run`: names that the other
// programs of this machine must not be led to have no port. What comes through it is written by the programs in a sandbox,
// to the last header, so nothing but the public APIs may be behind it.

const (
	adminSocket           = "admin.sock"
	publicSocket          = "public.sock"
	administratorLifetime = 5 * time.Minute
	maxSocketPath         = 100 // bytes; the kernel's limit is 108 on Linux and 104 on others
)

type peerKey struct{}

// listenSocket opens a socket in a data directory that this process has locked, so one that lies there is left over from
// a process that died.
func listenSocket(dir, name string) (net.Listener, error) {
	path := filepath.Join(dir, name)
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("the path of a socket, %s, is longer than %d bytes: choose a shorter --data", path, maxSocketPath)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot replace %s: %w", path, err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("cannot protect %s: %w", path, err)
	}
	return l, nil
}

// adminHandler answers on the admin socket.
func (s *Server) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		s.reply(w, s.Status(), nil)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		token, err := s.AdministratorToken(r.Context(), r.FormValue("resource"))
		s.reply(w, token, err)
	})
	mux.HandleFunc("GET /rekey", func(w http.ResponseWriter, r *http.Request) {
		s.reply(w, s.rekeying.progress(), nil)
	})
	mux.HandleFunc("POST /rekey", func(w http.ResponseWriter, r *http.Request) {
		begun, err := s.rekeying.begin(r.FormValue("master-key"))
		s.reply(w, begun, err)
	})
	return s.ours(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		mux.ServeHTTP(w, r)
	}))
}

// AdministratorToken makes a token of the local administrator for an application of the tenant, for whoever started this
// server or asks at its socket.
func (s *Server) AdministratorToken(ctx context.Context, audience string) (AdminToken, error) {
	text, claims, err := s.minter.administratorToken(ctx, audience)
	if err != nil {
		return AdminToken{}, err
	}
	s.log.Info("administrator token", "audience", claims.Audience, "peer", ctx.Value(peerKey{}))
	return AdminToken{AccessToken: text, ExpiresOn: claims.Expires.Unix()}, nil
}

// ours lets only the user in who runs Inborn, and root.
func (s *Server) ours(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if peer, ok := r.Context().Value(peerKey{}).(int); !ok || (peer != 0 && peer != os.Getuid()) {
			s.reply(w, nil, apierr.New(apierr.PermissionMissing, "Only the user that runs Inborn, and root, may use its sockets."))
			return
		}
		h.ServeHTTP(w, r)
	})
}

func (s *Server) reply(w http.ResponseWriter, value any, err error) {
	if err == nil {
		_ = serve.WriteJSON(w, http.StatusOK, value)
		return
	}
	e := apierr.From(err)
	if e.Kind == apierr.Internal {
		s.log.Error("admin socket", "err", err)
	}
	_ = serve.WriteJSON(w, http.StatusBadRequest, adminError{Message: e.Message, Help: e.Help})
}

// serveSocket runs a socket until ctx ends. The peer's user id is read once per connection.
func serveSocket(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if uid, err := peerUID(c); err == nil {
				ctx = context.WithValue(ctx, peerKey{}, uid)
			}
			return ctx
		},
	}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(l); ctx.Err() == nil {
		return fmt.Errorf("%s: %w", l.Addr(), err)
	}
	return nil
}

// Public is the handler of the running Inborn for the public names, to be served to one launch. The request is passed on
// as it came.
func (a *Admin) Public() http.Handler {
	transport := a.transport(publicSocket)
	transport.MaxIdleConnsPerHost = 64
	transport.DisableCompression = true
	return &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", "public", r.In.Host
		},
		FlushInterval: -1,
		ErrorLog:      slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, apierr.From(a.unreachable(err)).Message, http.StatusBadGateway)
		},
	}
}

// Admin talks to the admin socket of the Inborn that runs on a data directory.
type Admin struct {
	dir    string
	client *http.Client
}

// NewAdmin returns the client for the data directory dir.
func NewAdmin(dir string) *Admin {
	a := &Admin{dir: dir}
	transport := a.transport(adminSocket)
	transport.DisableKeepAlives = true
	a.client = &http.Client{Timeout: time.Minute, Transport: transport}
	return a
}

// transport connects to a socket, whatever the address.
func (a *Admin) transport(socket string) *http.Transport {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "unix", filepath.Join(a.dir, socket))
		if err != nil {
			return nil, err
		}
		if peer, err := peerUID(conn); err != nil || peer != os.Geteuid() && peer != 0 && os.Geteuid() != 0 {
			conn.Close()
			return nil, fs.ErrPermission // a server of somebody else would be told what we apply, and tell us what it likes
		}
		return conn, nil
	}
	return &http.Transport{DialContext: dial}
}

// Status asks where the running Inborn is.
func (a *Admin) Status(ctx context.Context) (Status, error) {
	var status Status
	return status, a.call(ctx, http.MethodGet, "/status", &status)
}

// Token asks for a token of the local administrator for an application of the tenant.
func (a *Admin) Token(ctx context.Context, resource string) (AdminToken, error) {
	var token AdminToken
	return token, a.call(ctx, http.MethodPost, "/token?resource="+url.QueryEscape(resource), &token)
}

// Rekey has the master key changed to the one in file, or to a new one if file is "", and returns at once: Rekeying tells
// how far that is.
func (a *Admin) Rekey(ctx context.Context, file string) (Rekeying, error) {
	var begun Rekeying
	return begun, a.call(ctx, http.MethodPost, "/rekey?master-key="+url.QueryEscape(file), &begun)
}

// Rekeying asks how far the change of the master key is.
func (a *Admin) Rekeying(ctx context.Context) (Rekeying, error) {
	var progress Rekeying
	return progress, a.call(ctx, http.MethodGet, "/rekey", &progress)
}

func (a *Admin) call(ctx context.Context, method, path string, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://admin"+path, nil)
	if err != nil {
		return err
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return a.unreachable(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		var refused adminError
		if json.Unmarshal(body, &refused) != nil || refused.Message == "" {
			return fmt.Errorf("the admin socket in %s answered %s", a.dir, resp.Status)
		}
		return apierr.New(apierr.PermissionMissing, "%s", refused.Message).Helped(refused.Help)
	}
	return json.Unmarshal(body, out)
}

func (a *Admin) unreachable(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return apierr.New(apierr.PermissionMissing, "The Inborn on %s belongs to another user.", a.dir).Because(err)
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED) {
		return apierr.New(apierr.StoreFailed, "The Inborn on %s does not answer: %v.", a.dir, rootCause(err)).Because(err)
	}
	return apierr.New(apierr.StoreFailed, "No Inborn is running on %s.", a.dir).WithHelp("inborn dev --data %s", a.dir).Because(err)
}
