package slots

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// fakeRauc has the command line of Debian's rauc 1.8, and prints what that prints.
const fakeRauc = `#!/bin/sh
cd "$(dirname "$0")"
echo "$*" >> calls
case "$*" in
"status --detailed --output-format=json") cat status ;;
"status mark-good booted") echo "rauc status: marked slot rootfs.0 as good" ;;
"status mark-bad rootfs.1") echo "rauc status: marked slot rootfs.1 as bad" ;;
info\ --output-format=json\ *) echo '{"compatible":"railgate-pc","version":"1.5.0","description":null,"build":null,"hooks":[],"images":[]}' ;;
install\ *)
	[ -f "$2" ] || { echo "No such file: $2" >&2; exit 1; }
	echo installing
	echo "  0% Installing"
	echo " 20% Determining slot states done."
	if grep -q bad "$2"; then
		echo "100% Installing failed."
		echo "LastError: Installation error: signature verification failed" >&2
		echo "Installing ` + "`$2`" + ` failed" >&2
		exit 1
	fi
	echo " 99% Updating slots done."
	echo "100% Installing done."
	echo "idle"
	echo "Installing ` + "`$2`" + ` succeeded" ;;
*) echo "Unknown command $1" >&2; exit 1 ;;
esac
`

// statusOf18 is what rauc 1.8 printed, with its service on a bus of its own.
const statusOf18 = `{"compatible":"railgate-raspberry-pi","variant":"","booted":"A","boot_primary":"rootfs.0","slots":[` +
	`{"rootfs.1":{"class":"rootfs","device":"/dev/mmcblk0p6","type":"ext4","bootname":"B","state":"inactive","parent":null,"mountpoint":null,"boot_status":"bad","slot_status":{"bundle":{"compatible":"railgate-raspberry-pi","version":"1.4.0"}}}},` +
	`{"rootfs.0":{"class":"rootfs","device":"/dev/mmcblk0p5","type":"ext4","bootname":"A","state":"booted","parent":null,"mountpoint":null,"boot_status":"good","slot_status":{"bundle":{"compatible":null}}}},` +
	`{"boot.0":{"class":"boot","device":"/dev/mmcblk0p2","type":"vfat","bootname":null,"state":"active","parent":"rootfs.0","mountpoint":null}}]}`

func newRauc(t *testing.T) (*Rauc, string) {
	dir := t.TempDir()
	r := &Rauc{Program: filepath.Join(dir, "rauc"), Config: filepath.Join(dir, "system.conf"), Restart: []string{filepath.Join(dir, "restart")}}
	for name, text := range map[string]string{"rauc": fakeRauc, "system.conf": "", "status": statusOf18, "restart": "#!/bin/sh\necho \"restart $*\" >> \"$(dirname \"$0\")/calls\"\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return r, dir
}

// calls are what the fake was asked.
func calls(t *testing.T, dir string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "calls"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

func TestWhatRaucSaysOfItsSlots(t *testing.T) {
	r, _ := newRauc(t)
	s, err := r.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if b, o := s.Booted(), s.Other(); b == nil || b.Bootname != "A" || !b.Good || o == nil || o.Name != "rootfs.1" || o.Good || o.Version != "1.4.0" || s.Primary != "A" || s.Compatible != "railgate-raspberry-pi" {
		t.Errorf("%+v; want A booted and good, B bad with 1.4.0", s)
	}
}

func TestAMachineWithoutSlots(t *testing.T) {
	r, dir := newRauc(t)
	r.Program = filepath.Join(dir, "none")
	if _, err := r.State(t.Context()); !errors.Is(err, ErrNone) {
		t.Errorf("without rauc: %v", err)
	}
	r.Config = filepath.Join(dir, "none.conf")
	if _, err := r.State(t.Context()); !errors.Is(err, ErrNone) {
		t.Errorf("without system.conf: %v", err)
	}
}

func TestInstallTellsItsProgressAndWhyItFails(t *testing.T) {
	r, dir := newRauc(t)
	good, bad := filepath.Join(dir, "good.raucb"), filepath.Join(dir, "worse.raucb")
	os.WriteFile(good, []byte("good"), 0o600)
	os.WriteFile(bad, []byte("bad"), 0o600)
	if v, err := r.Version(t.Context(), good); v != "1.5.0" || err != nil {
		t.Errorf("version %q, %v; want 1.5.0", v, err)
	}
	var told []int
	if err := r.Install(t.Context(), good, func(percent int, doing string) { told = append(told, percent) }); err != nil || !slices.Equal(told, []int{0, 20, 99, 100}) {
		t.Errorf("%v, progress %v; want 0, 20, 99, 100", err, told)
	}
	if err := r.Install(t.Context(), bad, nil); err == nil || !strings.Contains(err.Error(), "signature verification failed") || strings.Contains(err.Error(), "LastError") {
		t.Errorf("%v; want RAUC's reason", err)
	}
	if err := r.Install(t.Context(), filepath.Join(dir, "none"), nil); err == nil || !strings.Contains(err.Error(), "No such file") {
		t.Errorf("%v; want RAUC's reason", err)
	}
}

func TestMarksAndRestart(t *testing.T) {
	r, dir := newRauc(t)
	b := newBoard(t)
	r.Boot = b.boot
	steps := []func(context.Context) error{
		r.MarkGood, func(ctx context.Context) error { return r.MarkBad(ctx, "rootfs.1") }, r.Reboot,
		func(context.Context) error { return b.installs("B") }, r.Reboot,
	}
	for _, step := range steps {
		if err := step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := calls(t, dir), []string{"status mark-good booted", "status mark-bad rootfs.1", "restart ", "restart --reboot-argument=0 tryboot"}; !slices.Equal(got, want) {
		t.Errorf("calls %q; want %q", got, want)
	}
}

// An autoboot.txt that somebody has edited keeps nobody in a release that is given up: the usual slot is started without an argument.
func TestARestartWithoutAutoboot(t *testing.T) {
	r, dir := newRauc(t)
	b := newBoard(t)
	r.Boot = b.boot
	if err := b.installs("B"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.boot.Path, []byte("[all]\nboot_partition=2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.Reboot(t.Context()); err == nil || !strings.Contains(err.Error(), "slots init") {
		t.Errorf("%v; want what to do about autoboot.txt", err)
	}
	if got := calls(t, dir); !slices.Equal(got, []string{"restart"}) {
		t.Errorf("calls %q; want the restart", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "restart"), []byte("#!/bin/sh\necho no bus >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	r.Boot = nil
	if err := r.Reboot(t.Context()); err == nil || !strings.Contains(err.Error(), "no bus") {
		t.Errorf("a restart that fails: %v", err)
	}
}

// Whether a slot can be tried is asked of the machine's bootloader.
func TestReadyIsTheBootloaders(t *testing.T) {
	r, _ := newRauc(t)
	if err := r.Ready(); err != nil {
		t.Errorf("with a bootloader that counts: %v", err)
	}
	b := newBoard(t)
	b.says("capabilities", 0x3)
	r.Boot = b.boot
	if err := r.Ready(); !errors.Is(err, ErrOldBootloader) {
		t.Errorf("%v; want %v", err, ErrOldBootloader)
	}
}

// What RAUC says that is no answer is an error, and no machine without slots.
func TestWhatIsNoAnswerOfRaucs(t *testing.T) {
	r, dir := newRauc(t)
	for _, text := range []string{"", "no JSON", `{"slots":[]}`} {
		if err := os.WriteFile(filepath.Join(dir, "status"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if s, err := r.State(t.Context()); err == nil || errors.Is(err, ErrNone) {
			t.Errorf("%q: %+v, %v; want an error", text, s, err)
		}
	}
	os.Remove(filepath.Join(dir, "status"))
	if _, err := r.State(t.Context()); err == nil || errors.Is(err, ErrNone) || !strings.Contains(err.Error(), "No such file") {
		t.Errorf("a status that fails: %v", err)
	}
}

// RAUC's service that hangs, or systemd, is one that fails: who gives a release up goes on to the restart.
func TestAProgramThatDoesNotAnswer(t *testing.T) {
	r, dir := newRauc(t)
	r.Answers = 100 * time.Millisecond
	for _, name := range []string{"rauc", "restart"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\nexec sleep infinity\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	_, stateErr := r.State(t.Context())
	for name, err := range map[string]error{"status": stateErr, "good": r.MarkGood(t.Context()), "bad": r.MarkBad(t.Context(), "rootfs.1"), "restart": r.Reboot(t.Context())} {
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no answer") {
			t.Errorf("%s: %v; want no answer", name, err)
		}
	}
}

func FuzzParseStatus(f *testing.F) {
	f.Add([]byte(statusOf18))
	f.Add([]byte(`{"slots":[{"a":{"state":"booted","bootname":null}}]}`))
	f.Add([]byte(`{"slots":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseStatus(data)
		if (err == nil) != (s != nil) {
			t.Errorf("%+v, %v", s, err)
		}
		if s != nil {
			s.Booted()
			s.Other()
		}
	})
}
