package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"railgate/configs"
	"railgate/store/durable"
	"railgate/store/journal"
	"railgate/verify"
	"railgate/verify/lane"
)

// An outcome is what became of a code, or of settings by hand.
type outcome struct {
	reason   verify.Reason
	err      error // more about it; nil: nothing
	signer   string
	settings *verify.Settings // nil: nobody has signed them
}

// shown is the reason as the screen has it.
func (o outcome) shown() string {
	switch o.reason {
	case verify.OK:
		return lane.TellProvisioned
	case verify.Malformed, verify.BadSignature:
		return lane.TellBadCode
	}
	return string(o.reason)
}

// why says what to do, for whoever asked.
func (o outcome) why() string {
	words := map[verify.Reason]string{
		verify.OK:               "the gate begins again with it",
		verify.Malformed:        "it is not a whole RGP1 code: scan or copy it again",
		verify.BadSignature:     "the code was changed after it was signed: have station enroll make another",
		verify.InService:        "the gate is provisioned already; railgate provision --reset takes that back",
		verify.OtherGate:        "the code is for another gate: compare the name on the sheet, or have station enroll make one with this gate's keys (railgate identity)",
		verify.UnknownSigner:    "its signer is none of " + "those that this gate takes codes of (provision.signers)",
		verify.ProvisionExpired: "the code's time is over: have station enroll make another",
		verify.ProvisionSpent:   "this gate has taken the code before: have station enroll make another",
		verify.Superseded:       "this gate has taken a newer code: use the newest, or have station enroll make another",
		verify.Unconfirmed:      "this gate has no list of signers: compare the signer's fingerprint with the station's (station enroll --signer), then railgate provision --confirm '" + o.signer + "'",
		lane.TellContradicts:    "it does not go with this gate's own file",
		lane.TellNotStored:      "it could not be kept",
	}[o.reason]
	if o.reason == verify.Unconfirmed && o.signer == "" {
		words = "nothing is to be confirmed"
	}
	if errors.Is(o.err, errOtherSigner) { // and no command to paste that would confirm it
		return o.err.Error()
	}
	if o.err != nil {
		words += ": " + o.err.Error()
	}
	return words
}

// take takes a code, or says why it does not.
func (p *provisioner) take(text, by string) outcome {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.decide(text, nil, by)
}

// confirm takes the code that waits for its signer to be confirmed, by the signer's fingerprint.
func (p *provisioner) confirm(fingerprint, by string) outcome {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.waiting() {
		return outcome{reason: verify.InService}
	}
	if p.waits == nil || time.Now().After(p.waitsTo) {
		return outcome{reason: verify.Unconfirmed, err: errors.New("no code waits for it, or not any more: show the code again")}
	}
	signer := verify.Fingerprint(p.waits.Signer)
	if bare(fingerprint) != bare(signer) {
		return outcome{reason: verify.Unconfirmed, signer: signer, err: fmt.Errorf("%w: the code is signed by %s; type it again, or, if it is right as it was typed, have the station make a code: this one is not the station's", errOtherSigner, signer)}
	}
	return p.decide(p.text, p.waits.Signer, by)
}

// errOtherSigner is a fingerprint that is not that of the signer who waits to be confirmed.
var errOtherSigner = errors.New("that is not the fingerprint of the code's signer")

// bare is a fingerprint without what people put between its digits.
func bare(fingerprint string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "", ":", "").Replace(fingerprint))
}

// decide decides about a code; confirmed is the signer that a technician confirmed. The caller
// holds mu.
func (p *provisioner) decide(text string, confirmed []byte, by string) (o outcome) {
	defer func() { p.last = o.shown() }()
	if p.again {
		return outcome{reason: verify.InService}
	}
	k, _, err := p.load()
	if err != nil {
		o = outcome{reason: lane.TellNotStored, err: err}
		p.refuse(o, nil, by)
		return o
	}
	rules, err := p.rules(&k)
	if err != nil {
		o = outcome{reason: verify.UnknownSigner, err: err}
		p.refuse(o, nil, by)
		return o
	}
	rules.Confirmed = confirmed
	code, reason := verify.DecideProvision(text, rules)
	o = outcome{reason: reason}
	if code != nil {
		o.signer, o.settings = verify.Fingerprint(code.Signer), &code.Settings
	}
	switch reason {
	case verify.OK:
		o.reason, o.err = p.apply(&k, &code.Settings, code, by)
	case verify.Unconfirmed:
		p.waits, p.text, p.waitsTo = code, text, time.Now().Add(confirmFor)
	}
	if o.reason != verify.OK {
		p.refuse(o, code, by)
	}
	return o
}

// byHand takes settings that a technician at the gate has given.
func (p *provisioner) byHand(s *verify.Settings, by string) (o outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.waiting() || p.again {
		return outcome{reason: verify.InService}
	}
	k, _, err := p.load()
	if err != nil {
		return outcome{reason: lane.TellNotStored, err: err}
	}
	o = outcome{settings: s}
	o.reason, o.err = p.apply(&k, s, nil, by)
	p.last = o.shown()
	if o.reason != verify.OK {
		p.refuse(o, nil, by)
	}
	return o
}

// apply makes the gate what settings say: in the store first, with the record and the code that
// is spent, then in the file. code is nil where a technician gave them by hand. The caller holds mu.
func (p *provisioner) apply(k *kept, s *verify.Settings, code *verify.Provision, by string) (verify.Reason, error) {
	if _, err := p.cfg.WithSettings(s); err != nil {
		return lane.TellContradicts, err
	}
	record := journal.Record{Kind: journal.Provisioned, Reason: string(verify.OK), Direction: s.Direction}
	record.Detail = describeSettings(s) + ", " + by
	if code != nil {
		record.Certificate, record.KeyID = journal.ID(code.ID), journal.ID(code.Signer[:8])
		record.Detail += ", signed by " + verify.Fingerprint(code.Signer)
		k.Spent = append(k.Spent, code.ID)
		k.Spent = k.Spent[max(0, len(k.Spent)-mostSpent):]
		k.Newest = max(k.Newest, code.Issued.Unix())
	}
	k.Text = configs.FormatSettings(s)
	record = p.stamped(record)
	if _, err := p.store.CommitNote(keptNote, k, record); err != nil {
		return lane.TellNotStored, err
	}
	p.log.Info("provisioned", "detail", record.Detail)
	p.begin() // whatever the file does: the next start writes it
	if err := durable.WriteFile(p.cfg.Provisioned(), k.Text, 0o640); err != nil {
		p.log.Error("the store has what the gate was provisioned with, and the file cannot be written; the next start does", "err", err)
	}
	return verify.OK, nil
}

// refuse records that a code was not taken. The caller holds mu.
func (p *provisioner) refuse(o outcome, code *verify.Provision, by string) {
	record := journal.Record{Kind: journal.Provisioned, Reason: string(o.reason), Detail: by}
	if code != nil {
		record.Certificate, record.KeyID = journal.ID(code.ID), journal.ID(code.Signer[:8])
		record.Detail = fmt.Sprintf("%s, %s, signed by %s", describeSettings(&code.Settings), by, o.signer)
	}
	if o.err != nil {
		p.log.Warn("a set-up code is refused", "reason", o.reason, "err", o.err)
	}
	p.in.post(lane.Note{Record: record})
}

var (
	errWaits     = errors.New("the gate is not provisioned: there is nothing to take back")
	errByItsFile = errors.New("this gate is not provisioned by codes: its file says all ([provision] wait = false)")
)

// reset makes the gate wait again. Codes that it has taken stay spent.
func (p *provisioner) reset(by, why string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting() || p.again {
		return errWaits
	}
	k, _, err := p.load()
	if err != nil {
		return err
	}
	k.Text = nil
	record := p.stamped(journal.Record{Kind: journal.Unprovisioned, Detail: fmt.Sprintf("gate %s of station %s, %s: %s", p.cfg.Gate, p.cfg.Station, by, why)})
	if _, err := p.store.CommitNote(keptNote, &k, record); err != nil {
		return err
	}
	p.log.Warn("unprovisioned", "detail", logged(&record))
	p.begin()
	if err := removeFile(p.cfg.Provisioned()); err != nil {
		p.log.Error("the file of what the gate was provisioned with cannot be removed; the next start does", "err", err)
	}
	return nil
}

// settingsFrom reads what a technician has given by hand, as a file has it.
func settingsFrom(text string) (*verify.Settings, error) {
	return configs.ParseSettings("settings", bytes.TrimSpace([]byte(text)))
}
