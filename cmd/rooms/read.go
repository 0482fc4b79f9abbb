package main

import (
	"fmt"
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const module = "railgate"

// A room is a package of the module.
type room struct {
	path    string   // below the module: verify/lane
	imports []string // of the module, below it, sorted
	program bool
	others  []string // import paths of other modules and of the standard library, sorted
}

// read finds the module's packages, as they are built for a gate, without their tests.
func read(dir string) (map[string]*room, error) {
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled = "linux", "arm64", false
	rooms := map[string]*room{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if name := d.Name(); rel != "." && (strings.HasPrefix(name, ".") || name == "testdata" || rel == "build" || rel == "bin") {
			return filepath.SkipDir
		}
		p, err := ctx.ImportDir(path, 0)
		if _, none := err.(*build.NoGoError); none {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", rel, err)
		}
		rooms[rel] = newRoom(rel, p.Imports)
		rooms[rel].program = p.IsCommand()
		return nil
	})
	if len(rooms) == 0 && err == nil {
		err = fmt.Errorf("%s: %w: no packages", dir, os.ErrNotExist)
	}
	return rooms, err
}

func newRoom(path string, imports []string) *room {
	r := &room{path: path}
	for _, i := range imports {
		if below, ok := strings.CutPrefix(i, module+"/"); ok {
			r.imports = append(r.imports, below)
		} else {
			r.others = append(r.others, i)
		}
	}
	slices.Sort(r.imports)
	slices.Sort(r.others)
	return r
}

// reach tells whether one room reaches another by one import or more.
func reach(rooms map[string]*room, from, to string) bool {
	for _, next := range rooms[from].imports {
		if next == to || rooms[next] != nil && reach(rooms, next, to) {
			return true
		}
	}
	return false
}

// arrows are a room's imports without those that others of them imply.
func arrows(rooms map[string]*room, r *room) (out []string) {
	for _, to := range r.imports {
		implied := slices.ContainsFunc(r.imports, func(via string) bool {
			return via != to && rooms[via] != nil && reach(rooms, via, to)
		})
		if !implied {
			out = append(out, to)
		}
	}
	return out
}

// floor is how many imports lie below a room, on the longest way down.
func floor(rooms map[string]*room, path string) int {
	n := 0
	for _, next := range rooms[path].imports {
		if rooms[next] != nil {
			n = max(n, 1+floor(rooms, next))
		}
	}
	return n
}
