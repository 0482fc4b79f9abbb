package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A source is one package with its types.
type source struct {
	target
	path  string // its import path
	abs   string // its folder
	fset  *token.FileSet
	files []*file
	pkg   *types.Package
	info  *types.Info
}

// A file is one that a target takes.
type file struct {
	name string // in its package's folder
	text []byte
	tree *ast.File
}

// listed is what go list says of a package.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
}

// load parses and types a target's package, with its imports as the compiler left them.
func load(t target) (*source, error) {
	out, err := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles", "./"+t.dir).Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w%s", err, stderrOf(err))
	}
	exports := map[string]string{}
	var last listed // go list -deps names a package after all that it imports
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var l listed
		if err := dec.Decode(&l); err == io.EOF {
			break
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		exports[l.ImportPath], last = l.Export, l
	}
	s := &source{target: t, path: last.ImportPath, abs: last.Dir, fset: token.NewFileSet()}
	return s, s.check(last.GoFiles, exports)
}

func stderrOf(err error) string {
	if e := (*exec.ExitError)(nil); errors.As(err, &e) {
		return ": " + strings.TrimSpace(string(e.Stderr))
	}
	return ""
}

func (s *source) check(names []string, exports map[string]string) error {
	var trees []*ast.File
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(s.abs, name))
		if err != nil {
			return err
		}
		tree, err := parser.ParseFile(s.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		trees = append(trees, tree)
		if s.takes(name) {
			s.files = append(s.files, &file{name, text, tree})
		}
	}
	if len(s.files) == 0 {
		return fmt.Errorf("none of %q is a file of the package", s.target.files)
	}
	lookup := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	conf := types.Config{Importer: importer.ForCompiler(s.fset, "gc", lookup)}
	s.info = &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	var err error
	s.pkg, err = conf.Check(s.path, s.fset, trees, s.info)
	return err
}

// typeName spells a type at a place in a file, "" where it cannot be spelled there.
func (s *source) typeName(t types.Type, at token.Pos) string {
	ok := true
	name := types.TypeString(t, func(p *types.Package) string {
		if p == s.pkg {
			return ""
		}
		_, o := s.pkg.Scope().Innermost(at).LookupParent(p.Name(), at)
		if n, is := o.(*types.PkgName); !is || n.Imported() != p {
			ok = false
		}
		return p.Name()
	})
	if b, is := t.(*types.Basic); is && b.Info()&types.IsUntyped != 0 {
		ok = false
	}
	if !ok || strings.Contains(name, "invalid type") {
		return ""
	}
	return name
}
