package scanset

import (
	"bytes"
	"time"
)

// A line is a port on which questions have answers.
type line struct {
	port  Port
	wait  time.Duration // for an answer's begin, and between its parts
	tries int           // how often a question is asked
}

const (
	// AnswerTime is how long a scanner may take to begin its answer.
	AnswerTime = 300 * time.Millisecond
	// tries is how often a scanner that was found is asked.
	tries = 3
	// maxAnswer bounds an answer.
	maxAnswer = 4096
)

// ask sends a question until its answer is there. whole looks for it in what came: what comes before
// it, such as a code that is being read, is skipped. It returns a nil answer as long as there is none.
func (l *line) ask(question []byte, whole func(got []byte) (answer []byte, err error)) ([]byte, error) {
	var err error
	for range l.tries {
		var answer []byte
		if answer, err = l.askOnce(question, whole); err == nil {
			return answer, nil
		} else if err != ErrSilent && err != ErrAnswer {
			return nil, err
		}
	}
	return nil, err
}

func (l *line) askOnce(question []byte, whole func([]byte) ([]byte, error)) ([]byte, error) {
	if err := l.port.ResetInputBuffer(); err != nil {
		return nil, err
	}
	if _, err := l.port.Write(question); err != nil {
		return nil, err
	}
	if err := l.port.SetReadTimeout(l.wait); err != nil {
		return nil, err
	}
	var got []byte
	for buf := make([]byte, 256); len(got) < maxAnswer; {
		n, err := l.port.Read(buf)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			break
		}
		got = append(got, buf[:n]...)
		if answer, err := whole(got); answer != nil || err != nil {
			return answer, err
		}
	}
	if len(bytes.TrimSpace(got)) == 0 {
		return nil, ErrSilent
	}
	return nil, ErrAnswer
}
