package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"railgate/cmd/issuer/counter"
)

// newClient is issuer client: the ticketing systems that may look codes up.
func newClient(dir *string) *cobra.Command {
	c := &cobra.Command{
		Use:   "client",
		Short: "Let ticketing systems look codes up, or no longer",
		Long: `Client keeps the ticketing systems that may ask what a code says, and whose it is: in
clients.json, beside the issuer's keys. A running issuer serve reads it at each request.`,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newClientAdd(dir), newClientList(dir), newClientRemove(dir))
	return c
}

func newClientAdd(dir *string) *cobra.Command {
	var scopes, purposes []string
	var perMinute, perDay int
	c := &cobra.Command{
		Use:   "add ID",
		Short: "Add a client, and print its secret",
		Long: `Add prints the secret of a new client, once: the issuer keeps only its digest. Whoever
has it asks for tokens with it (docs/issuer.md, "For ticketing systems").

Scopes are resolve (the decision; each look-up needs it), resolve:name, resolve:number and
resolve:ticket. Purposes are sale, refund, change and inspection.`,
		Example: "  issuer client add ticketing --scopes resolve,resolve:name --purposes sale,refund,change",
		Args:    oneID,
		RunE: func(c *cobra.Command, args []string) error {
			client := counter.Client{ID: args[0], PerMinute: perMinute, PerDay: perDay, Added: time.Now().UTC().Truncate(time.Second)}
			for _, s := range scopes {
				client.Scopes = append(client.Scopes, counter.Scope(s))
			}
			for _, p := range purposes {
				client.Purposes = append(client.Purposes, counter.Purpose(p))
			}
			secret, err := counter.AddClient(*dir, client)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.ErrOrStderr(), "client %s is added; its secret is shown here, and nowhere again:\n", client.ID)
			fmt.Fprintln(c.OutOrStdout(), secret)
			return nil
		},
	}
	c.Flags().StringSliceVar(&scopes, "scopes", []string{string(counter.Resolve)}, "what it is told: `list`")
	c.Flags().StringSliceVar(&purposes, "purposes", nil, "what it may ask for: `list`")
	c.Flags().IntVar(&perMinute, "per-minute", 120, "look-ups a minute")
	c.Flags().IntVar(&perDay, "per-day", 20_000, "look-ups a day")
	return c
}

func newClientList(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Show the clients",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			all, err := counter.Clients(*dir)
			if err != nil {
				return err
			}
			t := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "ID\tSCOPES\tPURPOSES\tA MINUTE\tA DAY\tADDED")
			for _, client := range all {
				fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%s\n", client.ID, joined(client.Scopes), joined(client.Purposes), client.PerMinute, client.PerDay, client.Added.Format(time.DateOnly))
			}
			return t.Flush()
		},
	}
}

func newClientRemove(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "remove ID",
		Short: "Take a client away: its secret and its tokens end at once",
		Args:  oneID,
		RunE:  func(_ *cobra.Command, args []string) error { return counter.RemoveClient(*dir, args[0]) },
	}
}

func oneID(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError{fmt.Errorf("%s takes one client's id, and was given %q", c.CommandPath(), args)}
	}
	return nil
}

func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%s takes no arguments, and was given %q", c.CommandPath(), args)}
	}
	return nil
}

func joined[T ~string](list []T) string {
	words := make([]string, len(list))
	for i, s := range list {
		words[i] = string(s)
	}
	return strings.Join(words, ",")
}
