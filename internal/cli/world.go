package cli

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/inborn-id/inborn/internal/agent"
	"github.com/inborn-id/inborn/internal/apierr"
	"github.com/inborn-id/inborn/internal/manifest"
	"github.com/inborn-id/inborn/internal/sandbox"
	"github.com/inborn-id/inborn/internal/server"
)

// world is the Inborn that a command of `run` is in: its own, or one that runs already.
type world struct {
	public   http.Handler // the public names
	metadata http.Handler // IMDS and App Service, for the launch only
	launch   place
	settings map[string]string // variables of the resource
	hide     []string          // directories that the command must not see
	close    func() error
}

// privateWorld starts an Inborn for one command. It is in memory and ends with this process, however that ends.
func (sh *shell) privateWorld(ctx context.Context, f runFlags, log *slog.Logger) (*world, error) {
	m, err := readManifest(f.file)
	if err != nil {
		return nil, err
	}
	values, err := readValues(m, f.file)
	if err != nil {
		return nil, err
	}
	as, err := resourceToRun(f.as, m)
	if err != nil {
		return nil, err
	}
	secret, err := newSecret()
	if err != nil {
		return nil, err
	}
	s, err := server.New(ctx, server.Config{Manifest: m, Values: values, DefaultResource: as, Launch: secret, Listen: "127.0.0.1:0",
		PublicNames: sandbox.Sites(), Version: version, Log: log})
	if apierr.Is(err, apierr.ResourceNotFound) {
		return nil, usage("%s declares no resource %q. It declares: %s.", f.file, as, strings.Join(resourceNames(m), ", "))
	}
	if err != nil {
		return nil, placed(err, f.file)
	}
	l, err := server.Listen("127.0.0.1:0", "--mode sandbox")
	if err != nil {
		s.Close()
		return nil, err
	}
	endpoint := "http://" + l.Addr().String()
	s.Announce(endpoint)
	node := agent.New(agent.Config{Server: s.Nodes(), Now: time.Now, Random: rand.Reader, Log: log})
	certificate, file, err := sandbox.MemoryFile("inborn-ca.pem", s.Certificate())
	if err != nil {
		s.Close()
		return nil, errors.Join(err, l.Close())
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan error, 1)
	go func() { served <- serveBoth(serving, s, node, l) }()
	status := s.Status()
	w := &world{
		public:   s.Public(),
		metadata: asLaunch(node.Handler(), secret),
		launch: place{resource: string(s.Resource()), header: secret, endpoint: endpoint + appServicePath,
			origin: status.Origin, tenant: status.Tenant, certificateFile: certificate},
		close: func() error { stop(); defer file.Close(); return <-served },
	}
	if w.settings, err = sh.privateSettings(ctx, s, m); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// privateSettings returns the variables of the resource of a private Inborn, which are those that its manifest declares.
func (sh *shell) privateSettings(ctx context.Context, s *server.Server, m *manifest.Manifest) (map[string]string, error) {
	if !slices.ContainsFunc(m.Resources, func(r manifest.Resource) bool {
		return len(r.Settings) > 0 && strings.EqualFold(r.Name, s.Resource().Name())
	}) {
		return nil, nil // and nothing is asked for, as a start is to be quick
	}
	c, err := newClient(s.Status(), s.Certificate(), s.AdministratorToken)
	if err != nil {
		return nil, err
	}
	defer c.http.CloseIdleConnections()
	return sh.settings(ctx, c, string(s.Resource()))
}

// resourceToRun is the resource that the flag names, or the only one of the manifest.
func resourceToRun(as string, m *manifest.Manifest) (string, error) {
	switch {
	case as != "":
		return as, nil
	case len(m.Resources) == 1:
		return m.Resources[0].Name, nil
	case len(m.Resources) == 0:
		return "", usage("The manifest declares no resource for the command to run as.")
	}
	return "", usage("Say with --as which of the resources of the manifest the command is: %s.", strings.Join(resourceNames(m), ", "))
}

func resourceNames(m *manifest.Manifest) []string {
	var names []string
	for _, r := range m.Resources {
		names = append(names, r.Name)
	}
	return names
}

// joinedWorld makes a launch at the Inborn that runs on the data directory.
func (sh *shell) joinedWorld(ctx context.Context, f runFlags) (*world, error) {
	if f.as == "" {
		return nil, usage("Say with --as which resource the command shall be, or with --file what a private Inborn is made of.")
	}
	client, err := sh.connect(ctx)
	if apierr.Is(err, apierr.StoreFailed) && !f.dataGiven {
		e := *apierr.From(err)
		e.Message += " Start one, or name a manifest with --file: then the command has an Inborn of its own."
		return nil, &e
	}
	if err != nil {
		return nil, err
	}
	endpoint, err := url.Parse(client.status.IdentityEndpoint)
	if err != nil {
		return nil, err
	}
	l, err := client.launch(ctx, f.as, runLife)
	if err != nil {
		return nil, err
	}
	settings, err := sh.settings(ctx, client, l.resource.ID)
	if err != nil {
		return nil, errors.Join(err, l.end(context.WithoutCancel(ctx)))
	}
	return &world{
		settings: settings,
		public:   client.admin.Public(),
		metadata: asLaunch(relay(endpoint), l.header),
		launch:   l.place(),
		hide:     []string{client.data},
		close:    sh.keepLaunch(context.WithoutCancel(ctx), l),
	}, nil
}

// newSecret makes what only the processes of a launch know.
func newSecret() (string, error) {
	secret := make([]byte, 32)
	_, err := rand.Read(secret)
	return base64.RawURLEncoding.EncodeToString(secret), err
}

// asLaunch answers at the literal metadata address, where processes ask that know no secret: the connection says which
// launch it is. What they send is theirs to the last header. Connection goes, because it could take the secret out again
// on its way through a relay.
func asLaunch(h http.Handler, secret string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Connection")
		r.Header.Set(agent.LaunchHeader, secret)
		h.ServeHTTP(w, r)
	})
}

// relay passes requests on to an identity endpoint as they came: it has to see what tells a forwarded request.
func relay(endpoint *url.URL) http.Handler {
	return &httputil.ReverseProxy{
		Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = endpoint.Scheme, endpoint.Host, r.In.Host
			for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
				if values, sent := r.In.Header[name]; sent {
					r.Out.Header[name] = values
				}
			}
		},
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
}
