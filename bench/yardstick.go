package main

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"
)

// yardstickArgument makes this program a yardstick, so that it needs no second program to be built.
const yardstickArgument = "yardstick"

// yardstick serves until it is killed. It prints a line as soon as it listens.
func yardstick(arguments []string) error {
	flags := flag.NewFlagSet(yardstickArgument, flag.ContinueOnError)
	listen := flags.String("listen", "", "address")
	bodyFile := flags.String("body", "", "file with an answer of the real server, which this one imitates")
	keyFile := flags.String("key", "", "file with the key to sign with; without one, the body is sent")
	vault := flags.Bool("vault", false, "imitate a vault: with TLS; sends the body as it is, or with a signature as its value")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	body, err := os.ReadFile(*bodyFile)
	if err != nil {
		return err
	}
	var handler http.HandlerFunc
	switch {
	case *vault:
		handler, err = vaultYardstick(body, *keyFile)
	case *keyFile != "":
		handler, err = signer(body, *keyFile)
	default:
		handler, err = sender(body)
	}
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	if *vault {
		if l, err = overTLS(l); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	return http.Serve(l, handler)
}

// sender makes the yardstick of a cached token: it parses the query and sends the bytes it has, with the seconds that
// are left in them.
func sender(body []byte) (http.HandlerFunc, error) {
	before, rest, ok := bytes.Cut(body, []byte(`"expires_in":"`))
	_, after, closed := bytes.Cut(rest, []byte(`"`))
	if !ok || !closed {
		return nil, errors.New("the body has no expires_in")
	}
	before = append(bytes.Clone(before), `"expires_in":"`...)
	after = append([]byte(`"`), after...)
	end := time.Now().Add(time.Hour).Unix()
	return func(w http.ResponseWriter, r *http.Request) {
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil || !query.Has("resource") {
			http.Error(w, "no resource", http.StatusBadRequest)
			return
		}
		out := make([]byte, 0, len(body)+8)
		out = append(out, before...)
		out = strconv.AppendInt(out, end-time.Now().Unix(), 10)
		send(w, append(out, after...))
	}, nil
}

// signer makes the yardstick of a minted token: a signature for each request and nothing else, in a bounded queue that
// is served in order. What is signed is as long as the real thing and never the same twice.
func signer(body []byte, keyFile string) (http.HandlerFunc, error) {
	der, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s holds a %T; expected an RSA key", keyFile, parsed)
	}
	head, rest, _ := bytes.Cut(body, []byte(`"access_token":"`))
	text, tail, ok := bytes.Cut(rest, []byte(`"`))
	dot := bytes.LastIndexByte(text, '.')
	if !ok || dot < 20 {
		return nil, errors.New("the body has no access_token")
	}
	head = append(bytes.Clone(head), `"access_token":"`...)
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var count atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		out := append(make([]byte, 0, len(body)+8), head...)
		out = append(out, text[:dot]...)
		input := out[len(head):]
		copy(input, fmt.Sprintf("%020d", count.Add(1)))
		slots <- struct{}{}
		digest := sha256.Sum256(input)
		signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
		<-slots
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		out = base64.RawURLEncoding.AppendEncode(append(out, '.'), signature)
		out = append(out, '"')
		send(w, append(out, tail...))
	}, nil
}

func send(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

// writeKey makes the key of signer.
func writeKey(file string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(file, der, 0o600)
}
