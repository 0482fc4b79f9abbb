package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// An asker gets passphrases from a file or from the terminal.
type asker struct {
	file string
}

const shortest = 12 // characters; age's scrypt makes a guess cost a second

// ask asks for the passphrase of a key that is there.
func (a *asker) ask(key string) (string, error) {
	if a.file != "" {
		return firstLine(a.file)
	}
	return prompt("Passphrase of " + key + ": ")
}

// askNew asks for a new passphrase, twice.
func (a *asker) askNew(key string) (string, error) {
	if a.file != "" {
		return a.checked(firstLine(a.file))
	}
	first, err := a.checked(prompt(fmt.Sprintf("New passphrase of %s, at least %d characters: ", key, shortest)))
	if err != nil {
		return "", err
	}
	second, err := prompt("Again: ")
	if err == nil && second != first {
		err = errors.New("the two are not the same")
	}
	return first, err
}

func (a *asker) checked(passphrase string, err error) (string, error) {
	if err == nil && len(passphrase) < shortest {
		err = fmt.Errorf("a passphrase has at least %d characters", shortest)
	}
	return passphrase, err
}

func firstLine(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	line, err := bufio.NewReader(f).ReadString('\n')
	if line == "" {
		return "", fmt.Errorf("%s: no passphrase: %w", path, err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// prompt asks on the terminal, without an echo.
func prompt(question string) (string, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return "", errors.New("there is no terminal to ask for a passphrase; use --passphrase-file")
	}
	defer tty.Close()
	fmt.Fprint(tty, question)
	answer, err := term.ReadPassword(int(tty.Fd()))
	fmt.Fprintln(tty)
	return string(answer), err
}
