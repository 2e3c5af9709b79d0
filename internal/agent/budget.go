package agent

import "time"

// budget lets so many things pass in any stretch of time, and no more. It needs no clock: what was spent comes back by a
// timer.
type budget struct {
	spent chan struct{} // holds a value for each thing that passed a moment ago
	back  time.Duration
}

// newBudget makes a budget of n things per stretch of time.
func newBudget(n int, stretch time.Duration) *budget {
	return &budget{spent: make(chan struct{}, n), back: stretch}
}

// take reports whether one more may pass.
func (b *budget) take() bool {
	select {
	case b.spent <- struct{}{}:
		time.AfterFunc(b.back, func() { <-b.spent })
		return true
	default:
		return false
	}
}
