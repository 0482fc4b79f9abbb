package collect

import (
	"strings"

	"railgate/cmd/station/ledger"
	"railgate/store/journal"
)

// factKey is what a fact is about.
type factKey struct {
	gate int64
	what string
}

// factsOf are what a record says of its gate beside the lane, by what they are about.
func factsOf(r journal.Record) map[string]string {
	switch r.Kind {
	case journal.Started:
		return map[string]string{ledger.FactRelease: r.Detail, ledger.FactClock: ""}
	case journal.ClockDisputed:
		return map[string]string{ledger.FactClock: r.Detail}
	case journal.ClockStep, journal.ClockStepped, journal.ClockAccepted:
		return map[string]string{ledger.FactClock: ""}
	case journal.Synced:
		return synced(r.Detail)
	}
	return nil
}

// synced reads what a gate says of its repositories.
func synced(detail string) map[string]string {
	for prefix, what := range map[string]string{
		"the nation's repository is ": ledger.FactNation, "the station's repository is ": ledger.FactStation, "keyset ": ledger.FactKeyset, "release ": ledger.FactUpdate,
	} {
		if said, ok := strings.CutPrefix(detail, prefix); ok {
			return map[string]string{what: said}
		}
	}
	return nil
}

// learn takes what a record says of its gate.
func (in *intake) learn(gate int64, r journal.Record) {
	for what, said := range factsOf(r) {
		in.facts[factKey{gate, what}] = ledger.Fact{Said: said, Since: r.Time}
	}
}

// keepFacts writes what the batch's records say of their gates.
func (in *intake) keepFacts() error {
	for key, f := range in.facts {
		if err := in.t.SetFact(key.gate, key.what, f); err != nil {
			return err
		}
	}
	return nil
}
