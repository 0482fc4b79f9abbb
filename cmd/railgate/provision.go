package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/store/durable"
	"railgate/verify"
)

// provisioning is what provision is told.
type provisioning struct {
	*gate
	confirm, from, device, why string
	reset, yes, ifThere        bool
}

func newProvision(g *gate) *cobra.Command {
	p := &provisioning{gate: g}
	c := &cobra.Command{
		Use:   "provision [CODE|FILE]",
		Short: "Make this gate one of its station's: by a code, a file, a stick or by hand",
		Long: `Provision tells a gate that is no station's yet which gate it is: its station, its name, its
direction, its network, and where its station is. A code (RGP1:…) is made by station enroll for
this gate's keys, which railgate identity and the gate's screen show; it is taken once. A file
has a code, or the settings as provisioned.toml has them. Without an argument it asks for each.
The gate's own scanner takes the same code.

Where the gate has no list of signers (provision.signers), it shows the fingerprint of the code's
signer. Compare that with the station's (station enroll --signer), then confirm it:
--confirm takes the fingerprint as it is read, with its spaces or without.

--reset takes it back: the lane closes, and the gate waits for another code. Codes that it has
taken stay spent. It is journaled with the reason.`,
		Example: "  railgate provision A07.provision\n  railgate provision --from /media/usb\n  railgate provision --reset --why 'moved to hall 2'",
		Args: func(c *cobra.Command, args []string) error {
			if p.confirm != "" && len(args) > 0 && !slices.ContainsFunc(args, func(arg string) bool { return !isGroup(arg) }) {
				return nil
			}
			return cobra.MaximumNArgs(1)(c, args)
		},
		RunE: p.run,
	}
	f := c.Flags()
	f.StringVar(&p.confirm, "confirm", "", "take the code that waits for it: its signer has this `fingerprint`")
	f.StringVar(&p.from, "from", "", "take provision/railgate.provision, or provision/railgated.toml, in a `folder`")
	f.StringVar(&p.device, "device", "", "take provision/railgate.provision of a FAT32 `device`, which is not mounted for that")
	f.BoolVar(&p.reset, "reset", false, "the gate waits to be provisioned again")
	f.StringVar(&p.why, "why", "", "the `reason` of --reset, for the journal")
	f.BoolVar(&p.yes, "yes", false, "do not ask")
	f.BoolVar(&p.ifThere, "if-there", false, "with --from and --device: it is no error that there is nothing to take, or that the gate is set up; for units")
	c.MarkFlagsMutuallyExclusive("confirm", "from", "device", "reset")
	return c
}

func (p *provisioning) run(c *cobra.Command, args []string) error {
	client, err := p.client()
	if err != nil {
		return err
	}
	if p.confirm != "" && len(args) > 0 && isGroup(args[0]) { // its spaces, and no quotes around them
		p.confirm, args = strings.Join(append([]string{p.confirm}, args...), " "), nil
	}
	if len(args) > 0 && (p.confirm != "" || p.from != "" || p.device != "" || p.reset) {
		return usageError{errors.New("provision: want a code or a file alone, or one of --confirm, --from, --device and --reset")}
	}
	switch {
	case p.reset:
		return p.takeBack(c, client)
	case p.confirm != "":
		return p.report(c, client)(client.ConfirmSigner(c.Context(), p.confirm))
	case p.from != "" || p.device != "":
		return p.fromMedium(c, client)
	case len(args) == 0:
		return p.byHand(c, client)
	}
	data, name, err := provisionFrom(args[0], c.InOrStdin())
	if err != nil {
		return err
	}
	return p.send(c, client, name, data)
}

// isGroup tells whether a word is a part of a fingerprint: verify.Fingerprint has groups of four hex digits.
func isGroup(word string) bool {
	return len(word) == 4 && strings.Trim(strings.ToLower(word), "0123456789abcdef") == ""
}

const maxProvisionFile = 64 << 10

// provisionFrom is an argument: a code itself, standard input (-) or a file.
func provisionFrom(arg string, in io.Reader) (data []byte, name string, err error) {
	switch {
	case strings.HasPrefix(arg, verify.ProvisionPrefix):
		return []byte(arg), "", nil
	case arg == "-":
		data, err = io.ReadAll(io.LimitReader(in, maxProvisionFile))
		return data, "standard input", err
	}
	data, err = durable.ReadFile(arg, maxProvisionFile)
	return data, arg, err
}

// send has the gate take a code, or the settings of a file.
func (p *provisioning) send(c *cobra.Command, client *control.Client, name string, data []byte) error {
	// A space is a character of a code, but never its last: the file ends with a line.
	text := strings.Trim(string(data), "\ufeff\r\n\t ")
	if text == "" {
		return fmt.Errorf("%s is empty; want a provisioning code (RGP1:…), or settings as provisioned.toml has them", name)
	}
	if strings.HasPrefix(text, verify.ProvisionPrefix) {
		if i := strings.IndexAny(text, "\r\n"); i >= 0 {
			return fmt.Errorf("%s has more than one line; want one code", name)
		}
		return p.report(c, client)(client.Provision(c.Context(), text))
	}
	settings, err := configs.ParseSettings(name, data)
	if err != nil {
		return err
	}
	return p.settings(c, client, settings)
}

// settings has the gate take settings by hand.
func (p *provisioning) settings(c *cobra.Command, client *control.Client, s *verify.Settings) error {
	return p.report(c, client)(client.ProvisionByHand(c.Context(), configs.FormatSettings(s)))
}

// report says what became of it, and waits for the gate to be what it was told. Where a
// technician must confirm the signer, it asks.
func (p *provisioning) report(c *cobra.Command, client *control.Client) func(control.Provisioned, error) error {
	return func(answer control.Provisioned, err error) error {
		if err != nil {
			return err
		}
		out := c.OutOrStdout()
		if answer.Settings != "" {
			fmt.Fprintln(out, answer.Settings)
		}
		if answer.Reason == string(verify.Unconfirmed) && answer.Signer != "" && p.confirm == "" && onTerminal(c.InOrStdin()) {
			fmt.Fprintf(out, "signed by  %s\nIs this the station's signer, as station enroll --signer shows it? [y/N] ", answer.Signer)
			if !agreed(c.InOrStdin()) {
				fmt.Fprintln(out, "Nothing was changed.")
				return exitError(exitFailed)
			}
			answer, err = client.ConfirmSigner(c.Context(), answer.Signer)
			if err != nil {
				return err
			}
		}
		if !answer.Done {
			return fmt.Errorf("not provisioned (%s): %s", answer.Reason, answer.Why)
		}
		return awaitProvisioned(c.Context(), client, out)
	}
}

// beginsWithin is how long a gate may take to begin again.
const beginsWithin = 30 * time.Second

func awaitProvisioned(ctx context.Context, client *control.Client, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, beginsWithin)
	defer cancel()
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for {
		if s, err := client.Status(ctx); err == nil && s.Provision != nil && !s.Provision.Waiting {
			_, err := fmt.Fprintf(out, "This is gate %s of station %s, %s. railgate status says how it is.\n", s.Gate, s.Station, s.Direction)
			return err
		}
		select {
		case <-ctx.Done():
			return errors.New("the gate took it, and does not answer yet: railgate status, journalctl -u railgated")
		case <-look.C:
		}
	}
}

// takeBack makes the gate wait to be provisioned again, with consent.
func (p *provisioning) takeBack(c *cobra.Command, client *control.Client) error {
	if strings.TrimSpace(p.why) == "" {
		return usageError{errors.New("provision --reset: --why is missing: say why, for the journal")}
	}
	s, err := client.Status(c.Context())
	if err != nil {
		return err
	}
	if !p.yes {
		fmt.Fprintf(c.OutOrStdout(), "Gate %s of station %s closes, and waits to be provisioned again. Its journal and its keys stay.\nGo on? [y/N] ", s.Gate, s.Station)
		if !agreed(c.InOrStdin()) {
			fmt.Fprintln(c.OutOrStdout(), "Nothing was changed.")
			return exitError(exitFailed)
		}
	}
	if err := client.Unprovision(context.WithoutCancel(c.Context()), p.why); err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.OutOrStdout(), "The gate waits to be provisioned again.")
	return err
}

func onTerminal(in io.Reader) bool {
	f, ok := in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// A field is one line that byHand asks for. set puts an answer in; check says whether it is good.
type field struct {
	what, usual string
	set         func(*verify.Settings, string) error
}

var provisionFields = []field{
	{"Station (telegraph code)", "", func(s *verify.Settings, v string) error { s.Station = v; return nil }},
	{"Gate (its name there)", "", func(s *verify.Settings, v string) error { s.Gate = v; return nil }},
	{"Direction (entry, exit, check)", "entry", func(s *verify.Settings, v string) error { s.Direction = v; return nil }},
	{"The nation's repository (URL)", "", func(s *verify.Settings, v string) error { s.Nation = v; return nil }},
	{"Fingerprint of its first root (sha256sum 1.root.json)", "", func(s *verify.Settings, v string) (err error) {
		s.NationRoot, err = configs.ParseFingerprint(v)
		return err
	}},
	{"The station's repository (URL; - for none)", "-", func(s *verify.Settings, v string) error { s.Repository = strings.TrimPrefix(v, "-"); return nil }},
	{"Network (dhcp, or such as 10.1.2.3/24; - to leave it)", "-", func(s *verify.Settings, v string) error { s.Network.Address = strings.TrimPrefix(v, "-"); return nil }},
	{"Gateway (- for none)", "-", func(s *verify.Settings, v string) error {
		if s.Network.Gateway = strings.TrimPrefix(v, "-"); s.Network.Gateway != "" && (s.Network.Address == "" || s.Network.Address == verify.DHCP) {
			return errors.New("a gateway is for a fixed address; answer -")
		}
		return nil
	}},
}

// byHand asks for each setting, checks it at once, and asks again where it is wrong.
func (p *provisioning) byHand(c *cobra.Command, client *control.Client) error {
	s, err := client.Status(c.Context())
	if err != nil {
		return err
	}
	if s.Provision == nil || !s.Provision.Waiting {
		return errors.New("this gate does not wait to be provisioned: railgate status")
	}
	in, out := bufio.NewReader(io.LimitReader(c.InOrStdin(), maxProvisionFile)), c.OutOrStdout()
	settings := placeholder()
	for _, f := range provisionFields {
		if err := f.ask(in, out, settings); err != nil {
			return err
		}
	}
	if err := settings.Check(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s\nIs all of this right? [y/N] ", configs.FormatSettings(settings))
	if !p.yes && !agreed(in) {
		fmt.Fprintln(out, "Nothing was changed.")
		return exitError(exitFailed)
	}
	return p.settings(c, client, settings)
}

// placeholder are settings that are good, so that an answer is what is wrong with them.
func placeholder() *verify.Settings {
	return &verify.Settings{Station: "S", Gate: "G", Direction: "entry", Nation: "https://nation.example", NationRoot: make([]byte, 32)}
}

func (f *field) ask(in *bufio.Reader, out io.Writer, s *verify.Settings) error {
	for {
		fmt.Fprint(out, f.what)
		if f.usual != "" {
			fmt.Fprintf(out, " [%s]", f.usual)
		}
		fmt.Fprint(out, ": ")
		line, err := in.ReadString('\n')
		if err != nil && line == "" {
			return errors.New("not provisioned: the answers ended; nothing was changed")
		}
		answer := strings.TrimSpace(line)
		if answer == "" {
			answer = f.usual
		}
		before := *s
		err = f.set(s, answer)
		if err == nil {
			err = s.Check()
		}
		if err == nil {
			return nil
		}
		*s = before
		fmt.Fprintln(out, "  "+err.Error())
	}
}
