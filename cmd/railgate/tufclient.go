package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"railgate/store"
	"railgate/store/durable"
	"railgate/store/sync"
)

// tufClient is the command line of the public conformance suite for TUF clients
// (theupdateframework/tuf-conformance, CLIENT-CLI.md), around the code and the state that
// railgated syncs with.
type tufClient struct {
	metadataDir, metadataURL string
	targetNames              []string
	targetURL, targetDir     string
}

func newTUFClient() *cobra.Command {
	t := new(tufClient)
	cmd := &cobra.Command{
		Use: "tuf-client", Hidden: true,
		Short: "Run the sync's TUF client, as the public conformance suite calls it",
	}
	f := cmd.PersistentFlags()
	f.StringVar(&t.metadataDir, "metadata-dir", "", "the `folder` of what is trusted")
	f.StringVar(&t.metadataURL, "metadata-url", "", "the `URL` of the metadata")
	f.StringArrayVar(&t.targetNames, "target-name", nil, "a target's `name`; may be repeated")
	f.StringVar(&t.targetURL, "target-base-url", "", "the `URL` of the targets")
	f.StringVar(&t.targetDir, "target-dir", "", "the `folder` for targets")
	cmd.MarkPersistentFlagRequired("metadata-dir")
	cmd.AddCommand(
		&cobra.Command{Use: "init TRUSTED_ROOT", Short: "Begin with a first root.json", Args: cobra.ExactArgs(1), RunE: func(_ *cobra.Command, args []string) error { return t.init(args[0]) }},
		&cobra.Command{Use: "refresh", Short: "Bring the metadata up to date", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return t.refresh(c.Context(), nil) }},
		&cobra.Command{Use: "download", Short: "Download targets", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return t.refresh(c.Context(), t.targetNames) }},
	)
	return cmd
}

const (
	tufRepository  = "conformance"
	tufDelegations = 32
	tufFirstRoot   = "first-root.json"
)

func (t *tufClient) init(root string) error {
	data, err := os.ReadFile(root)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(filepath.Join(t.stateDir(), tufFirstRoot), data, 0o644); err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(t.metadataDir, "root.json"), data, 0o644)
}

// stateDir is beside the metadata: the suite reads what lies in its own folder.
func (t *tufClient) stateDir() string {
	dir := filepath.Clean(t.metadataDir) + ".state"
	os.MkdirAll(dir, 0o755) // what fails here fails again, with an error, when it is used
	return dir
}

// refresh brings the metadata up to date, then downloads.
func (t *tufClient) refresh(ctx context.Context, names []string) error {
	root, err := os.ReadFile(filepath.Join(t.stateDir(), tufFirstRoot))
	if err != nil {
		return err
	}
	now, err := dateNow()
	if err != nil {
		return err
	}
	s, err := store.Open(store.Options{Dir: t.stateDir(), Days: 1, MaxBytes: 1 << 20, Now: func() (time.Time, bool) { return now, true }, Proven: func() store.Proven { return nothingProven{} }}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Err(); err != nil {
		return err
	}
	r := &sync.Repository{
		Name: tufRepository, Root: root, Metadata: sync.NewWeb(t.metadataURL, nil), Targets: sync.NewWeb(t.targetURL, nil),
		State: copied{s, t.metadataDir}, Now: func() time.Time { return now }, Delegations: tufDelegations,
	}
	listing, err := r.Refresh(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := t.download(ctx, listing, name); err != nil {
			return err
		}
	}
	return nil
}

func (t *tufClient) download(ctx context.Context, l *sync.Listing, name string) error {
	target, err := l.Find(ctx, name)
	if err != nil {
		return err
	}
	path := filepath.Join(t.targetDir, url.QueryEscape(name))
	if data, err := os.ReadFile(path); err == nil && target.Matches(data) {
		return nil
	}
	data, err := l.Bytes(ctx, target, target.Length)
	if err != nil {
		return err
	}
	return durable.WriteFile(path, data, 0o644)
}

// dateNow is the time of date(1), which the suite moves; Go does not see that.
func dateNow() (time.Time, error) {
	out, err := exec.Command("date", "+%s").Output()
	if err != nil {
		return time.Time{}, fmt.Errorf("date: %w", err)
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return time.Unix(seconds, 0), err
}

type nothingProven struct{}

func (nothingProven) Proven() time.Time { return time.Time{} }

// copied is a state whose files also lie in a folder, for the suite to look at.
type copied struct {
	*store.Store
	dir string
}

func (c copied) PutFiles(repository string, files map[string][]byte) error {
	if err := c.Store.PutFiles(repository, files); err != nil {
		return err
	}
	var errs []error
	for name, data := range files {
		path := filepath.Join(c.dir, name)
		if data == nil {
			if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
				errs = append(errs, err)
			}
			continue
		}
		errs = append(errs, durable.WriteFile(path, data, 0o644))
	}
	return errors.Join(errs...)
}
