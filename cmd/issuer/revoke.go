package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"railgate/cmd/issuer/office"
	"railgate/cmd/pages"
	"railgate/verify"
)

// socketName is the socket in the issuer's folder on which a running issuer serve is told
// what to revoke, and gives its record: the register has one user at a time.
const socketName = "issuer.sock"

// A revokeOrder is what issuer revoke asks for: by a certificate or by a document.
type revokeOrder struct {
	Certificate string `json:"cti,omitempty"` // hex
	Document    string `json:"document,omitempty"`
	Number      string `json:"number,omitempty"`
	Reason      string `json:"reason"`
	By          string `json:"by"`
}

// A revokeAnswer says what was revoked.
type revokeAnswer struct {
	Revoked []string `json:"revoked"` // ctis in hex
	Error   string   `json:"error,omitempty"`
}

const maxReason = 200 // bytes

func newRevoke(dir *string) *cobra.Command {
	var o revokeOrder
	c := &cobra.Command{
		Use:   "revoke CTI | --number NUMBER",
		Short: "Revoke what a lost phone or a slip holds",
		Long: `Revoke makes void what was signed of a certificate until now: gates in touch with their
station deny it within a minute, as "revoked". CTI is the certificate's id in hexadecimal
digits, as the journal of a gate and the page have it; --number revokes every temporary ID
of a person that is valid, electronic and on paper.

The certificate is not lost: its holder verifies again and gets codes on the phone that
passes. A slip is void for good. It works whether or not issuer serve runs, and is on the
record of acts.`,
		Example: "  issuer revoke c1ce280c37389389 --why \"phone stolen\"\n  issuer revoke --number 11010519491231002X",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args)+min(len(o.Number), 1) != 1 {
				return usageError{errors.New("revoke: give the certificate's id, or --number")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.Certificate = args[0]
			}
			if len(o.Reason) > maxReason {
				return usageError{fmt.Errorf("--why of %d bytes; want %d at most", len(o.Reason), maxReason)}
			}
			o.By = "issuer revoke, " + userName()
			ids, err := revokeIn(c.Context(), *dir, o)
			for _, id := range ids {
				fmt.Fprintln(c.OutOrStdout(), "revoked", id)
			}
			return err
		},
	}
	c.Flags().StringVar(&o.Number, "number", "", "revoke the temporary IDs of the person with this `number`")
	c.Flags().StringVar(&o.Document, "document", office.ResidentCard, "the `kind` of document that has the number")
	c.Flags().StringVar(&o.Reason, "why", "by hand", "the reason, for the register")
	return c
}

func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprint("uid ", os.Getuid())
}

// revokeIn revokes by the issuer serve that has a folder open, or in the folder itself where
// none has.
func revokeIn(ctx context.Context, dir string, o revokeOrder) ([]string, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	if _, err := os.Stat(filepath.Join(dir, "issuer.db")); err != nil {
		return nil, fmt.Errorf("%s: no issuer has run in this folder; --dir names another: %w", dir, err)
	}
	ids, err := askServer(ctx, filepath.Join(dir, socketName), o)
	if !errors.Is(err, errNobodyServes) {
		return ids, err
	}
	s, err := office.OpenRecords(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	ids, err = o.carryOut(ctx, s)
	return ids, errors.Join(err, s.Close())
}

// errNobodyServes is a socket on which nobody listens.
var errNobodyServes = errors.New("no issuer serve runs in this folder")

func askServer(ctx context.Context, socket string, o revokeOrder) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	data, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	response, err := askSocket(ctx, socket, http.MethodPost, "revoke", bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var a revokeAnswer
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&a); err != nil {
		return nil, fmt.Errorf("the issuer's answer: %w", err)
	}
	if a.Error != "" {
		err = errors.New(a.Error)
	}
	return a.Revoked, err
}

// askSocket asks the issuer serve that listens on a socket; errNobodyServes: none does.
func askSocket(ctx context.Context, socket, method, what string, body io.Reader) (*http.Response, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, "unix", socket)
		if err != nil {
			err = fmt.Errorf("%w: %w", errNobodyServes, err)
		}
		return c, err
	}}}
	request, err := http.NewRequestWithContext(ctx, method, "http://issuer/"+what, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	return client.Do(request)
}

// carryOut revokes.
func (o *revokeOrder) carryOut(ctx context.Context, s *office.Office) ([]string, error) {
	if o.Number != "" {
		ids, err := s.RevokePerson(ctx, o.Document, o.Number, o.Reason, o.By)
		if errors.Is(err, office.Deny(office.NoCertificate)) {
			err = errors.New("this person has no temporary ID that is valid")
		}
		var out []string
		for _, id := range ids {
			out = append(out, id.String())
		}
		return out, err
	}
	id, err := hex.DecodeString(o.Certificate)
	if err != nil || len(id) < 8 || len(id) > 16 {
		return nil, fmt.Errorf("certificate %q: want 8 to 16 bytes in hexadecimal digits", o.Certificate)
	}
	if err := s.Revoke(ctx, verify.CertificateID(id), o.Reason, o.By); err != nil {
		return nil, inWords(err)
	}
	return []string{o.Certificate}, nil
}

// inWords is an error for a terminal: a denial in its English words, and not by its name.
func inWords(err error) error {
	var no office.Denied
	if !errors.As(err, &no) {
		return err
	}
	words := no.Words().English
	return errors.New(strings.ToLower(words[:1]) + words[1:])
}

// listenForOrders listens on the socket. Only the folder's owner reaches it.
func listenForOrders(dir string) (net.Listener, error) {
	path := filepath.Join(dir, socketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path) // the register is locked: it is nobody else's
	if err != nil {
		return nil, err
	}
	return l, os.Chmod(path, 0o600)
}

// orders answers on the socket.
func orders(s *office.Office, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /revoke", func(rw http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(rw, r.Body, maxBody)
		var o revokeOrder
		if err := pages.ReadJSON(r.Body, &o); err != nil {
			reply(rw, http.StatusBadRequest, revokeAnswer{Error: err.Error()})
			return
		}
		ids, err := o.carryOut(r.Context(), s)
		a := revokeAnswer{Revoked: ids}
		if err != nil {
			log.Warn("issuer revoke is refused", "err", err)
			a.Error = err.Error()
		}
		reply(rw, http.StatusOK, a)
	})
	mux.HandleFunc("GET /record", func(rw http.ResponseWriter, r *http.Request) {
		http.NewResponseController(rw).SetWriteDeadline(time.Time{}) // as long as the copy takes
		if err := s.CopyRegister(rw); err != nil {
			log.Error("the record is not copied", "err", err)
			panic(http.ErrAbortHandler) // half a copy is not to look whole
		}
	})
	return mux
}
