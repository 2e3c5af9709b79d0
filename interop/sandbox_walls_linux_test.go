package interop

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Two sandboxes at the same time are two worlds. Here one of them, the holder, has an identity, listens where it can and
// keeps its secrets in its environment. From the other one everything is tried with which the holder's identity could be
// had, knowing all there is to know of it. Each kind of attempt is also made where it must succeed, so that none fails for
// another reason.

// localClients are the clients that only Linux has.
func localClients() map[string]func([]string) error {
	return map[string]func([]string) error{"hold": hold, "probe": answerProbes, "seccomp": forbidNamespaces}
}

const (
	markVariable  = "INBORN_INTEROP_MARK"
	dialWithin    = 2 * time.Second
	metadataToken = "http://" + imdsAddress + "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=" + graph
)

// held is what a holder says of itself.
type held struct {
	Header string   `json:"header"` // of App Service
	Token  string   `json:"token"`
	Ports  []string `json:"ports"`
	Socket string   `json:"socket"` // abstract
}

// hold listens, says what there is to know and waits for the end of its input.
func hold([]string) error {
	h := held{Header: os.Getenv("IDENTITY_HEADER"), Socket: "@" + os.Getenv(markVariable)}
	req, err := http.NewRequest(http.MethodGet, metadataToken, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Metadata", "true")
	_, body, err := send(req)
	if err != nil {
		return err
	}
	h.Token = tokenIn(body)
	for _, at := range []string{"127.0.0.1", "[::1]", imdsAddress} {
		l, err := net.Listen("tcp", at+":0")
		if err != nil {
			return err
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		h.Ports = append(h.Ports, port)
	}
	l, err := net.Listen("unix", h.Socket)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := json.NewEncoder(os.Stdout).Encode(h); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// hold starts a holder and returns what it says. It ends with the test.
func (b box) hold(t *testing.T, mark string) (h held, pid int) {
	t.Helper()
	b.env = append(b.env, markVariable+"="+mark)
	c := b.command(t, shared.self, clientArgument, "hold")
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := c.Wait(); err != nil {
			t.Errorf("the holder: %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil || json.Unmarshal(line, &h) != nil || h.Token == "" {
		t.Fatalf("the holder said %q: %v", line, err)
	}
	return h, c.Process.Pid
}

// probe is one attempt. Exactly one of its members says of what kind; $NAME in a header is a variable inside.
type probe struct {
	Dial      string            `json:"dial,omitempty"`      // network and address
	URL       string            `json:"url,omitempty"`       // is sent as it is written
	Method    string            `json:"method,omitempty"`    // of the request; "" is GET
	Header    map[string]string `json:"header,omitempty"`    // of the request; with Host
	Processes string            `json:"processes,omitempty"` // what to look for in all there is to read of processes
	List      string            `json:"list,omitempty"`      // a directory
}

// seen is what an attempt brought to light; "" is nothing.
type seen struct {
	Text   string `json:"text"`
	Status int    `json:"status"` // of a request; 0: there was no answer
}

func answerProbes([]string) error {
	var probes []probe
	if err := json.NewDecoder(os.Stdin).Decode(&probes); err != nil {
		return err
	}
	all := []seen{}
	for _, p := range probes {
		all = append(all, p.answer())
	}
	return json.NewEncoder(os.Stdout).Encode(all)
}

func (p probe) answer() seen {
	switch {
	case p.Dial != "":
		network, address, _ := strings.Cut(p.Dial, " ")
		conn, err := net.DialTimeout(network, address, dialWithin)
		if err != nil {
			return seen{}
		}
		conn.Close()
		return seen{Text: "connected"}
	case p.URL != "":
		return p.request()
	case p.List != "":
		entries, _ := filepath.Glob(p.List + "/*")
		return seen{Text: strings.Join(entries, " ")}
	default:
		return seen{Text: findInProcesses(p.Processes)}
	}
}

func (p probe) request() seen {
	req, err := http.NewRequest(p.Method, p.URL, nil)
	if err != nil {
		return seen{Text: err.Error()}
	}
	for name, value := range p.Header {
		req.Header.Set(name, os.ExpandEnv(value))
		if name == "Host" {
			req.Host = value
		}
	}
	status, body, err := send(req)
	if err != nil {
		return seen{Text: err.Error()}
	}
	return seen{Text: body, Status: status}
}

func send(req *http.Request) (int, string, error) {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// findInProcesses names the files of /proc that hold a text.
func findInProcesses(text string) string {
	var found []string
	for _, what := range []string{"environ", "cmdline"} {
		names, _ := filepath.Glob("/proc/[0-9]*/" + what)
		for _, name := range names {
			if content, err := os.ReadFile(name); err == nil && strings.Contains(string(content), text) {
				found = append(found, name)
			}
		}
	}
	return strings.Join(found, " ")
}

func tokenIn(body string) string {
	var got struct {
		Token string `json:"access_token"`
	}
	_ = json.Unmarshal([]byte(body), &got)
	return got.Token
}

// attempt is a probe and what has to come of it.
type attempt struct {
	name string
	probe
	answer   string // what shows that a request succeeded; "": a token
	succeeds bool   // something is seen; for a token: that is not the holder's
	either   bool   // it may be answered or refused
}

// attack makes all attempts in one run and judges them; victims are identities of which no token may be seen.
func (b box) attack(t *testing.T, mark string, victims []identity, attempts []attempt) {
	t.Helper()
	var probes []probe
	for _, a := range attempts {
		probes = append(probes, a.probe)
	}
	var all []seen
	b.env = append(b.env, markVariable+"="+mark)
	b.runJSON(t, probes, []string{shared.self, clientArgument, "probe"}, &all)
	for i, a := range attempts {
		a.judge(t, all[i], victims)
	}
}

// judge says what it saw without a token: they do not belong into logs.
func (a attempt) judge(t *testing.T, got seen, victims []identity) {
	t.Helper()
	success, what := got.Text != "", got.Text
	switch {
	case a.answer != "":
		if success = strings.Contains(got.Text, a.answer); success {
			what = "an answer with " + a.answer
		}
	case a.URL != "":
		token := tokenIn(got.Text)
		if success = token != ""; success {
			c := readToken(t, token)
			what = "a token of " + c.Mirid
			if slices.ContainsFunc(victims, func(v identity) bool { return v.ObjectID == c.Object }) {
				t.Errorf("%s: got %s", a.name, what)
				return
			}
		}
	}
	if success != a.succeeds && !a.either {
		t.Errorf("%s: success is %v, want %v: %d %.200s", a.name, success, a.succeeds, got.Status, what)
	}
}

const own = "$IDENTITY_HEADER"

// headers are attempts with the holder's secret at the endpoints of the attacker.
func headers(h held) []attempt {
	newer := "http://" + imdsAddress + "%s?api-version=2019-08-01&resource=" + graph
	older := "http://" + imdsAddress + "%s?api-version=2017-09-01&resource=" + graph
	attempts := []attempt{
		{name: "the metadata service", probe: probe{URL: metadataToken, Header: map[string]string{"Metadata": "true"}}, succeeds: true},
		{name: "the own header", probe: probe{URL: fmt.Sprintf(newer, "/msi/token"), Header: map[string]string{"X-Identity-Header": own}}, succeeds: true},
		{name: "the own header in the form of 2017", probe: probe{URL: fmt.Sprintf(older, "/msi/token"), Header: map[string]string{"secret": own}}, succeeds: true},
	}
	// A connection header names headers that a proxy has to take away: no proxy may lose who is asking.
	for _, lost := range []string{"X-Identity-Header", "close, x-identity-header", "Secret", "Metadata"} {
		attempts = append(attempts, attempt{name: "the metadata service, Connection: " + lost, either: true,
			probe: probe{URL: metadataToken, Header: map[string]string{"Metadata": "true", "Connection": lost}}})
	}
	if h.Header == "" {
		return attempts
	}
	for _, path := range []string{"/msi/token", "/msi/token/", "//msi/token", "/msi//token", "/MSI/Token", "/%6dsi/token"} {
		attempts = append(attempts,
			attempt{name: "no header at " + path, probe: probe{URL: fmt.Sprintf(newer, path)}},
			attempt{name: "the other's header at " + path, probe: probe{URL: fmt.Sprintf(newer, path), Header: map[string]string{"X-Identity-Header": h.Header}}},
			attempt{name: "the other's header in the form of 2017 at " + path, probe: probe{URL: fmt.Sprintf(older, path), Header: map[string]string{"secret": h.Header}}},
			attempt{name: "the other's header, the own one as secret, at " + path,
				probe: probe{URL: fmt.Sprintf(newer, path), Header: map[string]string{"X-Identity-Header": h.Header, "secret": own}}},
			attempt{name: "the own header and the other's as secret at " + path, either: true,
				probe: probe{URL: fmt.Sprintf(newer, path), Header: map[string]string{"X-Identity-Header": own, "secret": h.Header}}})
	}
	return append(attempts, attempt{name: "the other's header at the metadata service", either: true,
		probe: probe{URL: metadataToken, Header: map[string]string{"Metadata": "true", "X-Identity-Header": h.Header, "secret": h.Header}}})
}

// selectors are attempts to name an identity of the holder.
func selectors(victims []identity) (attempts []attempt) {
	for _, v := range victims {
		for name, value := range map[string]string{"client_id": v.ClientID, "object_id": v.ObjectID, "principal_id": v.ObjectID,
			"msi_res_id": v.ResourceID, "mi_res_id": v.ResourceID} {
			choice := "&" + name + "=" + url.QueryEscape(value)
			attempts = append(attempts,
				attempt{name: "metadata service" + choice, probe: probe{URL: metadataToken + choice, Header: map[string]string{"Metadata": "true"}}},
				attempt{name: "App Service" + choice, probe: probe{Header: map[string]string{"X-Identity-Header": own},
					URL: "http://" + imdsAddress + "/msi/token?api-version=2019-08-01&resource=" + graph + choice}})
		}
		attempts = append(attempts, attempt{name: "App Service of 2017, " + v.Name, probe: probe{Header: map[string]string{"secret": own},
			URL: "http://" + imdsAddress + "/msi/token?api-version=2017-09-01&resource=" + graph + "&clientid=" + v.ClientID}})
	}
	return attempts
}

// addresses are attempts to reach ports, each at every address that this machine has.
func addresses(t *testing.T, ports ...string) (attempts []attempt) {
	t.Helper()
	hosts := []string{"127.0.0.1", "::1", "localhost", "0.0.0.0", "127.0.0.2", imdsAddress}
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range all {
		if ip, _, err := net.ParseCIDR(address.String()); err == nil && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() {
			hosts = append(hosts, ip.String())
		}
	}
	for _, port := range ports {
		for _, host := range hosts {
			address := net.JoinHostPort(host, port)
			attempts = append(attempts, attempt{name: "port at " + address, probe: probe{Dial: "tcp " + address}},
				attempt{name: "metadata service at " + address, probe: probe{Header: map[string]string{"Metadata": "true"},
					URL: "http://" + address + "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=" + graph}})
		}
	}
	return attempts
}

// listening returns the ports on which a process of this machine listens.
func listening(t *testing.T, pid int) (ports []string) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	descriptors, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 10 || fields[3] != "0A" {
			continue
		}
		for _, d := range descriptors {
			if to, _ := os.Readlink(d); to == "socket:["+fields[9]+"]" {
				_, port, _ := strings.Cut(fields[1], ":")
				n, err := strconv.ParseUint(port, 16, 16)
				if err != nil {
					t.Fatal(err)
				}
				ports = append(ports, strconv.FormatUint(n, 10))
			}
		}
	}
	if len(ports) == 0 {
		t.Fatalf("process %d listens nowhere; its descriptors: %v", pid, descriptors)
	}
	return ports
}

// processes are attempts to see the holder, and the attacker itself, in /proc and by its abstract socket.
func processes(h held, mine, its string) []attempt {
	return []attempt{
		{name: "the own mark in /proc", probe: probe{Processes: mine}, succeeds: true},
		{name: "the other's mark in /proc", probe: probe{Processes: its}},
		{name: "the other's abstract socket", probe: probe{Dial: "unix " + h.Socket}},
	}
}

func TestSandboxesOfTwoInbornsDoNotMeet(t *testing.T) {
	needSandbox(t)
	for _, u := range users() {
		for _, resource := range []string{"func-orders", "vm-orders"} {
			t.Run(u.name+", "+resource, func(t *testing.T) {
				holder, attacker := privately("sandbox", resource), privately("sandbox", "func-other")
				holder.as, attacker.as = u.as, u.as
				its, mine := mark(t, "holder"), mark(t, "attacker")
				h, pid := holder.hold(t, its)
				c := readToken(t, h.Token)
				victims := []identity{{"system", c.AppID, c.Object, c.Mirid}, places()[0].user}
				attempts := slices.Concat(headers(h), selectors(victims), processes(h, mine, its),
					addresses(t, slices.Concat(h.Ports, listening(t, pid))...))
				attacker.attack(t, mine, victims, attempts)
			})
		}
	}
}

func TestSandboxesOfOneInbornDoNotMeet(t *testing.T) {
	needSandbox(t)
	its, mine := mark(t, "holder"), mark(t, "attacker")
	holder, attacker := joining("sandbox", "func-orders"), joining("sandbox", "func-new")
	h, _ := holder.hold(t, its)
	victims := []identity{identityOf(t, "func-orders"), identityOf(t, "id-orders-dev-local-01")}
	endpoint, origin := portOf(t, dev.IdentityEndpoint), portOf(t, dev.Origin)

	t.Run("headers", func(t *testing.T) { attacker.attack(t, mine, victims, headers(h)) })
	t.Run("selectors", func(t *testing.T) { attacker.attack(t, mine, victims, selectors(victims)) })
	t.Run("processes", func(t *testing.T) { attacker.attack(t, mine, victims, processes(h, mine, its)) })
	ports := addresses(t, append(h.Ports, endpoint, origin)...)
	t.Run("addresses", func(t *testing.T) { attacker.attack(t, mine, victims, ports) })
	t.Run("addresses with outbound network", func(t *testing.T) {
		if f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0); err != nil {
			unavailable(t, "no outbound network: %v", err)
		} else {
			f.Close()
		}
		joining("sandbox", "func-new", "--network").attack(t, mine, victims, ports)
	})
	t.Run("a port that was asked for", func(t *testing.T) { // or nothing above means anything
		joining("sandbox", "func-new", "--connect", origin).attack(t, mine, victims,
			[]attempt{{name: "port " + origin, probe: probe{Dial: "tcp 127.0.0.1:" + origin}, succeeds: true}})
	})
	t.Run("administration", func(t *testing.T) { attacker.attack(t, mine, victims, administration()) })
	t.Run("data directory", func(t *testing.T) { attacker.attack(t, mine, victims, dataDirectory(t)) })
}

// administration are attempts to reach, by way of the public names, what only the owner of the data directory may use.
func administration() []attempt {
	attempts := []attempt{{name: "a public name", probe: probe{URL: arm + "/metadata/endpoints?api-version=2019-05-01"}, answer: "suffixes", succeeds: true}}
	for _, origin := range []string{graph, arm, "https://login.microsoftonline.com", "https://localhost"} {
		for _, host := range []string{"", "admin", "ADMIN", "admin:443", "admin."} {
			header := map[string]string{"Host": host}
			name := fmt.Sprintf("%s, Host: %q, ", origin, host)
			attempts = append(attempts,
				attempt{name: name + "status", probe: probe{URL: origin + "/status", Header: header}, answer: dev.Tenant},
				attempt{name: name + "token", probe: probe{Method: http.MethodPost, URL: origin + "/token?resource=" + arm, Header: header}, answer: "accessToken"})
		}
	}
	return attempts
}

// dataDirectory are attempts to get at the directory, in which the socket of the administrator is.
func dataDirectory(t *testing.T) []attempt {
	t.Helper()
	if conn, err := net.Dial("unix", filepath.Join(dev.data, "admin.sock")); err != nil {
		t.Fatalf("not even outside: %v", err)
	} else {
		conn.Close()
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dev.data, link); err != nil {
		t.Fatal(err)
	}
	attempts := []attempt{{name: "another directory", probe: probe{List: shared.dir}, succeeds: true}}
	for _, dir := range []string{dev.data, link, "/proc/self/root" + dev.data, "/proc/1/root" + dev.data, "/proc/1/cwd/" + "../../../../../.." + dev.data} {
		attempts = append(attempts, attempt{name: dir, probe: probe{List: dir}},
			attempt{name: "the socket in " + dir, probe: probe{Dial: "unix " + dir + "/admin.sock"}})
	}
	return attempts
}

// mark returns a text that nothing else on this machine has.
func mark(t *testing.T, who string) string {
	t.Helper()
	return fmt.Sprintf("mark-%s-%d-%d", who, os.Getpid(), time.Now().UnixNano())
}

func portOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Port() == "" {
		t.Fatalf("%q has no port: %v", address, err)
	}
	return u.Port()
}
