package verify_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/inborn-id/inborn/verify"
)

// An API of orders, which managed identities call with the app role Orders.Read.All.
func Example() {
	service := startIssuer() // stands for the Inborn at https://login.contoso.example
	defer service.Close()

	v, err := verify.New(verify.Config{
		Authority:  service.authority(), // https://login.contoso.example/7ae3a2f0-9b4e-4d57-a7c1-0d6a3b0c5e11
		Audience:   []string{"api://orders"},
		HTTPClient: service.Client(),  // trusts the certificate of the stand-in
		Now:        service.clock.Now, // stands still; leave both out in an API
	})
	if err != nil {
		log.Fatal(err)
	}

	orders := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, _ := verify.FromContext(r.Context())
		fmt.Fprintf(w, "%s by %s", r.Method, caller.ClientID)
	})
	mux := http.NewServeMux()
	mux.Handle("GET /orders", v.Require("Orders.Read.All", "Orders.ReadWrite.All")(orders))
	mux.Handle("DELETE /orders", v.Require("Orders.ReadWrite.All")(orders))
	api := httptest.NewServer(mux)
	defer api.Close()

	raw, err := service.issue(keyPool[0](), service.grant()) // has the role Orders.Read.All
	if err != nil {
		log.Fatal(err)
	}
	call := func(method, authorization string) {
		r, _ := http.NewRequest(method, api.URL+"/orders", nil)
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			log.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		fmt.Println(resp.Status)
		if resp.StatusCode == http.StatusOK {
			fmt.Println(string(body))
		} else {
			fmt.Println(resp.Header.Get("WWW-Authenticate"))
		}
	}
	call("GET", "Bearer "+raw)
	call("GET", "")
	call("DELETE", "Bearer "+raw)

	// Output:
	// 200 OK
	// GET by f8973019-6953-433b-b935-adc31f5646d5
	// 401 Unauthorized
	// Bearer realm="api://orders"
	// 403 Forbidden
	// Bearer realm="api://orders", error="insufficient_scope", error_description="This operation needs one of the app roles ['Orders.ReadWrite.All']; the token has ['Orders.Read.All']. Assign what is missing to the caller, client id f8973019-6953-433b-b935-adc31f5646d5, and get a new token."
}
