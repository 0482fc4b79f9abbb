package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"railgate/cmd/control"
)

// The exit statuses. A command that asks a question answers with 0 to 2, so that a wrong
// usage has a status that no answer has: EX_USAGE of sysexits(3).
const (
	exitFailed       = 1
	exitDegraded     = 1
	exitDenied       = 1
	exitOutOfService = 2
	exitUndecided    = 2
	exitUsage        = 64
)

// An exitCode is a line of the table of exit statuses.
type exitCode struct {
	Command string
	Status  int
	Means   string
}

// exitCodes is the table. docs/technician.md and the manual have the same.
var exitCodes = []exitCode{
	{"status, doctor", 0, "healthy"},
	{"status, doctor", exitDegraded, "degraded: the lane works, and something needs a technician"},
	{"status, doctor", exitOutOfService, "out of service, or nobody can tell: railgated does not answer, or its configuration is wrong"},
	{"verify", 0, "every code is granted"},
	{"verify", exitDenied, "a code is denied"},
	{"verify", exitUndecided, "nothing was decided: the keyset or the input cannot be read"},
	{"journal verify", 0, "the journal is whole"},
	{"journal verify", exitDenied, "a record is bad, missing or there twice, or a receipt says so"},
	{"journal verify", exitUndecided, "nothing was verified: the file cannot be read, or railgated has it"},
	{"config diff", 0, "nothing differs"},
	{"config diff", exitDenied, "something differs"},
	{"config diff", exitUndecided, "nobody can tell: a file cannot be read, or railgated does not answer"},
	{"every other command", 0, "done"},
	{"every other command", exitFailed, "failed"},
	{"every command", exitUsage, "wrong usage: an unknown command, flag or argument"},
	{"railgated", 0, "asked to stop; with --check: the configuration is good"},
	{"railgated", 1, "failed"},
	{"railgated", 2, "wrong usage, wrong configuration, or an internal error"},
}

// exitTable is the table as Markdown.
func exitTable() string {
	var b strings.Builder
	b.WriteString("| command | exit status | means |\n| --- | --- | --- |\n")
	for _, c := range exitCodes {
		fmt.Fprintf(&b, "| %s | %d | %s |\n", c.Command, c.Status, c.Means)
	}
	return b.String()
}

// exitWords is the table for a terminal and a manual, an indented line each.
func exitWords() string {
	var b strings.Builder
	for _, c := range exitCodes {
		fmt.Fprintf(&b, "    %-20s %2d  %s\n", c.Command, c.Status, c.Means)
	}
	return strings.TrimRight(b.String(), "\n")
}

func newExitCodes() *cobra.Command {
	return &cobra.Command{Use: "exit-codes", Short: "What the exit statuses mean", Long: "Exit statuses:\n\n" + exitWords()}
}

// newBlinkCodes is a topic of the help, for who has a terminal and no paper.
func newBlinkCodes() *cobra.Command {
	text := "The service light is dark where the gate has no power or railgated does not run, and on where nothing is\nwrong. Else it blinks, pauses for two seconds, and blinks again: count.\n"
	for _, b := range control.Blinks() {
		text += fmt.Sprintf("\n    %-50s %s", b.Words(), b.Do)
	}
	return &cobra.Command{Use: "blink-codes", Short: "What the service light says", Long: text}
}

// exitError ends the tool with a status and no more words.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// usageError is a wrong command, flag or argument.
type usageError struct{ error }

// exitStatus is the status for a command's error. asks is whether the command asks a
// question, of which an error is the worst answer.
func exitStatus(err error, asks bool) int {
	var exit exitError
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return int(exit)
	case errors.As(err, &usage):
		return exitUsage
	case asks:
		return exitUndecided
	}
	return exitFailed
}

// asks tells whether a command asks a question.
func asks(c *cobra.Command) bool {
	switch c.Name() {
	case "status", "doctor", "verify", "diff":
		return true
	}
	return false
}

// exitOf is the status with which a gate's health is told.
func exitOf(h control.Health) error {
	switch h {
	case control.Healthy:
		return nil
	case control.Degraded:
		return exitError(exitDegraded)
	}
	return exitError(exitOutOfService)
}
