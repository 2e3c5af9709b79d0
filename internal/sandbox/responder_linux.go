package sandbox

import (
	"net"

	"github.com/miekg/dns"
)

const (
	maxQueries = 64 // foreign ones in work; one more is refused
	answerTTL  = 1  // seconds
	hostConf   = "/etc/resolv.conf"
)

// responder answers the DNS queries of the inside. Our names lead to 127.0.0.1, everything below them included; whatever
// else exists is the host's resolver's to say, and without network nothing does.
type responder struct {
	ours    func(string) bool
	foreign func(query *dns.Msg, network string) (*dns.Msg, error) // nil: there is no network
	slots   chan struct{}
}

func newResponder(c Config) *responder {
	r := &responder{ours: c.Ours, slots: make(chan struct{}, maxQueries)}
	if c.Network {
		r.foreign = askHost
	}
	return r
}

// ServeDNS implements dns.Handler.
func (r *responder) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	_ = w.WriteMsg(r.answer(query, w.LocalAddr().Network()))
}

// answer decides by the one question that every query has.
func (r *responder) answer(query *dns.Msg, network string) *dns.Msg {
	if len(query.Question) != 1 {
		return new(dns.Msg).SetRcode(query, dns.RcodeFormatError)
	}
	question := query.Question[0]
	answer := new(dns.Msg).SetReply(query)
	answer.RecursionAvailable = true
	switch {
	case r.ours != nil && r.ours(hostName(question.Name)):
		// Other types than A are no error but empty: a client that asks for AAAA first must not give up.
		if question.Qclass == dns.ClassINET && question.Qtype == dns.TypeA {
			head := dns.RR_Header{Name: question.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: answerTTL}
			answer.Answer = []dns.RR{&dns.A{Hdr: head, A: net.IP(loopback4.AsSlice())}}
		}
		return answer
	case r.foreign == nil:
		return answer.SetRcode(query, dns.RcodeNameError)
	}
	return r.pass(query, network)
}

// pass lets the host's resolver answer.
func (r *responder) pass(query *dns.Msg, network string) *dns.Msg {
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	default:
		return new(dns.Msg).SetRcode(query, dns.RcodeRefused)
	}
	answer, err := r.foreign(query, network)
	if err != nil {
		return new(dns.Msg).SetRcode(query, dns.RcodeServerFailure)
	}
	answer.Id = query.Id
	return answer
}

// askHost asks the name servers of the host, one after another.
func askHost(query *dns.Msg, network string) (*dns.Msg, error) {
	conf, err := dns.ClientConfigFromFile(hostConf)
	if err != nil || len(conf.Servers) == 0 {
		conf = &dns.ClientConfig{Servers: []string{"127.0.0.1"}, Port: "53"} // as libc does
	}
	client := &dns.Client{Net: network, UDPSize: dns.MaxMsgSize}
	asked := query.Copy()
	asked.Id = dns.Id()
	failed := err
	for _, server := range conf.Servers {
		answer, _, err := client.Exchange(asked, net.JoinHostPort(server, conf.Port))
		if err == nil {
			return answer, nil
		}
		failed = err
	}
	return nil, failed
}
