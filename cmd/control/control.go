// Package control is what railgated says to those who ask it over its unix socket,
// and how to ask. The socket speaks HTTP with JSON, so that curl serves as well:
//
//	curl --unix-socket /var/lib/railgate/railgated.sock http://gate/status
//
//	GET  /status                      → [Status]
//	GET  /journal?after=SEQ&limit=N   → records as NDJSON, oldest first
//	GET  /events                      → [Event]s as NDJSON, for as long as the caller listens
//	GET  /metrics                     → the metrics of [http], for who has no port
//	GET  /keys                        → [Keys]: the keyset in use, and its file's
//	POST /keys?force=0|1              read the file now; force: though it is another issuer's
//	POST /service?mode=MODE&why=TEXT  free (needs why), closed, diagnosis, none → [Service]
//	POST /clock?time=RFC3339&why=TEXT lowers what is proven of the time
//	POST /provision?code=TEXT         makes the gate one of its station's → [Provisioned]
//	POST /provision?settings=TOML     likewise, by hand
//	POST /provision/confirm?signer=F  takes the code that waits for its signer to be confirmed
//	POST /provision/reset?why=TEXT    the gate waits to be provisioned again
//	GET  /config                      → [Config]: each key, its value, where that comes from
//	POST /update?install=0|1          bring the station's release now; install: it is wanted → [Update]
//	POST /sync                        asks the repository now → [Sync]
//	POST /sim?line=LINE&level=0|1     simulated turnstile: passage, emergency; line=walk: one person
//	POST /sim?line=clock&seconds=N    bench: the time moves forward
package control

import (
	"time"

	"railgate/configs"
	"railgate/driver/clock"
	"railgate/store"
	"railgate/store/journal"
	"railgate/verify/lane"
)

// SocketName is the socket's name in the runtime folder, which the data folder has a
// link to; without a runtime folder it is in the data folder itself.
const SocketName = "railgated.sock"

// Health is a gate's condition, as railgate's exit status tells it.
type Health string

const (
	Healthy      Health = "healthy"
	Degraded     Health = "degraded"       // it works, and something wants a technician
	OutOfService Health = "out_of_service" // the lane lets nobody pass
)

// Status is a gate at one moment.
type Status struct {
	Health   Health   `json:"health"`
	Mode     string   `json:"mode"` // closed, granted, passed, emergency, service, out_of_service
	Problems []string `json:"problems"`
	Causes   []Cause  `json:"causes"`          // what is wrong, with what to do
	Blinks   int      `json:"blinks"`          // of the service light, for that; 0: it is on
	Light    bool     `json:"light,omitempty"` // there is a service light

	Service      string     `json:"service,omitempty"`       // free, closed, diagnosis: what staff made of the lane,
	ServiceUntil *time.Time `json:"service_until,omitempty"` // and until when

	Station   string    `json:"station"`
	Gate      string    `json:"gate"`
	Direction string    `json:"direction"`
	Zone      string    `json:"zone"` // whose days and hours count
	Version   string    `json:"version"`
	PID       int       `json:"pid"`
	Started   time.Time `json:"started"`
	Config    string    `json:"config"`

	Devices     []Device     `json:"devices"`
	Clock       Clock        `json:"clock"`
	Keyset      Keyset       `json:"keyset"`
	Sync        *Sync        `json:"sync,omitempty"`        // absent where no repository is configured
	Revocations *Revocations `json:"revocations,omitempty"` // absent where nobody revokes
	Provision   *Provision   `json:"provision,omitempty"`   // absent where the gate's file says all
	Bus         *Bus         `json:"bus,omitempty"`         // absent where no station is configured
	Tickets     *Tickets     `json:"tickets,omitempty"`     // absent where there is no station
	Update      *Update      `json:"update,omitempty"`      // absent where there is no station and one system
	Store       store.Stats  `json:"store"`
	Counts      Counts       `json:"counts"`
	Timings     Timings      `json:"timings"`
	History     History      `json:"history"`
}

// Provision is how a gate becomes one of its station's.
type Provision struct {
	Waiting  bool     `json:"waiting"`            // it is no station's yet
	Identity string   `json:"identity,omitempty"` // the text of the code by which the station knows it,
	Lines    []string `json:"lines,omitempty"`    // and the same to be read out
	Signers  []string `json:"signers"`            // fingerprints of those whose codes it takes; none: a technician confirms the signer
	Signer   string   `json:"signer,omitempty"`   // of a code that waits for that,
	Settings string   `json:"settings,omitempty"` // and what it would set
	Last     string   `json:"last,omitempty"`     // what became of the last code
	Error    string   `json:"error,omitempty"`
}

// Provisioned is the answer to who provisions a gate.
type Provisioned struct {
	Done     bool   `json:"done"`
	Reason   string `json:"reason"` // ok, or why it was not done
	Why      string `json:"why"`    // in words, with what to do
	Signer   string `json:"signer,omitempty"`
	Settings string `json:"settings,omitempty"`
}

// History is the gate's last hour.
type History struct {
	Minutes []Minute         `json:"minutes"`   // oldest first; a minute with no decision is not there
	Totals  []int64          `json:"totals_us"` // the last passages, from a code's last byte to the relay
	Recent  []journal.Record `json:"recent"`    // the last records, oldest first, without holders
}

// Minute counts what was decided in one.
type Minute struct {
	Begins  time.Time `json:"begins"`
	Granted int       `json:"granted"`
	Denied  int       `json:"denied"`
}

// Device is a scanner, the turnstile or the panel.
type Device struct {
	Kind   string    `json:"kind"` // scanner, turnstile, panel
	Name   string    `json:"name"`
	Driver string    `json:"driver"`
	Up     bool      `json:"up"`
	Since  time.Time `json:"since"`
	Error  string    `json:"error,omitempty"`

	Lines   []Line `json:"lines,omitempty"`   // of a turnstile: its relay (open), passage, emergency
	Note    string `json:"note,omitempty"`    // what a technician should know though it works
	Suffix  string `json:"suffix,omitempty"`  // of a serial scanner: what it puts behind its codes, "CR LF" or "none"
	Foreign uint64 `json:"foreign,omitempty"` // of a camera: texts that it saw and that are not codes of ours
}

// Line is one line of a turnstile as it was last driven or sensed.
type Line struct {
	Name    string    `json:"name"` // open, passage, emergency
	Active  bool      `json:"active"`
	Changes uint64    `json:"changes"`        // how often it became active, since the start
	Since   time.Time `json:"since,omitzero"` // of its last change; zero: there was none
}

// Clock is the time and whether it is believed.
type Clock struct {
	Time        time.Time    `json:"time"`
	Source      clock.Source `json:"source"`
	Trusted     bool         `json:"trusted"`
	Why         string       `json:"why,omitempty"`
	Error       float64      `json:"error_seconds"`
	Wall        time.Time    `json:"wall"`             // what the system's clock says
	Proven      time.Time    `json:"proven"`           // it is certainly later than this
	Floor       time.Time    `json:"floor"`            // proven, under its old name, for this release
	BelowProven bool         `json:"below_proven"`     // not trusted, because it is before that
	Stepped     bool         `json:"stepped"`          // the system's clock jumped and is not believed; holdover goes on
	Disputed    bool         `json:"disputed"`         // and passengers' codes, or the station, contradict it
	Ahead       float64      `json:"ahead_seconds"`    // stepped: of the system's clock
	Holdover    float64      `json:"holdover_seconds"` // how long holdover is good, where the time goes by it
	Suspect     bool         `json:"suspect"`          // most passengers' codes are outside their minute
	Histogram   []lane.Bin   `json:"histogram"`
}

// Keyset is what the gate trusts.
type Keyset struct {
	Loaded  bool      `json:"loaded"`
	Version uint64    `json:"version"`
	Keys    int       `json:"keys"`
	Revoked int       `json:"revoked"`
	Source  string    `json:"source,omitempty"`
	Since   time.Time `json:"since"`
	Expires time.Time `json:"expires"`           // the last of its keys
	Issuers []string  `json:"issuers,omitempty"` // their ids
	KeyIDs  []string  `json:"kids,omitempty"`    // hex, in the document's order
}

// Revocations are what a gate knows of what is revoked.
type Revocations struct {
	Count   int       `json:"count"`
	Issued  time.Time `json:"issued,omitzero"`  // when the list was signed, the oldest of several issuers'; zero: none has come
	Expires time.Time `json:"expires,omitzero"` // a newer one should have come by then
	Old     bool      `json:"old"`
	Source  string    `json:"source,omitempty"` // sync.revocations
	Error   string    `json:"error,omitempty"`  // why the last one was not taken
}

// Sync is how far a gate is behind its repository.
type Sync struct {
	State   string    `json:"state"` // fresh, stale, degraded, stopped
	Nation  string    `json:"nation"`
	Last    time.Time `json:"last"`    // of the last whole refresh, by trusted time; zero: none
	Version int64     `json:"version"` // of the nation's list of files
	Expires time.Time `json:"expires"` // of its timestamp
	Error   string    `json:"error,omitempty"`

	Station *StationSync `json:"station,omitempty"` // absent where no station's repository is configured
}

// Tickets are the manifests that a gate has.
type Tickets struct {
	Needed  bool        `json:"needed"` // the lane asks for tickets
	Days    []TicketDay `json:"days"`   // those that are in use or will be
	Loading int         `json:"loading,omitempty"`
}

// TicketDay is one service day's manifest.
type TicketDay struct {
	Day     int `json:"day"` // yyyymmdd
	Tickets int `json:"tickets"`
	Added   int `json:"added"`    // tickets that were sold since the manifest was published,
	Back    int `json:"refunded"` // and that were taken back
}

// StationSync is how far a gate is behind its station's repository.
type StationSync struct {
	State   string    `json:"state"` // fresh, stale, degraded, stopped; the lane works with any of them
	URL     string    `json:"url"`
	Last    time.Time `json:"last"`    // of the last whole refresh, by trusted time; zero: none
	Version int64     `json:"version"` // of the station's list of files
	Expires time.Time `json:"expires"` // of its timestamp
	Error   string    `json:"error,omitempty"`
	Release string    `json:"release,omitempty"` // that the station gives this gate

	Policy      int64  `json:"policy,omitempty"`       // the version of the lane's policy in use; 0: the local file alone
	PolicyError string `json:"policy_error,omitempty"` // why the newest is not in use
}

// Update is which release a gate has, and which it gets.
type Update struct {
	Slots    bool   `json:"slots"`              // the machine has two systems; without them releases come as packages
	Running  string `json:"running,omitempty"`  // "": not known
	Slot     string `json:"slot,omitempty"`     // A, B
	Assigned string `json:"assigned,omitempty"` // that the station gives this gate; "": none
	Staged   string `json:"staged,omitempty"`   // that is here whole and as it was signed
	Bytes    int64  `json:"bytes,omitempty"`    // of the assigned one that are here,
	Total    int64  `json:"total,omitempty"`    // of so many
	Trial    string `json:"trial,omitempty"`    // that is on its way,
	Phase    string `json:"phase,omitempty"`    // and how far: writing, written, restarting, running, keeping, failing
	Last     string `json:"last,omitempty"`     // what happened last
	Failed   string `json:"failed,omitempty"`   // the release that failed here last,
	Why      string `json:"why,omitempty"`      // and why
	Error    string `json:"error,omitempty"`    // why the assigned one cannot be brought
}

// Bus is how a gate and its station's bus are.
type Bus struct {
	Station   string            `json:"station"`          // "": no station.json has come yet
	Server    string            `json:"server,omitempty"` // "": not connected
	Connected bool              `json:"connected"`
	InTouch   bool              `json:"in_touch"`         // what other gates spend is known here within a moment
	Cut       string            `json:"cut"`              // what the lane does while it is not: open, closed
	Errors    map[string]string `json:"errors,omitempty"` // of the parts that do not work: bus, journal, receipt, across, follow, time, claims
	Unsent    uint64            `json:"unsent_records"`   // that the station's stream has not acknowledged
	Receipt   uint64            `json:"receipt"`          // the newest record that the station has given a receipt for; 0: none
	ReceiptAt time.Time         `json:"receipt_time"`     // the newest receipt since the start, by the station's clock; zero: none
	Refused   string            `json:"refused,omitempty"`
	Time      time.Time         `json:"time"`             // what the station said last of the time; zero: nothing since the start
	TimeAge   float64           `json:"time_age_seconds"` // how long ago that was
	Others    int               `json:"others"`           // uses at other gates that are in memory
	SentAgain int               `json:"sent_again"`       // how often the station had lost records
	NoAnswer  int               `json:"claims_without_answer"`
	Identity  string            `json:"identity"` // the text of the code by which a station enrolls the gate: no secret
}

// Config is a gate's configuration with the station's policy over it.
type Config struct {
	Path     string            `json:"path"` // of the local file
	Settings []configs.Setting `json:"settings"`
}

// Counts are counted since the daemon's start.
type Counts struct {
	Readings   map[string]uint64 `json:"readings"`    // by scanner
	Decided    map[string]uint64 `json:"decided"`     // by reason
	Dropped    map[string]uint64 `json:"dropped"`     // readings that were ignored, by reason
	Records    map[string]uint64 `json:"records"`     // by kind
	LogDropped uint64            `json:"log_dropped"` // lines of the log that nobody took
	Opened     map[string]uint64 `json:"opened"`      // openings of the turnstile, by whom they were for: passenger, staff
}

// Timings are how long the last passage's parts took, in microseconds.
type Timings struct {
	Wait   int64 `json:"wait_us"`   // from the reading to its turn
	Verify int64 `json:"verify_us"` // the decision
	Commit int64 `json:"commit_us"` // the record, to the disk
	Open   int64 `json:"open_us"`   // the relay
	Total  int64 `json:"total_us"`  // from the reading to the relay
}

// Service is the answer to a takeover: what the lane has become, and until when.
type Service struct {
	Service      string     `json:"service"`
	Until        *time.Time `json:"service_until,omitempty"`  // nil: none
	OutOfService []string   `json:"out_of_service,omitempty"` // why it lets nobody pass all the same
}

// Event is something that happened at a gate.
type Event struct {
	Time    time.Time       `json:"time"`
	Mode    string          `json:"mode"`
	Record  *journal.Record `json:"record,omitempty"`  // it was journaled
	Show    *Show           `json:"show,omitempty"`    // the passenger was shown this
	Timings *Timings        `json:"timings,omitempty"` // of a grant
}

// Show is what a passenger sees, hears and reads.
type Show struct {
	Reason    string       `json:"reason"`
	Light     string       `json:"light"`
	Sound     string       `json:"sound"`
	Words     []lane.Words `json:"words"`
	Seconds   float64      `json:"seconds"` // then the lane's face again; 0: until the next
	Direction string       `json:"direction"`
}
