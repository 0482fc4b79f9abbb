package main

import (
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newMan(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:    "man FOLDER",
		Short:  "Write the manual pages to a folder's man1",
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE: func(_ *cobra.Command, args []string) error {
			dir := filepath.Join(args[0], "man1")
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			// They show when this was made, so that two builds of one commit have the same pages.
			seconds, _ := strconv.ParseInt(built, 10, 64) // the linker's
			made := time.Unix(seconds, 0).UTC()
			return doc.GenManTree(root, &doc.GenManHeader{Title: "STATION", Section: "1", Source: "railgate " + version, Manual: "Railgate", Date: &made}, dir)
		},
	}
}
