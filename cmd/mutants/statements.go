package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// leaveOut notes that a statement may be left out.
func (w *finder) leaveOut(s ast.Stmt, bare bool) {
	switch s := s.(type) {
	case *ast.AssignStmt:
		w.leaveOutAssignment(s)
		return
	case *ast.ExprStmt:
		if call, ok := s.X.(*ast.CallExpr); ok && w.unasked(call) {
			return
		}
	case *ast.DeferStmt:
		if w.unasked(s.Call) || strings.HasSuffix(w.text(s.Call.Fun), ".Close") {
			return
		}
	case *ast.BranchStmt:
		if s.Label != nil || s.Tok != token.BREAK && s.Tok != token.CONTINUE {
			return
		}
	case *ast.ReturnStmt:
		if !bare || len(s.Results) > 0 || slices.Contains(w.body.List, ast.Stmt(s)) {
			return
		}
	case *ast.IncDecStmt, *ast.SendStmt, *ast.GoStmt:
	default:
		return
	}
	w.add(s, "", "drop "+w.brief(s), "")
}

// leaveOutAssignment drops an assignment, or one variable of several.
func (w *finder) leaveOutAssignment(s *ast.AssignStmt) {
	if s.Tok == token.DEFINE {
		return
	}
	if len(s.Lhs) == 1 {
		if w.text(s.Lhs[0]) != "_" {
			w.add(s, "", "drop "+w.brief(s), "")
		}
		return
	}
	for i, l := range s.Lhs {
		if w.text(l) != "_" {
			w.add(s, "", "drop "+w.brief(l)+" of "+w.brief(s), w.assignmentWithout(s, i))
		}
	}
}

// assignmentWithout is an assignment that leaves one of its variables as it is.
func (w *finder) assignmentWithout(s *ast.AssignStmt, i int) string {
	left, right := w.texts(s.Lhs), w.texts(s.Rhs)
	if len(left) == len(right) {
		left, right = slices.Delete(left, i, i+1), slices.Delete(right, i, i+1)
	} else {
		left[i] = "_"
	}
	return strings.Join(left, ", ") + " " + s.Tok.String() + " " + strings.Join(right, ", ")
}

func (w *finder) texts(list []ast.Expr) (all []string) {
	for _, e := range list {
		all = append(all, w.text(e))
	}
	return all
}

// unasked tells whether no test is asked to see a call: a log line, a lock, and a panic,
// after which a function may end without a return.
func (w *finder) unasked(call *ast.CallExpr) bool {
	switch f := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		_, builtin := w.info.Uses[f].(*types.Builtin)
		return builtin && f.Name == "panic"
	case *ast.SelectorExpr:
		o := w.info.Uses[f.Sel]
		if o == nil || o.Pkg() == nil {
			return false
		}
		return o.Pkg().Path() == "log/slog" || o.Pkg().Path() == "log" || o.Pkg().Path() == "sync" && strings.Contains(o.Name(), "ock")
	}
	return false
}
