package main

import (
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

func readModule(t *testing.T) map[string]*room {
	t.Helper()
	rooms, err := read(root)
	if err != nil {
		t.Fatal(err)
	}
	if rooms["verify"] == nil || rooms["cmd/railgated"] == nil {
		t.Fatalf("%d packages; want all of the module's", len(rooms))
	}
	return rooms
}

func TestThePictureIsUpToDate(t *testing.T) {
	want := draw(readModule(t))
	got, err := os.ReadFile(root + "/docs/architecture.svg")
	if err != nil || string(got) != want {
		t.Errorf("docs/architecture.svg is out of date: go run ./cmd/rooms > docs/architecture.svg (%v)", err)
	}
}

// may is what each room may import of the module, the first pattern that fits counts. It is the house's law:
// what decides knows no devices, what drives knows no policy, what keeps knows neither.
var may = []struct {
	room string   // a pattern of path.Match
	of   []string // patterns
	not  []string // of other modules and the standard library, patterns
}{
	{"verify", nil, impure},
	{"verify/lane", []string{"verify", "store/journal"}, impure},
	{"verify/mint", []string{"verify", "store/durable"}, []string{"net/http", "log/slog"}},
	{"store/journal", nil, []string{"go.etcd.io/bbolt", "os", "net", "net/*"}},
	{"store/durable", nil, []string{"go.etcd.io/bbolt"}},
	{"store/identity", []string{"store/durable", "store/journal"}, []string{"go.etcd.io/bbolt", "net", "net/*"}},
	{"store/bus", []string{"store/journal"}, []string{"go.etcd.io/bbolt", "os", "net/http", "github.com/nats-io/*"}},
	{"store/link", []string{"store", "store/*"}, []string{"net/http"}},
	{"store/link/linktest", []string{"store/bus", "store/identity", "store/journal", "store/news"}, nil}, // a station for tests
	{"store/news", []string{"store/bus"}, []string{"go.etcd.io/bbolt", "net/http", "os", "log/slog"}},
	{"store/manifest", nil, []string{"net", "net/*", "go.etcd.io/bbolt", "log/slog"}},
	{"store/update", []string{"store/durable"}, []string{"net", "net/*", "go.etcd.io/bbolt", "log/slog"}},
	{"store/sync", []string{"store", "store/*", "verify"}, nil},
	{"store", []string{"store/journal", "store/durable"}, []string{"net/http"}},
	{"driver", nil, nil},
	{"driver/*", []string{"driver", "driver/*"}, []string{"go.etcd.io/bbolt", "net/http"}},
	{"driver/*/*", []string{"driver", "driver/*", "driver/*/*"}, []string{"go.etcd.io/bbolt", "net/http"}},
	{"systemd", nil, nil},
	{"configs", []string{"driver", "driver/*", "store/bus", "store/journal", "verify", "verify/lane"}, nil},
	{"cmd/control", []string{"configs", "driver", "driver/*", "store", "store/journal", "verify", "verify/*"}, nil},
	{"cmd/issuer/acts", []string{"store/journal"}, []string{"net", "net/*", "os", "log/slog"}},
	{"cmd/issuer/window", []string{"cmd/issuer/office", "cmd/limit", "cmd/pages", "verify"}, nil},
	{"cmd/issuer/office", []string{"cmd/issuer/acts", "cmd/limit", "verify", "verify/mint", "store/durable", "store/journal"}, []string{"net/http", "net/http/*"}},
	{"cmd/progress", nil, []string{"net", "net/*", "log/slog"}},
	{"cmd/loopback", nil, []string{"net/*", "os", "log/slog"}},
	{"cmd/limit", nil, []string{"net", "net/*", "os", "log/slog"}},
	{"cmd/pages", nil, []string{"os", "log/slog"}},
	{"cmd/pages/pagetest", nil, nil},
	{"cmd/inspector/inspect", []string{"verify", "driver/eye"}, impure},
	{"cmd/inspector/pack", nil, nil},
	{"cmd/inspector/wasm", nil, nil}, // for browsers it imports the inspector
	{"cmd/inspector", []string{"cmd/pages", "verify", "verify/lane"}, []string{"os"}},
	{"cmd/issuer/provider", nil, nil},
	{"cmd/issuer/provider/providertest", []string{"cmd/issuer/provider"}, nil},
	{"cmd/issuer/office/officetest", []string{"cmd/issuer/office", "verify"}, nil},
	{"cmd/issuer/benchprovider", []string{"cmd/issuer/provider"}, nil},
	{"cmd/issuer/signin", []string{"cmd/issuer/provider"}, nil},
	{"cmd/issuer/signin/signintest", []string{"cmd/issuer/signin"}, nil},
	{"cmd/issuer/counter", []string{"cmd/issuer/office", "cmd/limit", "cmd/pages", "store/durable", "verify", "verify/lane"}, nil},
	{"cmd/issuer/counter/countertest", nil, nil},
	{"cmd/issuer", []string{"verify", "verify/*", "store/*", "cmd/inspector", "cmd/issuer/*", "cmd/pages", "cmd/limit"}, nil},
	{"cmd/railgated/keyring", []string{"verify", "configs", "cmd/control", "store/durable"}, []string{"net/http"}},
	{"cmd/railgated/logsink", nil, []string{"net/http"}},
	{"cmd/railgated", []string{"verify", "verify/*", "store", "store/*", "driver", "driver/*", "configs", "cmd/control", "cmd/railgated/*"}, nil},
	{"cmd/railgate", []string{"verify", "verify/*", "store", "store/*", "driver", "driver/*", "driver/*/*", "configs", "cmd/control", "cmd/progress", "cmd/railgate/*"}, nil},
	{"cmd/railgate/flash", nil, []string{"net", "net/*", "log/slog"}},
	{"cmd/railgate/guide", []string{"configs", "driver", "driver/*", "cmd/control", "store/durable", "store/journal", "verify"}, []string{"net", "net/*"}},
	{"cmd/station/repository", []string{"store/durable"}, []string{"net/http", "log/slog"}},
	{"cmd/station/ledger", []string{"store/identity", "store/journal"}, []string{"net/http", "log/slog"}},
	{"cmd/station/ledger/ledgertest", nil, nil},
	{"cmd/metricstest", nil, nil},
	{"cmd/station/collect", []string{"store/identity", "store/journal", "store/bus", "store/durable", "store/news", "cmd/station/ledger"}, []string{"net/http"}},
	{"cmd/station/audit", []string{"store/identity", "store/journal", "store/bus", "cmd/station/ledger"}, []string{"net/http", "log/slog"}},
	{"cmd/station/hub", []string{"store/identity", "store/bus"}, nil}, // a server tells its health by HTTP alone
	{"cmd/station/page", []string{"cmd/pages", "cmd/limit", "store/durable", "store/journal", "store/bus", "cmd/station/ledger", "cmd/station/collect"}, nil},
	{"cmd/station", []string{"configs", "verify", "verify/*", "store", "store/*", "cmd/control", "cmd/progress", "cmd/inspector", "cmd/station/*"}, nil},
	{"cmd/*", []string{"verify", "verify/*", "store", "store/*", "driver", "driver/*", "driver/*/*", "configs", "cmd/control", "cmd/loopback", "cmd/progress"}, nil},
}

// impure is what a pure function needs nothing of. net/netip and net/url are values alone.
var impure = []string{"os", "os/*", "net", "net/http", "net/http/*", "net/rpc", "net/rpc/*", "net/smtp", "net/textproto", "net/mail", "log", "log/*", "math/rand", "math/rand/*", "go.etcd.io/bbolt"}

func TestEachRoomImportsWhatItMay(t *testing.T) {
	for _, r := range readModule(t) {
		if err := breach(r); err != "" {
			t.Errorf("%s imports %s, and may not: see the table beside this test", r.path, err)
		}
	}
}

// breach is the first import that a room may not have; "" where there is none.
func breach(r *room) string {
	fits := func(patterns []string, name string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { ok, _ := path.Match(p, name); return ok })
	}
	for _, law := range may {
		if ok, _ := path.Match(law.room, r.path); !ok {
			continue
		}
		for _, i := range r.imports {
			if !fits(law.of, i) {
				return module + "/" + i
			}
		}
		for _, i := range r.others {
			if fits(law.not, i) {
				return i
			}
		}
		return ""
	}
	return "anything: it has no row"
}

// The table above must be able to fail.
func TestABreachIsFound(t *testing.T) {
	for _, tt := range []struct {
		path    string
		imports []string
		want    string
	}{
		{"verify", []string{"railgate/store"}, "railgate/store"},
		{"verify", []string{"os"}, "os"},
		{"verify/lane", []string{"railgate/driver"}, "railgate/driver"},
		{"verify/lane", []string{"railgate/verify", "railgate/store/journal"}, ""},
		{"store", []string{"railgate/verify"}, "railgate/verify"},
		{"store", []string{"go.etcd.io/bbolt"}, ""},
		{"store/journal", []string{"go.etcd.io/bbolt"}, "go.etcd.io/bbolt"},
		{"driver/panel", []string{"railgate/verify/lane"}, "railgate/verify/lane"},
		{"cmd/issuer/office", []string{"cmd/limit", "net/http"}, "net/http"},
		{"cmd/railgate", []string{"railgate/cmd/railgated"}, "railgate/cmd/railgated"},
		{"store/bus", []string{"github.com/nats-io/nats.go"}, "github.com/nats-io/nats.go"},
		{"store/link", []string{"railgate/driver/clock"}, "railgate/driver/clock"},
		{"util", nil, "anything: it has no row"},
	} {
		if got := breach(newRoom(tt.path, tt.imports)); got != tt.want {
			t.Errorf("%s with %v: %q; want %q", tt.path, tt.imports, got, tt.want)
		}
	}
}

func TestAnImpliedArrowIsLeftOut(t *testing.T) {
	rooms := map[string]*room{
		"a": newRoom("a", []string{"railgate/b", "railgate/c"}), "b": newRoom("b", []string{"railgate/c"}), "c": newRoom("c", nil),
	}
	if got := strings.Join(arrows(rooms, rooms["a"]), " "); got != "b" {
		t.Errorf("arrows of a go to %s; want b, which goes on to c", got)
	}
	if floor(rooms, "a") != 2 || floor(rooms, "c") != 0 {
		t.Errorf("floors %d, %d; want 2, 0", floor(rooms, "a"), floor(rooms, "c"))
	}
}
