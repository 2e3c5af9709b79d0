package sandbox

import (
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// nameServer answers as the one of a host, for a single name and on port 53 of a loopback address. It returns that.
func nameServer(t testing.TB) string {
	t.Helper()
	packets, err := net.ListenPacket("udp", "127.0.0.53:53")
	if err != nil {
		skip(t, "no port for a name server: %v", err)
	}
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
		answer := new(dns.Msg).SetReply(query)
		switch q := query.Question[0]; {
		case !strings.HasPrefix(q.Name, "somewhere."):
			answer.Rcode = dns.RcodeNameError
		case q.Qtype == dns.TypeA:
			answer.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 9}, A: net.IPv4(203, 0, 113, 7)}}
		}
		_ = w.WriteMsg(answer)
	})
	server := &dns.Server{PacketConn: packets, Handler: handler}
	go func() { _ = server.ActivateAndServe() }()
	t.Cleanup(func() { _ = server.Shutdown() })
	return "127.0.0.53"
}

func ours(name string) bool {
	return name == "vault.azure.net" || strings.HasSuffix(name, ".vault.azure.net")
}

func question(name string, kind uint16) *dns.Msg { return new(dns.Msg).SetQuestion(name, kind) }

func TestResponder(t *testing.T) {
	foreign := func(query *dns.Msg, network string) (*dns.Msg, error) {
		if query.Question[0].Name == "broken.example." {
			return nil, net.ErrClosed
		}
		answer := new(dns.Msg).SetReply(query)
		answer.Id = 4711 // of the query that went out
		return answer, nil
	}
	alone, connected := &responder{ours: ours, slots: make(chan struct{}, 1)}, &responder{ours: ours, foreign: foreign, slots: make(chan struct{}, 1)}
	full := &responder{ours: ours, foreign: foreign, slots: make(chan struct{})}
	chaos := question("kv.vault.azure.net.", dns.TypeA)
	chaos.Question[0].Qclass = dns.ClassCHAOS
	two := question("kv.vault.azure.net.", dns.TypeA)
	two.Question = append(two.Question, two.Question[0])
	for _, x := range []struct {
		what  string
		r     *responder
		query *dns.Msg
		code  int
		count int
	}{
		{"ours", alone, question("kv.vault.azure.net.", dns.TypeA), dns.RcodeSuccess, 1},
		{"ours in capitals", alone, question("KV.Vault.AZURE.net.", dns.TypeA), dns.RcodeSuccess, 1},
		{"ours connected", connected, question("kv.vault.azure.net.", dns.TypeA), dns.RcodeSuccess, 1},
		{"ours, IPv6", alone, question("kv.vault.azure.net.", dns.TypeAAAA), dns.RcodeSuccess, 0},
		{"ours, text", connected, question("kv.vault.azure.net.", dns.TypeTXT), dns.RcodeSuccess, 0},
		{"ours, another class", alone, chaos, dns.RcodeSuccess, 0},
		{"foreign", alone, question("example.com.", dns.TypeA), dns.RcodeNameError, 0},
		{"foreign, ends like ours", alone, question("evilvault.azure.net.", dns.TypeA), dns.RcodeNameError, 0},
		{"foreign connected", connected, question("example.com.", dns.TypeA), dns.RcodeSuccess, 0},
		{"no answer", connected, question("broken.example.", dns.TypeA), dns.RcodeServerFailure, 0},
		{"too many", full, question("example.com.", dns.TypeA), dns.RcodeRefused, 0},
		{"two questions", alone, two, dns.RcodeFormatError, 0},
		{"no question", alone, &dns.Msg{}, dns.RcodeFormatError, 0},
	} {
		answer := x.r.answer(x.query, "udp")
		if answer.Rcode != x.code || len(answer.Answer) != x.count || answer.Id != x.query.Id || !answer.Response {
			t.Errorf("%s: %v", x.what, answer)
		}
		if _, err := answer.Pack(); err != nil {
			t.Errorf("%s: %v", x.what, err)
		}
	}
}

func TestHosts(t *testing.T) {
	text := "# comment\n127.0.0.1 localhost\n10.0.0.7 build-7 other # two names\n1.2.3.4 kv.vault.azure.net db.example KV2.vault.azure.net.\n5.6.7.8 vault.azure.net\n\n::1 ip6-localhost\nodd"
	want := "127.0.0.1 localhost build-7\n127.0.0.1 localhost\n10.0.0.7 other\n1.2.3.4 db.example\n::1 ip6-localhost\n"
	equal(t, "hosts", hosts(text, "build-7", ours), want)
	equal(t, "no names of ours", hosts("1.1.1.1 a\n", "", nil), "127.0.0.1 localhost\n1.1.1.1 a\n")
}

func TestNsswitch(t *testing.T) {
	text := "# of Fedora\npasswd: files sss\nhosts:      mymachines resolve [!UNAVAIL=return] files dns\nnetworks: files"
	equal(t, "nsswitch.conf", nsswitch(text), "# of Fedora\npasswd: files sss\nhosts: files dns\nnetworks: files")
}

func TestOutermost(t *testing.T) {
	got := outermost([]string{"/run/a/b", "/run/a", "/run/ab", "/run/a", "/x"})
	if want := []string{"/run/a", "/run/ab", "/x"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if !within("/a", "/") || within("/ab", "/a") || !within("/a/b", "/a") {
		t.Error("within is wrong")
	}
}
