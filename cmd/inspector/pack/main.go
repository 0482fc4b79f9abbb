// Pack makes what cmd/inspector carries and nobody commits: the inspector as WebAssembly, packed
// with brotli, and the script of Go's that runs it. Equal sources give equal files.
//
//	go run ./cmd/inspector/pack FOLDER
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/andybalholm/brotli"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: pack FOLDER")
		os.Exit(2)
	}
	if err := pack(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

// The files that are made. The digest is of what was packed: packing takes a while, and is not
// done again for the same program.
const (
	programFile = "inspector.wasm.br"
	scriptFile  = "wasm_exec.js"
	digestFile  = "digest.txt"
)

func pack(dir string) error {
	program, err := build()
	if err != nil {
		return err
	}
	root, err := goTool("env", "GOROOT")
	if err != nil {
		return err
	}
	script, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(program)
	digest := hex.EncodeToString(sum[:]) + "\n"
	if had, err := os.ReadFile(filepath.Join(dir, digestFile)); err == nil && string(had) == digest {
		return write(dir, scriptFile, script)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var small bytes.Buffer
	w := brotli.NewWriterLevel(&small, brotli.BestCompression)
	if _, err := w.Write(program); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return errors.Join(write(dir, scriptFile, script), write(dir, programFile, small.Bytes()), write(dir, digestFile, []byte(digest)))
}

// build makes the program, of nothing but the sources.
func build() ([]byte, error) {
	dir, err := os.MkdirTemp("", "railgate-pack-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "inspector.wasm")
	if _, err := goTool("build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", out, "railgate/cmd/inspector/wasm"); err != nil {
		return nil, err
	}
	return os.ReadFile(out)
}

// goTool runs the go command for WebAssembly.
func goTool(args ...string) ([]byte, error) {
	name := os.Getenv("GO")
	if name == "" {
		name = "go"
	}
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0", "GOARM=", "GOFLAGS=")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", name, args[0], err)
	}
	return out, nil
}

// write replaces a file by a whole one.
func write(dir, name string, data []byte) error {
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path+".new", data, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
