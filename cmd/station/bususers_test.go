package main

import (
	"reflect"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"railgate/store/bus"
	"railgate/store/identity"
)

// nats-server reads what bus-users prints: the station's own user, and each gate with its own
// subjects.
func TestNatsServerReadsTheUsers(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.must("init", "--station", "GZQ", "--online", "--server", "tls://127.0.0.1:4222")
	for i, name := range []string{"A07", "A08"} {
		code, err := identity.FromSeed([32]byte{byte(i + 1)}).Public("GZQ", name).Text()
		if err != nil {
			t.Fatal(err)
		}
		o.must("enroll", code)
	}
	o.write("users.conf", o.must("bus-users"))
	got, err := server.ProcessConfigFile(o.write("nats.conf", "accounts { GZQ { jetstream: enabled\n include \"users.conf\"\n } }\n"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bus.Allowed{}
	for _, u := range got.Nkeys {
		if u.Permissions == nil {
			found["own"] = bus.Allowed{}
			continue
		}
		for _, name := range []string{"A07", "A08"} {
			if may := bus.Permissions("GZQ", name); reflect.DeepEqual(u.Permissions.Publish.Allow, may.Publish) && reflect.DeepEqual(u.Permissions.Subscribe.Allow, may.Subscribe) {
				found[name] = may
			}
		}
	}
	if len(got.Nkeys) != 3 || len(found) != 3 {
		t.Errorf("%d users, %d as they should be; want the station's own and two gates", len(got.Nkeys), len(found))
	}
}
