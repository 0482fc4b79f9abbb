package main

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// A target is a package whose tests are tried.
type target struct {
	dir   string   // in the repository
	files []string // nil: all
	funcs []string // of them, as a mutant's name has them, constants too; nil: all
	tests string   // a regular expression of the tests that are run; "": all
	also  []string // packages whose tests are its tests too
	quick []string // files that -quick takes; "*" is all
	goal  float64  // the share that must be killed, in percent
}

// targets are tried in this order.
func targets() []target {
	return []target{
		{dir: "verify", also: []string{"verify/mint"}, quick: []string{"decide.go"}, goal: 95},
		{dir: "verify/lane", quick: []string{"*"}, goal: 95},
		{dir: "cmd/issuer/office", also: []string{"cmd/issuer"}, files: []string{"rules.go", "form.go", "reasons.go"}, goal: 90},
		{dir: "store", files: kept(), goal: 90},
		{dir: "store/journal", goal: 90},
		{dir: "cmd/issuer", files: []string{"http.go", "limits.go", "cookie.go"}, goal: 90},
		{dir: "cmd/issuer/counter", files: []string{"caller.go", "limits.go", "token.go"}, tests: counterTests, goal: 90},
		{dir: "cmd/pages", goal: 90},
		{dir: "cmd/limit", goal: 90},
		{dir: "cmd/railgated", funcs: guards(), tests: guardTests, goal: 100},
		{dir: "cmd/control", files: []string{"peer.go"}, goal: 100},
	}
}

// kept are store's files, but for the journal's log, its receipts and its verification, which
// have tests of their own and not yet for each small change.
func kept() []string {
	return []string{
		"accept.go", "age.go", "blind.go", "damage.go", "durable.go", "files.go", "fit.go", "inspect.go", "journal.go", "keep.go", "mark.go", "note.go", "open.go",
		"own.go", "pages.go", "reader.go", "rides.go", "salvage.go", "seal.go", "sets.go", "slips.go", "spent.go", "store.go", "tree.go", "walk.go",
	}
}

// guards are what stands between railgated and whoever asks it: how long and how many they
// may be, whose the socket is, who may move the time, take the lane over or lower proven
// time, and what is told to nobody.
func guards() []string {
	return []string{
		"maxConns", "server.serve", "stallLimit", "stallable", "stallableWriter.Write", "stallableWriter.FlushError", "stallableWriter.extend",
		"server.onlyForUs", "sameFolder", "server.openSocket", "listenUnix", "namedListener.Addr", "guard", "ofNobody",
		"server.postSim", "server.pretend", "mostPretended", "server.postService", "maxWhy", "server.postClock", "mostWhy",
	}
}

// guardTests are those beside them: the others start daemons, which takes minutes.
const guardTests = `^Test(ACallerHasSoLong|AQuestionsLength|ACallerThatTakesNothing|AnswersEndWithTheirListener|CallersWhoNeverHangUp|WhatIsMeantForAnotherGate|` +
	`TheControlSocketsFile|ControlSocketsThatCannotBeOpened|WhereTheControlSocketIs|RecentRecordsAreOfNobody|ASimulatedTurnstileIsAsked|` +
	`OnlyABenchsTimeIsMoved|HowFarABenchsTimeIsMoved|ATakeoverIs(AskedFor|Answered)|ProvenTimeIsLoweredWithAReason|PagesAreGuarded)$`

// counterTests are those that need no browser: who asks, how often, and what a token is.
const counterTests = `^Test(R\d|Client|NoClient|Ticket|Nobody|Bench|Request|Parse|EachProblem|EachRoute|AnAnswerThat|TheDocument|ThePage)`

// chooseTargets are those with the names, all without any; quick leaves the files that -quick takes.
func chooseTargets(names []string, quick bool) (chosen []target, err error) {
	all := targets()
	for _, name := range names {
		name = path.Clean(strings.TrimPrefix(name, "./"))
		i := slices.IndexFunc(all, func(t target) bool { return t.dir == name })
		if i < 0 {
			return nil, fmt.Errorf("%q is no target; they are in cmd/mutants/targets.go", name)
		}
		chosen = append(chosen, all[i])
	}
	if len(names) == 0 {
		chosen = all
	}
	if !quick {
		return chosen, nil
	}
	chosen = slices.DeleteFunc(slices.Clone(chosen), func(t target) bool { return t.quick == nil })
	for i := range chosen {
		if chosen[i].files = chosen[i].quick; slices.Contains(chosen[i].files, "*") {
			chosen[i].files = nil
		}
	}
	return chosen, nil
}

func (t *target) takes(file string) bool {
	return t.files == nil || slices.Contains(t.files, file)
}

func (t *target) takesFunc(name string) bool {
	return t.funcs == nil || slices.Contains(t.funcs, name)
}

// of are a target's own among mutants.
func (t *target) of(all []*mutant) (own []*mutant) {
	for _, m := range all {
		if path.Dir(m.File) == t.dir {
			own = append(own, m)
		}
	}
	return own
}
