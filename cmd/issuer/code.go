package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"railgate/verify"
	"railgate/verify/mint"
)

// codeFlags are what issuer code is told.
type codeFlags struct {
	way, alg, sub, cti, at, qr string
	class, slot, count, scale  int
	live, lasts                time.Duration
	asJSON                     bool
}

func newCode(dir *string) *cobra.Command {
	var o codeFlags
	c := &cobra.Command{
		Use:   "code",
		Short: "Mint a code, as text and as a QR picture",
		Long: `Code mints a code that a gate grants now, or at the time given. With --slot it is the code
of that slot of a credential that was signed as many periods before; with --count
the codes of the slots that follow are printed as well.`,
		Example: "  issuer code --way chain --qr out.png\n  issuer code --way issuer --alg SM2 --at 2026-11-23T08:00:00Z\n  issuer code --class 2 --for 12h\n  issuer code --class 3 --qr staff.png",
		RunE: func(c *cobra.Command, _ []string) error {
			f, err := mint.LoadKeyFile(*dir)
			if err != nil {
				return err
			}
			return mintCodes(c.OutOrStdout(), f, &o)
		},
	}
	flags := c.Flags()
	flags.StringVar(&o.way, "way", "", "who rotates: issuer, chain, device; static for paper (default: issuer; static for class 2, device for class 3)")
	flags.StringVar(&o.alg, "alg", "EdDSA", "the signature's algorithm: EdDSA, ES256, SM2")
	flags.IntVar(&o.class, "class", 0, "1 temporary ID, 2 paper, 3 staff (default 1; 2 for static)")
	flags.StringVar(&o.sub, "sub", "", "the holder, 8 to 32 bytes in `hex` (default: random)")
	flags.StringVar(&o.cti, "cti", "", "the certificate, 8 to 16 bytes in `hex` (default: random)")
	flags.StringVar(&o.at, "at", "", "the `time` at which the code is shown (RFC 3339; default: now)")
	flags.IntVar(&o.slot, "slot", 0, "the slot of the (first) code, for chain and device")
	flags.IntVar(&o.count, "count", 1, "how many slots' codes to print")
	flags.DurationVar(&o.live, "live", 0, "how long before the signing the real-person check was")
	flags.DurationVar(&o.lasts, "for", 24*time.Hour, "how long the certificate lasts")
	flags.StringVar(&o.qr, "qr", "", "write the (first) code's QR picture to this PNG `file`")
	flags.IntVar(&o.scale, "scale", 8, "pixels a module of the picture")
	flags.BoolVar(&o.asJSON, "json", false, "print NDJSON")
	return c
}

// mintedCode is a code with what is known of it.
type mintedCode struct {
	Text        string    `json:"text"`
	Slot        uint8     `json:"slot"`
	Begins      time.Time `json:"begins"`
	Holder      string    `json:"sub"`
	Certificate string    `json:"cti"`
	KeyID       string    `json:"kid"`
	Expires     time.Time `json:"expires"`
}

func mintCodes(out io.Writer, f *mint.KeyFile, o *codeFlags) error {
	if o.count < 1 || o.slot < 0 || o.slot+o.count > 256 || o.scale < 1 || o.scale > 64 {
		return usageError{fmt.Errorf("--slot %d, --count %d, --scale %d: want slots of 0 to 255, and a scale of 1 to 64", o.slot, o.count, o.scale)}
	}
	order, err := o.order(f)
	if err != nil {
		return err
	}
	w, err := mint.NewWallet(f, order)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for i := range o.count {
		slot := uint8(o.slot + i)
		text, err := w.Code(slot)
		if err != nil {
			return err
		}
		if i == 0 && o.qr != "" {
			if err := writeQR(o.qr, text, o.scale); err != nil {
				return err
			}
		}
		if !o.asJSON {
			fmt.Fprintln(out, text)
			continue
		}
		m := mintedCode{Text: text, Slot: slot, Begins: w.Begins(slot), Holder: order.Holder.String(), Certificate: order.Certificate.String(), KeyID: w.KeyID.String(), Expires: order.Expires}
		if err := enc.Encode(m); err != nil {
			return err
		}
	}
	return nil
}

// rotation is the one that is asked for, or the class's: a gate takes staff codes only
// where the phone signs them.
func (o *codeFlags) rotation() (verify.Rotation, error) {
	if o.way == "" {
		switch verify.Class(o.class) {
		case verify.Paper:
			return verify.Static, nil
		case verify.Staff:
			return verify.ByDevice, nil
		}
		return verify.ByIssuer, nil
	}
	r, err := verify.ParseRotation(o.way)
	if err != nil {
		return 0, usageError{fmt.Errorf("--%w", err)}
	}
	return r, nil
}

// order makes of the flags what is to be signed.
func (o *codeFlags) order(f *mint.KeyFile) (out mint.Order, err error) {
	if out.Rotation, err = o.rotation(); err != nil {
		return out, err
	}
	if out.Algorithm, err = parseAlgorithm(o.alg); err != nil {
		return out, err
	}
	shown := time.Now()
	if o.at != "" {
		if shown, err = time.Parse(time.RFC3339Nano, o.at); err != nil {
			return out, usageError{fmt.Errorf("--at %q: want an RFC 3339 time, such as 2026-11-23T08:00:00Z", o.at)}
		}
	}
	if out.Class, err = o.classOf(out.Rotation); err != nil {
		return out, err
	}
	if (out.Rotation == verify.Static) != (out.Class == verify.Paper) {
		return out, usageError{fmt.Errorf("--way %s, --class %d: paper is class 2 and static, and nothing else is", out.Rotation, out.Class)}
	}
	out.Issued = shown.Truncate(time.Second).Add(-time.Duration(o.slot) * f.Period())
	out.Live, out.Expires = out.Issued.Add(-o.live), out.Issued.Add(o.lasts)
	holder, err := idOf("--sub", o.sub, 12)
	if err != nil {
		return out, err
	}
	certificate, err := idOf("--cti", o.cti, 8)
	out.Holder, out.Certificate = verify.HolderID(holder), verify.CertificateID(certificate)
	return out, err
}

// classOf is the class that is asked for, or the rotation's.
func (o *codeFlags) classOf(r verify.Rotation) (verify.Class, error) {
	switch {
	case o.class == 0 && r == verify.Static:
		return verify.Paper, nil
	case o.class == 0:
		return verify.Temporary, nil
	}
	class, err := verify.ParseClass(o.class)
	if err != nil {
		return 0, usageError{fmt.Errorf("--%w", err)}
	}
	return class, nil
}

// idOf is an id as given in hex, or a random one.
func idOf(flag, text string, size int) (string, error) {
	if text == "" {
		return mint.RandomID(size), nil
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		return "", usageError{fmt.Errorf("%s: %q is not hex", flag, text)}
	}
	return string(b), nil
}
