package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"railgate/configs"
	"railgate/store/journal"
	"railgate/verify"
)

// question is one text to decide about.
type question struct {
	Text string     `json:"text"`
	Now  *time.Time `json:"now"`
}

// answer is the decision. It has nothing that is not signed.
type answer struct {
	Decision    journal.Outcome `json:"decision"` // granted, denied
	Reason      string          `json:"reason"`
	Holder      string          `json:"sub,omitempty"`
	Certificate string          `json:"cti,omitempty"`
	KeyID       string          `json:"kid,omitempty"`
	Slot        *uint8          `json:"slot,omitempty"`
	Error       string          `json:"error,omitempty"` // the question could not be read
}

func newVerify() *cobra.Command {
	var keysPath, at string
	var asJSON bool
	var classes []int
	c := &cobra.Command{
		Use:   "verify --keys keys.json [TEXT…]",
		Short: "Decide about codes as a gate does",
		Long: `Verify decides about codes as a gate does, and says why. Texts come as arguments, or
one a line on standard input. It says nothing about use: only a gate's store knows that.
It exits with 0 when every code is granted, 1 when one is denied, 2 when it cannot decide.

With --json both ways are NDJSON: {"text": …, "now": RFC 3339} in, one answer a line out.`,
		Example: "  railgate verify --keys keys.json 'RG1:…'\n  railgate verify --keys keys.json --json < questions.ndjson",
		Args:    cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			d := &decider{out: bufio.NewWriter(c.OutOrStdout()), json: asJSON}
			if err := d.prepare(keysPath, at, classes); err != nil {
				return err
			}
			err := d.decide(args, c.InOrStdin())
			if err == nil && d.denied {
				return exitError(exitDenied)
			}
			return err
		},
	}
	c.Flags().StringVar(&keysPath, "keys", "", "the keyset `file` (needed)")
	c.Flags().StringVar(&at, "at", "", "decide as at this `time` (RFC 3339; default: now)")
	c.Flags().BoolVar(&asJSON, "json", false, "NDJSON in and out")
	c.Flags().IntSliceVar(&classes, "classes", []int{1, 2, 3}, "the classes that the lane takes")
	return c
}

type decider struct {
	out    *bufio.Writer
	json   bool
	keys   *verify.Keyset
	rules  verify.Rules
	at     *time.Time
	denied bool // a code was
}

// readSome reads a file, or a pipe of the shell's, of up to most bytes.
func readSome(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s has more than %d bytes", path, most)
	}
	return data, err
}

func (d *decider) prepare(keysPath, at string, classes []int) error {
	if keysPath == "" {
		return usageError{errors.New("verify: --keys is needed: a keyset such as the issuer's keys.json")}
	}
	data, err := readSome(keysPath, configs.MaxKeyset)
	if err != nil {
		return err
	}
	if d.keys, err = verify.ParseKeyset(data); err != nil {
		return fmt.Errorf("%s: %w", keysPath, err)
	}
	if at != "" {
		t, err := time.Parse(time.RFC3339Nano, at)
		if err != nil {
			return usageError{fmt.Errorf("verify: --at %q is not an RFC 3339 time, such as 2026-11-23T08:00:00Z", at)}
		}
		d.at = &t
	}
	for _, n := range classes {
		class, err := verify.ParseClass(n)
		if err != nil {
			return usageError{fmt.Errorf("verify: %w", err)}
		}
		d.rules.Classes = append(d.rules.Classes, class)
	}
	return nil
}

func (d *decider) decide(texts []string, in io.Reader) error {
	if len(texts) > 0 {
		return d.all(texts)
	}
	return d.stream(in)
}

func (d *decider) all(texts []string) error {
	for _, text := range texts {
		if err := d.answer(question{Text: text}, nil); err != nil {
			return err
		}
	}
	return d.out.Flush()
}

// stream answers each line as it comes, for the caller may wait for the answer.
func (d *decider) stream(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			q, bad := d.parse(strings.TrimRight(line, "\r\n"))
			if err := d.answer(q, bad); err != nil {
				return err
			}
		}
		if err == nil && lines.Buffered() > 0 {
			continue
		}
		if err := d.out.Flush(); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (d *decider) parse(line string) (q question, bad error) {
	if !d.json {
		return question{Text: line}, nil
	}
	if err := json.Unmarshal([]byte(line), &q); err != nil {
		return question{}, fmt.Errorf("not a question: %w", err)
	}
	return q, nil
}

// answer decides about one text. A question that cannot be read gets an answer as
// well, so that answers stay in step with questions.
func (d *decider) answer(q question, bad error) error {
	now := time.Now()
	if d.at != nil {
		now = *d.at
	}
	if q.Now != nil {
		now = *q.Now
	}
	a := describe(verify.Decide(q.Text, d.keys, d.rules, now))
	if bad != nil {
		a.Error = bad.Error()
	}
	d.denied = d.denied || a.Decision != journal.Granted
	if d.json {
		return json.NewEncoder(d.out).Encode(a)
	}
	_, err := fmt.Fprintln(d.out, a)
	return err
}

func describe(v verify.Verdict) answer {
	a := answer{Decision: journal.Denied, Reason: string(v.Reason)}
	if v.Granted() {
		a.Decision = journal.Granted
	}
	if v.Signed {
		a.Holder, a.Certificate, a.KeyID = v.Holder.String(), v.Certificate.String(), v.KeyID.String()
		if v.Rotation != verify.Static {
			slot := v.Slot
			a.Slot = &slot
		}
	}
	return a
}

func (a answer) String() string {
	words := []string{string(a.Decision), a.Reason}
	if a.KeyID != "" {
		words = append(words, "kid="+a.KeyID, "cti="+a.Certificate, "sub="+a.Holder)
	}
	if a.Slot != nil {
		words = append(words, fmt.Sprintf("slot=%d", *a.Slot))
	}
	return strings.Join(words, " ")
}
