package guide

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"charm.land/huh/v2"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// ErrStopped is a guide that was interrupted: Ctrl-C, or nobody is there to answer.
var ErrStopped = errors.New("stopped")

// An Asker asks a person. Each question may be answered by [ErrStopped].
type Asker interface {
	// Say tells something, a paragraph of its own.
	Say(format string, args ...any)

	// Choose returns the number of one of some options; usual is the one that Enter takes.
	Choose(question string, options []string, usual int) (int, error)

	// Confirm asks for yes or no.
	Confirm(question string, usual bool) (bool, error)

	// Text asks for a line. check says what is wrong with it.
	Text(question, usual string, check func(string) error) (string, error)
}

// A terminal asks with huh: in forms on a terminal, in plain lines elsewhere, on a dumb terminal, and where
// ACCESSIBLE is set, for screen readers.
type terminal struct {
	ctx   context.Context
	in    io.Reader
	out   io.Writer
	plain *lines // nil: forms
	theme huh.Theme
}

// NewTerminal makes an Asker of what a person types and sees.
func NewTerminal(ctx context.Context, in io.Reader, out io.Writer) Asker {
	t := &terminal{ctx: ctx, in: in, out: out, theme: huh.ThemeFunc(huh.ThemeBase16)}
	if os.Getenv("ACCESSIBLE") != "" || os.Getenv("TERM") == "dumb" || !isTerminal(in) || !isTerminal(out) {
		t.plain = newLines(ctx, in)
	}
	if os.Getenv("NO_COLOR") != "" || t.plain != nil {
		t.theme = huh.ThemeFunc(huh.ThemeBase)
	}
	return t
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (t *terminal) Say(format string, args ...any) {
	fmt.Fprintf(t.out, format+"\n", args...)
}

func (t *terminal) Choose(question string, options []string, usual int) (int, error) {
	chosen := usual
	var all []huh.Option[int]
	for i, text := range options {
		all = append(all, huh.NewOption(text, i))
	}
	err := t.run(huh.NewSelect[int]().Title(question).Options(all...).Value(&chosen))
	t.echo(question, options[chosen], err)
	return chosen, err
}

func (t *terminal) Confirm(question string, usual bool) (bool, error) {
	yes := usual
	err := t.run(huh.NewConfirm().Title(question).Affirmative("Yes").Negative("No").Value(&yes))
	t.echo(question, map[bool]string{true: "yes", false: "no"}[yes], err)
	return yes, err
}

func (t *terminal) Text(question, usual string, check func(string) error) (string, error) {
	text, title := usual, question
	if t.plain != nil && usual != "" {
		title += " [" + usual + "]"
	}
	err := t.run(huh.NewInput().Title(title).Value(&text).Validate(func(s string) error {
		if s = strings.TrimSpace(s); s == "" && t.plain != nil {
			s = usual
		}
		return check(s)
	}))
	text = strings.TrimSpace(text)
	t.echo(question, text, err)
	return text, err
}

// echo leaves the question and its answer on the screen; a form takes itself away.
func (t *terminal) echo(question, answer string, err error) {
	if err == nil && t.plain == nil {
		fmt.Fprintf(t.out, "%s: %s\n", strings.TrimRight(question, "?: "), answer)
	}
}

// run asks one question.
func (t *terminal) run(field huh.Field) error {
	form := huh.NewForm(huh.NewGroup(field)).WithShowHelp(t.plain == nil).WithTheme(t.theme).WithOutput(t.out)
	if t.plain == nil {
		t.forget()
		err := form.WithInput(t.in).RunWithContext(t.ctx)
		if errors.Is(err, huh.ErrUserAborted) || t.ctx.Err() != nil {
			return ErrStopped
		}
		return err
	}
	err := form.WithAccessible(true).WithInput(t.plain).RunWithContext(t.ctx)
	if t.plain.ended {
		return ErrStopped // huh takes the end of its input for Enter
	}
	return err
}

// forget throws away what was typed before the question was there: an Enter too many must not be a yes.
func (t *terminal) forget() {
	if f, ok := t.in.(*os.File); ok {
		unix.IoctlSetInt(int(f.Fd()), unix.TCFLSH, unix.TCIFLUSH) // without effect it is as it was
	}
}

// lines hands out what is typed, a line each Read: huh reads ahead, and would lose the answers to the questions that
// follow. A line that waits ends with ctx.
type lines struct {
	ctx   context.Context
	next  chan string
	rest  string
	ended bool // there was no line; owned by who asks
}

// newLines begins to read lines. The reading ends with its input, or the program.
func newLines(ctx context.Context, in io.Reader) *lines {
	l := &lines{ctx: ctx, next: make(chan string)}
	go func() {
		defer close(l.next)
		for r := bufio.NewReader(in); ; {
			line, err := r.ReadString('\n')
			if line != "" {
				l.next <- line
			}
			if err != nil {
				return
			}
		}
	}()
	return l
}

func (l *lines) Read(p []byte) (int, error) {
	if l.rest == "" {
		select {
		case line, ok := <-l.next:
			if !ok {
				l.ended = true
				return 0, io.EOF
			}
			l.rest = line
		case <-l.ctx.Done():
			l.ended = true
			return 0, io.EOF
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}
