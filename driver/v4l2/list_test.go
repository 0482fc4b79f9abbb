//go:build linux && (amd64 || arm64 || arm)

package v4l2

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"
)

func TestList(t *testing.T) {
	k := newFakeKernel(t)
	k.directory("video10", "video2", "video3", "video4", "videoX", "video", "vid5", "null")
	k.plug("video10", webcam())
	k.plug("video2", webcam())
	k.plug("video3", &fakeCamera{card: "an output", caps: capOutput | capStreaming})
	k.openErr[k.dir+"/video4"] = unix.EACCES
	links := filepath.Join(k.dir, "v4l/by-id")
	if err := os.MkdirAll(links, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"usb-webcam-index0": "../../video2", "usb-gone-index0": "../../video7"} {
		if err := os.Symlink(target, filepath.Join(links, name)); err != nil {
			t.Fatal(err)
		}
	}

	ds, err := list(k)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, d := range ds {
		paths = append(paths, filepath.Base(d.Path))
	}
	if want := []string{"video2", "video4", "video10"}; !reflect.DeepEqual(paths, want) {
		t.Fatalf("cameras %v, want %v", paths, want)
	}
	if d := ds[0]; d.Driver != "fake" || d.Card != "HD Webcam" || d.Bus != "usb-1" || d.Err != nil || !reflect.DeepEqual(d.ByID, []string{links + "/usb-webcam-index0"}) {
		t.Errorf("%+v", d)
	}
	want := []Offer{
		{YUYV, []Size{{640, 480, 640, 480, 30}, {1280, 720, 1280, 720, 10}}},
		{MJPG, []Size{{640, 480, 640, 480, 30}, {1280, 720, 1280, 720, 30}}},
		{'H' | '2'<<8 | '6'<<16 | '4'<<24, nil},
	}
	if !reflect.DeepEqual(ds[0].Offers, want) {
		t.Errorf("offers %v, want %v", ds[0].Offers, want)
	}
	if d := ds[1]; !errors.Is(d.Err, fs.ErrPermission) {
		t.Errorf("video4: %+v, want a want of permission", d)
	}
	if got, want := elsewhere(k, ErrUnplugged).Error(), `unplugged; plugged in: `+links+`/usb-webcam-index0 ("HD Webcam"), `+k.dir+`/video4, `+k.dir+`/video10 ("HD Webcam")`; got != want {
		t.Errorf("error\n\t%s\nwant\n\t%s", got, want)
	}
}

func TestListWithoutCameras(t *testing.T) {
	k := newFakeKernel(t)
	k.directory()
	ds, err := list(k)
	if len(ds) != 0 || err != nil {
		t.Errorf("list = %v, %v; want none", ds, err)
	}
	if got, want := elsewhere(k, ErrUnplugged).Error(), "unplugged; no camera is plugged in"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	k.dir += "/nowhere"
	if _, err := list(k); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("list of a missing directory: %v", err)
	}
}

func TestDescribe(t *testing.T) {
	long := []Offer{{GREY, []Size{{Width: 64, Height: 48, MinWidth: 16, MinHeight: 16}}}}
	for i := range Format(20) {
		long = append(long, Offer{Format: 'X' | ('A'+i)<<8 | ' '<<16 | ' '<<24})
	}
	for _, tt := range []struct {
		offers []Offer
		want   string
	}{
		{nil, "nothing"},
		{[]Offer{{MJPG, []Size{{1280, 720, 1280, 720, 29.97}}}}, "MJPG 1280x720 at 30"},
		{[]Offer{{YUYV, []Size{{64, 48, 64, 48, 0}}}, {GREY, []Size{{64, 48, 64, 48, 0}}}, {MJPG, nil}}, "YUYV, GREY 64x48; MJPG"},
		{[]Offer{{Format: 1}}, "not read by railgate: ????"},
		{long, "GREY 16x16 to 64x48; not read by railgate: XA, XB, XC, XD, XE, XF, XG, XH, 12 more"},
	} {
		if got := describe(tt.offers); got != tt.want {
			t.Errorf("describe = %q, want %q", got, tt.want)
		}
	}
}

// A driver that scales gives a range: least, most and step of the width, then of the height.
func TestSizesInARange(t *testing.T) {
	k := newFakeKernel(t)
	fd, err := k.open(k.plug("video0", webcam()))
	if err != nil {
		t.Fatal(err)
	}
	defer k.close(fd)
	n := &node{k: ranged{k}, fd: fd}
	if got, want := n.sizes(GREY), []Size{{1920, 1080, 32, 16, 60}}; !reflect.DeepEqual(got, want) {
		t.Errorf("sizes %v, want %v", got, want)
	}
}
