package main

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/inborn-id/inborn/verify"
)

// serveOrders runs the API that the demo protects: it gives its orders to programs that hold the app role
// Orders.Read.All, which package verify checks in one line. It returns the address.
func serveOrders(origin, tenant string, client *http.Client) (string, error) {
	v, err := verify.New(verify.Config{
		Authority:  origin + "/" + tenant,
		Audience:   []string{"api://orders"},
		HTTPClient: client,
	})
	if err != nil {
		return "", err
	}
	orders := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, _ := verify.FromContext(r.Context())
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"caller":%q,"orders":[{"id":1,"item":"a lamp"},{"id":2,"item":"two chairs"}]}`, caller.ClientID)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: v.Require("Orders.Read.All")(orders), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(l) }() // until the demo ends
	return "http://" + l.Addr().String(), nil
}
