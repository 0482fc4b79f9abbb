package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"io"
	"math"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"railgate/driver/eye"
	"railgate/driver/v4l2"
)

// liveScan looks through a camera.
type liveScan struct {
	device   string
	size     string
	fps      int
	exposure time.Duration
	focus    int
	save     string
	frames   int
	measure  bool // the lens
	asJSON   bool
}

func (s *liveScan) addFlags(f *pflag.FlagSet) {
	f.StringVar(&s.device, "camera", "", "look through this camera; stop railgated first, if the camera is its")
	f.StringVar(&s.size, "size", "1280x720", "with --camera: frames of `WxH` pixels")
	f.IntVar(&s.fps, "fps", 30, "with --camera: frames a second")
	f.DurationVar(&s.exposure, "exposure", 0, "with --camera: how long light is gathered for a frame; short ones read moving phones (default: the camera's choice)")
	f.IntVar(&s.focus, "focus", math.MinInt, "with --camera: in the camera's units (default: the camera's choice)")
	f.StringVar(&s.save, "save", "", "with --camera: write the newest frame as PNG to `file`, at each Enter and at the end")
	f.IntVar(&s.frames, "frames", 0, "with --camera: end after so many frames (default: at Ctrl-C)")
	f.BoolVar(&s.measure, "calibrate", false, "with --camera: measure how much the lens bends, by a code that is held so that it fills the picture")
	f.Lookup("focus").DefValue = ""
}

func (s *liveScan) config() (v4l2.Config, error) {
	cfg := v4l2.Config{Device: s.device, FPS: s.fps, Exposure: s.exposure}
	width, height, _ := strings.Cut(s.size, "x")
	var errs [2]error
	cfg.Width, errs[0] = strconv.Atoi(width)
	cfg.Height, errs[1] = strconv.Atoi(height)
	if errors.Join(errs[:]...) != nil || cfg.Width < 1 || cfg.Height < 1 {
		return cfg, usageError{fmt.Errorf("scan: --size %q is not a size; want one like 1280x720", s.size)}
	}
	if s.focus != math.MinInt {
		cfg.Focus = &s.focus
	}
	return cfg, nil
}

func (s *liveScan) run(c *cobra.Command) error {
	cfg, err := s.config()
	if err != nil {
		return err
	}
	camera, err := v4l2.Open(cfg)
	if err != nil {
		return err
	}
	defer camera.Close()
	info := camera.Info()
	fmt.Fprintf(c.ErrOrStderr(), "%s (%s), %v %dx%d, %.3g frames a second\n", info.Card, info.Driver, info.Format, info.Width, info.Height, info.FPS)
	for _, note := range info.Notes {
		fmt.Fprintln(c.ErrOrStderr(), "note:", note)
	}
	fmt.Fprintln(c.ErrOrStderr(), describeExposure(camera))
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	return s.look(ctx, camera, c.InOrStdin(), newScope(c.OutOrStdout(), s.asJSON))
}

// describeExposure says what the camera does about light.
func describeExposure(camera *v4l2.Camera) string {
	controls, err := camera.Controls()
	if err != nil {
		return "exposure: the camera does not say"
	}
	var parts []string
	for i := range controls {
		if name := strings.ToLower(controls[i].Name); strings.Contains(name, "exposure") || strings.Contains(name, "focus") || strings.Contains(name, "gain") {
			parts = append(parts, fmt.Sprintf("%s %d", controls[i].Name, controls[i].Value))
		}
	}
	if len(parts) == 0 {
		return "exposure and focus: the camera has no controls for them"
	}
	return strings.Join(parts, ", ")
}

// nexter is a camera's frames.
type nexter interface {
	Next(context.Context, func(*image.Gray, v4l2.Meta) error) error
}

var errEnough = errors.New("enough frames")

// look shows frame after frame until ctx ends, or there were enough.
func (s *liveScan) look(ctx context.Context, camera nexter, in io.Reader, scope *scope) error {
	enters := make(chan struct{}, 1)
	if s.save != "" {
		go lines(in, enters)
	}
	reader, newest, seen := eye.NewReader(), new(image.Gray), 0
	var lens calibration
	for {
		err := camera.Next(ctx, func(img *image.Gray, meta v4l2.Meta) error {
			began := time.Now()
			code, ok := reader.Look(img)
			scope.frame(code, ok, time.Since(began), meta)
			enough := s.measure && ok && lens.take(reader)
			if s.save != "" {
				keepFrame(newest, img)
			}
			if seen++; seen == s.frames || enough {
				return errEnough
			}
			return nil
		})
		if err != nil {
			scope.end()
			if ctx.Err() != nil || errors.Is(err, errEnough) {
				err = nil
			}
			if s.measure && err == nil {
				err = lens.tell(scope)
			}
			return errors.Join(err, s.saveFrame(newest))
		}
		select {
		case <-enters:
			if err := s.saveFrame(newest); err != nil {
				return err
			}
		default:
		}
	}
}

// lines says when a line was typed. It ends with its input, or the program.
func lines(in io.Reader, typed chan<- struct{}) {
	for r := bufio.NewReader(in); ; {
		if _, err := r.ReadString('\n'); err != nil {
			return
		}
		select {
		case typed <- struct{}{}:
		default:
		}
	}
}

// keepFrame copies a frame, whose memory is the camera's.
func keepFrame(dst, src *image.Gray) {
	if dst.Rect != src.Rect {
		*dst = *image.NewGray(src.Rect)
	}
	for y := src.Rect.Min.Y; y < src.Rect.Max.Y; y++ {
		copy(dst.Pix[dst.PixOffset(src.Rect.Min.X, y):][:src.Rect.Dx()], src.Pix[src.PixOffset(src.Rect.Min.X, y):])
	}
}

// saveFrame writes a frame, if it is asked for and there is one, with lines around its code.
func (s *liveScan) saveFrame(img *image.Gray) error {
	if s.save == "" || img.Pix == nil {
		return nil
	}
	marked := image.NewRGBA(img.Rect)
	draw.Draw(marked, img.Rect, img, img.Rect.Min, draw.Src)
	if code, ok := eye.NewReader().Look(img); ok {
		for i, p := range code.Corners {
			line(marked, p, code.Corners[(i+1)%4], color.RGBA{0x00, 0xc8, 0x50, 0xff})
		}
	}
	return writePNG(s.save, marked)
}

func line(img *image.RGBA, p, q eye.Point, c color.RGBA) {
	n := max(math.Abs(q.X-p.X), math.Abs(q.Y-p.Y), 1)
	for i := 0.0; i <= n; i++ {
		x, y := p.X+(q.X-p.X)*i/n, p.Y+(q.Y-p.Y)*i/n
		img.SetRGBA(int(x), int(y), c)
		img.SetRGBA(int(x)+1, int(y), c)
		img.SetRGBA(int(x), int(y)+1, c)
	}
}

// A scope says what a camera sees: on a terminal in one line that changes, elsewhere in a
// line a second.
type scope struct {
	out    io.Writer
	p      painter
	enc    *json.Encoder // nil: for people
	since  time.Time
	frames int
	reads  int
	spent  time.Duration
	sight  sight
}

// sight is a second of what the camera saw.
type sight struct {
	FPS     float64 `json:"fps"`     // frames looked at
	Reads   int     `json:"reads"`   // of them, frames with a code that was read
	Ms      float64 `json:"ms"`      // a frame's search, on average
	Passed  int     `json:"passed"`  // frames not looked at, because a newer one was there
	Damaged int     `json:"damaged"` // frames not looked at, because they came damaged
	Text    string  `json:"text"`    // the last code's; empty: none in this second
	Module  float64 `json:"module"`  // its modules' size, in pixels; 3 and more are easy
}

func newScope(out io.Writer, asJSON bool) *scope {
	s := &scope{out: out, p: newPainter(out), since: time.Now()}
	if asJSON {
		s.enc = json.NewEncoder(out)
		s.enc.SetEscapeHTML(false)
	}
	return s
}

// frame counts a frame, and reports each second when it is over.
func (s *scope) frame(code eye.Code, ok bool, took time.Duration, meta v4l2.Meta) {
	s.frames++
	s.spent += took
	s.sight.Passed += meta.Passed
	s.sight.Damaged += meta.Damaged
	if ok {
		s.reads++
		s.sight.Text, s.sight.Module = code.Text, math.Round(100*code.Module)/100
	}
	if elapsed := time.Since(s.since); elapsed >= time.Second {
		s.tell(elapsed)
	}
}

func (s *scope) tell(elapsed time.Duration) {
	v := &s.sight
	v.FPS = math.Round(10*float64(s.frames)/elapsed.Seconds()) / 10
	v.Reads = s.reads
	v.Ms = math.Round(100*s.spent.Seconds()*1000/float64(s.frames)) / 100
	switch {
	case s.enc != nil:
		s.enc.Encode(v)
	case s.p.on:
		fmt.Fprintf(s.out, "\r\x1b[K%s", s.words())
	default:
		fmt.Fprintln(s.out, s.words())
	}
	*s = scope{out: s.out, p: s.p, enc: s.enc, since: time.Now()}
}

func (s *scope) words() string {
	v := &s.sight
	rate := fmt.Sprintf("%4.1f frames/s, %.1f ms each", v.FPS, v.Ms)
	if v.Damaged > 0 {
		rate += ", " + s.p.yellow(fmt.Sprintf("%d damaged", v.Damaged))
	}
	if v.Text == "" {
		return rate + "  " + s.p.dim("no code")
	}
	size := s.p.green
	if v.Module < 2 {
		size = s.p.yellow
	}
	text := v.Text
	if len(text) > 48 {
		text = text[:48] + "…"
	}
	return fmt.Sprintf("%s  %s  %s  %q", rate, s.p.green(fmt.Sprintf("read in %d of %d", v.Reads, s.frames)), size(fmt.Sprintf("%.1f pixels a module", v.Module)), text)
}

// end reports what is left of a second, and ends the line.
func (s *scope) end() {
	if s.frames > 0 {
		s.tell(max(time.Since(s.since), time.Millisecond))
	}
	if s.p.on {
		fmt.Fprintln(s.out)
	}
}
