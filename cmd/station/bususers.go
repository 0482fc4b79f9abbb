package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"railgate/store/bus"
	"railgate/store/identity"
)

func newBusUsers(d *desk) *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "bus-users",
		Short: "Print who may use a message server that stands elsewhere",
		Long: `Bus-users prints the users of the station's message server, in the form of nats-server's
configuration: the station's own, and each enrolled gate with its own subjects. Write it to a
file that the account includes, and reload the server after each gate that is enrolled:

  accounts { GZQ { jetstream: enabled, include "users.conf" } }`,
		Example: "  station bus-users --dir D > /etc/nats/users.conf && nats-server --signal reload",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			p, l, err := d.openLedger(c, o)
			if err != nil {
				return err
			}
			defer l.Close()
			own, err := p.keys.bus.PublicKey()
			if err != nil {
				return err
			}
			gates, err := l.Gates(c.Context())
			if err != nil {
				return err
			}
			var all []identity.Public
			for _, g := range gates {
				if g.Station == p.info.Station {
					all = append(all, g.Public)
				}
			}
			return printUsers(c.OutOrStdout(), own, all)
		},
	}
	o.flags(cmd)
	return cmd
}

// A busUser is a user in nats-server's configuration, of which JSON is a part.
type busUser struct {
	NKey        string      `json:"nkey"`
	Permissions *busSubject `json:"permissions,omitempty"` // absent: everything
}

type busSubject struct {
	Publish   allowed `json:"publish"`
	Subscribe allowed `json:"subscribe"`
}

type allowed struct {
	Allow []string `json:"allow"`
}

// printUsers writes the users, a line each.
func printUsers(w io.Writer, own string, gates []identity.Public) error {
	users := []busUser{{NKey: own}}
	for _, g := range gates {
		may := bus.Permissions(g.Station, g.Gate)
		users = append(users, busUser{g.Bus, &busSubject{allowed{may.Publish}, allowed{may.Subscribe}}})
	}
	fmt.Fprintln(w, "users: [") // the last line tells of an error
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false) // nats-server does not read \u003e
	for _, u := range users {
		if err := lines.Encode(u); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w, "]")
	return err
}
