package keyvault

import (
	"context"
	"testing"
	"time"

	"github.com/inborn-id/inborn/internal/state"
)

// Purge protection that comes on while a purge waits for its turn holds for that purge.
func TestPurgeProtectionThatComesOnMeanwhile(t *testing.T) {
	w := start(t)
	w.want(200, "PUT", "/secrets/s", `{"value":"x"}`)
	w.want(200, "DELETE", "/secrets/s", "")
	inside, proceed, purged := make(chan bool), make(chan bool), make(chan answer, 1)
	first := true
	go func() {
		_, err := w.live.Update(context.Background(), state.Actor{Name: "owner"}, func(v *state.View, env *state.Env) (state.Batch, error) {
			d := state.NewDraft(v, env, home.ID)
			r, _ := d.Directory().Resource(orders)
			spec := state.SpecOf(r)
			spec.Properties = []byte(`{"enableRbacAuthorization":true,"enablePurgeProtection":true,"softDeleteRetentionInDays":7}`)
			_, _, err := d.PutResource(spec)
			if first {
				first = false
				inside <- true
				<-proceed
			}
			return d.Batch(), err
		})
		if err != nil {
			t.Error(err)
		}
		inside <- true
	}()
	<-inside
	go func() { purged <- w.do("DELETE", "/deletedsecrets/s", "") }()
	time.Sleep(300 * time.Millisecond) // until the purge waits behind the change; were it later, it would be refused all the more
	proceed <- true
	<-inside
	if a := <-purged; a.status != 403 {
		t.Errorf("purge: %d %s", a.status, a.text)
	}
}
