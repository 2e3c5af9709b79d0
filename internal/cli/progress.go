package cli

import (
	"fmt"
	"time"
)

// progress shows how far a long piece of work is: lines on standard error, one a second at most and always the last.
type progress struct {
	sh   *shell
	verb string // what is being done, such as "checked"
	last time.Time
}

func (p *progress) show(done, total int) {
	if done < total && time.Since(p.last) < time.Second {
		return
	}
	p.last = time.Now()
	fmt.Fprintf(p.sh.err, "%s %d of %d secrets\n", p.verb, done, total)
}
