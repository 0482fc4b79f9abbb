package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"railgate/cmd/control"
	"railgate/configs"
	"railgate/store/journal"
)

// allParts are the files of a bundle, but for what the doctor finds. Each says what it is.
func (b *support) allParts() []supportPart {
	return []supportPart{
		{"status.json", "how railgated says the gate is: health, causes, devices, clock, keyset, counts (railgate status --json)", b.status},
		{"config.json", "each key of the configuration, its value, and where that comes from; secrets are blanked", b.config},
		{"journal-counts.csv", "the journal of the last 30 days: how many records an hour, of each kind, decision and reason", b.journalCounts},
		{"metrics.txt", "railgated's metrics (Prometheus)", b.metrics},
		{"log.txt", "the log of railgate's units of the last two days (journalctl)", b.log},
		{"units.txt", "what systemd says of railgate's units", b.units},
		{"versions.txt", "of railgate, of the system and of the board", b.versions},
		{"kernel.txt", "what the kernel says of USB, serial devices, GPIO, cameras, the disk and the power (dmesg)", b.kernel},
		{"disk.txt", "room, mounts, the data folder's files, and what the disk says of its wear", b.disk},
		{"devices.txt", "the devices that a gate may use, and the GPIO lines", b.devices},
		{"time.txt", "who keeps the system's clock, and the network's addresses", b.time},
	}
}

// doctorParts are what the doctor found.
func (b *support) doctorParts(findings []finding) []supportPart {
	for i := range findings {
		f := &findings[i]
		f.Text, f.Fix = b.scrub.text(f.Text), b.scrub.text(f.Fix)
	}
	return []supportPart{
		{"doctor.txt", "what railgate doctor found", func(context.Context) (string, error) {
			var out bytes.Buffer
			printFindings(&out, findings, b.patient.now())
			return out.String(), nil
		}},
		{"doctor.json", "the same, for programs", func(context.Context) (string, error) {
			var out bytes.Buffer
			err := doctorJSON(&out, b.patient.health(findings), findings)
			return out.String(), err
		}},
	}
}

// status is the daemon's, without its last records: their words may name somebody.
func (b *support) status(context.Context) (string, error) {
	if b.patient.status == nil {
		return "", control.ErrNotRunning
	}
	s := *b.patient.status
	s.History.Recent, s.Problems = nil, nil // the causes say the same
	s.Causes = slices.Clone(s.Causes)
	for i := range s.Causes {
		c := &s.Causes[i]
		c.Why, c.Remedy = b.scrub.text(c.Why), b.scrub.text(c.Remedy)
	}
	text, err := json.MarshalIndent(&s, "", "  ")
	return b.scrub.known(string(text)) + "\n", err
}

// config is each key's value; of a file that cannot be read, its keys alone.
func (b *support) config(ctx context.Context) (string, error) {
	settings := []configs.Setting(nil)
	if answer, err := control.NewClient(b.folderOf()).Config(ctx); err == nil {
		settings = answer.Settings
	} else if b.patient.cfg != nil {
		settings = b.patient.cfg.Settings()
	} else {
		return b.configKeys()
	}
	for i := range settings {
		settings[i].Value = b.scrub.setting(settings[i].Key, settings[i].Value)
	}
	text, err := json.MarshalIndent(settings, "", "  ")
	return b.scrub.known(string(text)) + "\n", err
}

var keyOfLine = regexp.MustCompile(`^\s*(\[+[A-Za-z0-9_.]+\]+|[A-Za-z0-9_.]+\s*=)`)

// configKeys are the names in a file that has an error: no value is shown.
func (b *support) configKeys() (string, error) {
	data, err := os.ReadFile(b.patient.config)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		if key := keyOfLine.FindStringSubmatch(line); key != nil {
			fmt.Fprintf(&out, "%d: %s\n", number, strings.TrimSpace(key[1]))
		}
	}
	return out.String(), errors.New("the file has an error (doctor.txt), so no value is shown")
}

// countedFor is how much of the journal is counted.
const countedFor = 30 * 24 * time.Hour

// journalCounts counts records by hour; those of a time that was not trusted are counted together.
func (b *support) journalCounts(ctx context.Context) (string, error) {
	from := newSource(ctx, b.folderOf(), 0)
	last := reading{query: query{since: b.patient.now().Add(-countedFor)}}
	after, err := last.begin(from)
	if err != nil {
		return "", err
	}
	count := map[[4]string]int{}
	through := newSieve(&last.query, func(r *journal.Record) error {
		hour := "not trusted"
		if !r.Unsure {
			hour = r.Time.In(b.zone).Format("2006-01-02 15:00 Z07")
		}
		count[[4]string{hour, string(r.Kind), string(r.Decision), r.Reason}] += max(1, r.Count)
		return nil
	})
	err = export(from.records, after, through.take)
	through.end() // to memory
	var rows [][]string
	for key, n := range count {
		rows = append(rows, append(key[:], strconv.Itoa(n)))
	}
	slices.SortFunc(rows, slices.Compare)
	var out strings.Builder
	w := csv.NewWriter(&out)
	w.WriteAll(append([][]string{{"hour", "kind", "decision", "reason", "records"}}, rows...)) // to memory
	return b.scrub.known(out.String()), err
}

func (b *support) metrics(ctx context.Context) (string, error) {
	text, err := control.NewClient(b.folderOf()).Metrics(ctx)
	return b.scrub.known(text), err
}

// printed is what programs print, each under its command. It is free text: all of it is scrubbed.
func (b *support) printed(ctx context.Context, commands ...string) (string, error) {
	var out strings.Builder
	var errs []string
	for _, command := range commands {
		words := strings.Fields(command)
		text, err := b.host.run(ctx, words[0], words[1:]...)
		if err != nil {
			errs = append(errs, fmt.Sprintf("%s: %v", words[0], err))
		}
		if text != "" {
			fmt.Fprintf(&out, "# %s\n%s\n", command, strings.TrimRight(tailOf(text, maxPart), "\n"))
		}
	}
	if errs != nil {
		return b.scrub.text(out.String()), errors.New(strings.Join(errs, "; "))
	}
	return b.scrub.text(out.String()), nil
}

func (b *support) log(ctx context.Context) (string, error) {
	return b.printed(ctx, "journalctl -u railgated -u railgate-* --since -2d -n 20000 -o short-iso --no-hostname --no-pager -q")
}

func (b *support) units(ctx context.Context) (string, error) {
	return b.printed(ctx, "systemctl list-units railgate* --all --no-pager --plain", "systemctl show railgated.service -p ActiveState,SubState,Result,NRestarts,ExecMainStatus,ExecMainStartTimestamp,MemoryCurrent,CPUUsageNSec,DropInPaths,WatchdogUSec")
}

func (b *support) versions(ctx context.Context) (string, error) {
	text, err := b.printed(ctx, "uname -srvm", "dpkg-query -W railgate railgate-station systemd libc6 rauc", "rauc status")
	words := []string{"railgate " + version}
	if s := b.patient.status; s != nil {
		words = append(words, "railgated "+s.Version)
	}
	for _, file := range []string{"/etc/os-release", "/proc/device-tree/model", "/sys/class/dmi/id/product_name"} {
		words = append(words, b.file(file))
	}
	return strings.Join(words, "\n") + "\n" + text, err
}

// file is a small file of the system's, under its name; "" where there is none.
func (b *support) file(name string) string {
	data, err := os.ReadFile(b.host.path(name))
	if err != nil {
		return ""
	}
	text := strings.TrimRight(strings.ReplaceAll(string(data), "\x00", ""), "\n")
	return "# " + name + "\n" + b.scrub.text(tailOf(text, 64<<10))
}

// ofDevices is what is wanted of the kernel's words.
var ofDevices = regexp.MustCompile(`(?i)usb|tty|serial|gpio|hidraw|hid-|uvc|video|mmc|nvme|ata\d|ext4|vfat|I/O error|read-only|voltage|thermal|watchdog|rtc|oom|panic|segfault|Linux version`)

func (b *support) kernel(ctx context.Context) (string, error) {
	text, err := b.host.run(ctx, "dmesg", "--time-format", "iso")
	var out strings.Builder
	for line := range strings.Lines(text) {
		if ofDevices.MatchString(line) {
			out.WriteString(line)
		}
	}
	return b.scrub.text(tailOf(out.String(), maxPart)), err
}

func (b *support) disk(ctx context.Context) (string, error) {
	text, err := b.printed(ctx, "df -h", "df -i", "ls -la "+b.folderOf(), "findmnt -D", "lsblk -o NAME,MODEL,SIZE,TYPE,RO,FSTYPE,LABEL,PARTLABEL")
	var wear []string
	for _, name := range []string{"life_time", "pre_eol_info", "date", "name"} {
		found, _ := filepath.Glob(b.host.path("/sys/block/mmcblk*/device/" + name)) // the pattern is good
		wear = append(wear, found...)
	}
	for _, path := range wear {
		text += b.file(strings.TrimPrefix(path, b.host.root)) + "\n"
	}
	return text, err
}

func (b *support) devices(ctx context.Context) (string, error) {
	return b.printed(ctx, "ls -l /dev/serial/by-id /dev/serial/by-path /dev/v4l/by-id /dev/railgate", "lsusb", "lsusb -t", "gpioinfo")
}

func (b *support) time(ctx context.Context) (string, error) {
	return b.printed(ctx, "timedatectl", "timedatectl timesync-status", "chronyc -n tracking", "ip -brief address", "ip route")
}
