package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/inborn-id/inborn/internal/apierr"
)

// WriteJSON answers with v as JSON, as application/json unless the handler has set another type. The error is one of
// encoding, and nothing was written then. That the client has gone away is no error: nobody is left to be told.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // links stay readable; the answer is never HTML
	if err := encoder.Encode(v); err != nil {
		return err
	}
	body := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	header := w.Header()
	if header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/json; charset=utf-8")
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
	return nil
}

// ReadJSON reads the body of r, which must be one JSON value of at most limit bytes, into v. The Content-Type is not
// looked at, because clients and people with curl get it wrong. The error is a BodyTooLarge, a RequestMalformed or, for
// a value of the wrong type, a PropertyInvalid.
func ReadJSON(r *http.Request, limit int64, v any) error {
	body, err := ReadBody(r, limit)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return apierr.New(apierr.RequestMalformed, "The request needs a JSON body and has none.")
	}
	if !utf8.Valid(body) { // which encoding/json would replace without a word
		return apierr.New(apierr.RequestMalformed, "The body is not readable as JSON: it is not UTF-8.")
	}
	var wrongType *json.UnmarshalTypeError
	err = json.Unmarshal(body, v)
	if errors.As(err, &wrongType) {
		return apierr.New(apierr.PropertyInvalid, "The property %q cannot be a JSON %s.", wrongType.Field, wrongType.Value).At(wrongType.Field).Because(err)
	}
	if e := (*apierr.Error)(nil); errors.As(err, &e) {
		return e // an UnmarshalJSON of ours
	}
	if err != nil {
		return apierr.New(apierr.RequestMalformed, "The body is not readable as JSON: %v.", err).Because(err)
	}
	return nil
}

// ReadBody reads the whole body of r, at most limit bytes. The error is a BodyTooLarge, or a RequestMalformed if the
// client broke off.
func ReadBody(r *http.Request, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	var tooLarge *http.MaxBytesError
	if int64(len(body)) > limit || errors.As(err, &tooLarge) {
		return nil, apierr.New(apierr.BodyTooLarge, "The body is larger than %d bytes.", limit)
	}
	if err != nil {
		return nil, apierr.New(apierr.RequestMalformed, "The body could not be read to its end.").Because(err)
	}
	return body, nil
}

// Bearer returns the bearer token of r (RFC 6750, section 2.1). The error is a TokenMissing or a TokenMalformed.
func Bearer(r *http.Request) (string, error) {
	values := r.Header["Authorization"]
	if len(values) == 0 {
		return "", apierr.New(apierr.TokenMissing, "The 'Authorization' header is missing.")
	}
	scheme, token, _ := strings.Cut(strings.TrimSpace(values[0]), " ")
	token = strings.TrimLeft(token, " ")
	switch {
	case len(values) > 1:
		return "", apierr.New(apierr.TokenMalformed, "There is more than one 'Authorization' header.")
	case !strings.EqualFold(scheme, "Bearer"):
		return "", apierr.New(apierr.TokenMissing, "The 'Authorization' header holds no bearer token.")
	case token == "":
		return "", apierr.New(apierr.TokenMissing, "The bearer token in the 'Authorization' header is empty.")
	case strings.IndexByte(token, ' ') >= 0, strings.IndexByte(token, '\t') >= 0, strings.IndexByte(token, ',') >= 0: // much faster than ContainsAny
		return "", apierr.New(apierr.TokenMalformed, "The 'Authorization' header holds more than one bearer token.")
	}
	return token, nil
}
