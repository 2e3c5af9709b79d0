package cli

import (
	"bytes"
	"fmt"
	"io"

	"github.com/inborn-id/inborn/internal/apierr"
)

// readInput reads what a command works on: a file, or standard input to its end, as it is to the last byte. At a terminal
// it asks for one line, which is not shown. It is never an argument, which the list of processes and the history of the
// shell would keep.
func (sh *shell) readInput(fromFile, what string, limit int64) ([]byte, error) {
	if fromFile != "" {
		text, err := readSmall(fromFile, limit)
		if err != nil {
			return nil, apierr.New(apierr.ParameterInvalid, "%s.", capital(err.Error()))
		}
		return text, nil
	}
	if f := file(sh.in); f != nil && isTerminal(f) {
		fmt.Fprintf(sh.err, "%s (not shown): ", what)
		line, err := readHidden(f)
		fmt.Fprintln(sh.err)
		if err != nil {
			return nil, err
		}
		return line, sh.someInput(line, what)
	}
	text, err := io.ReadAll(io.LimitReader(sh.in, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > limit {
		return nil, usage("What came on standard input is larger than %d bytes.", limit)
	}
	return text, sh.someInput(text, what)
}

func (sh *shell) someInput(text []byte, what string) error {
	if len(text) == 0 {
		return usage("%s is read from standard input, where nothing came, or from --from-file FILE.", what)
	}
	return nil
}

// noteNewline tells of the newline that most editors, and echo, put behind a value.
func (sh *shell) noteNewline(text []byte) {
	if bytes.HasSuffix(text, []byte("\n")) {
		fmt.Fprintln(sh.err, "inborn: the value ends with a newline, which is kept: echo adds one, printf does not")
	}
}

func capital(text string) string {
	if text == "" {
		return text
	}
	return string(bytes.ToUpper([]byte(text[:1]))) + text[1:]
}

// raw writes text as it is, so that a pipe gets nothing but the value; a person at a terminal gets a line.
func (sh *shell) raw(text []byte) error {
	if f := file(sh.out); f != nil && isTerminal(f) {
		text = append(bytes.Clone(text), '\n')
	}
	_, err := sh.out.Write(text)
	return err
}
