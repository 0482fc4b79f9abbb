package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// A finder walks a file's tree and notes what can be changed. It leaves alone what no
// test is asked to see: log lines, locks, and the closing of what a defer closes.
type finder struct {
	*source
	file   *file
	fn     string // the function, or what is declared
	body   *ast.BlockStmt
	around ast.Node // what a number is named by
	failed string   // the call whose error is looked at, by which that is named
	before ast.Stmt // in the list
	sites  []*site
}

func (w *finder) findIn(tree *ast.File) {
	for _, d := range tree.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body != nil {
				w.fn, w.body = funcName(d), d.Body
				w.block(d.Body.List, d.Type.Results == nil)
			}
		case *ast.GenDecl:
			w.body = nil
			w.declare(d)
		}
	}
}

func funcName(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return d.Name.Name
	}
	t := d.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if index, ok := t.(*ast.IndexExpr); ok {
		t = index.X
	}
	return t.(*ast.Ident).Name + "." + d.Name.Name
}

func (w *finder) declare(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		v, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		if w.body == nil {
			w.fn = v.Names[0].Name
		}
		for i, value := range v.Values {
			if d.Tok == token.CONST {
				w.constant(v.Names[i].Name, value)
			} else {
				w.around = nil
				w.expr(value, nil)
			}
		}
	}
}

// block takes a list of statements; bare tells whether a return without a value may be
// left out.
func (w *finder) block(list []ast.Stmt, bare bool) {
	var before ast.Stmt
	for _, s := range list {
		w.before = before
		w.stmt(s, bare, true)
		before = s
	}
}

// stmt takes one statement. In a list it may be left out as a whole.
func (w *finder) stmt(s ast.Stmt, bare, inList bool) {
	if inList {
		w.leaveOut(s, bare)
	}
	w.around = nil
	switch s := s.(type) {
	case *ast.BlockStmt:
		w.block(s.List, bare)
	case *ast.LabeledStmt:
		w.stmt(s.Stmt, bare, false)
	case *ast.IfStmt:
		w.branch(s, bare)
	case *ast.ForStmt:
		w.stmtOrNil(s.Init, bare)
		w.expr(s.Cond, s)
		w.block(s.Body.List, bare)
	case *ast.RangeStmt:
		w.expr(s.X, nil)
		w.block(s.Body.List, bare)
	case *ast.SwitchStmt:
		w.stmtOrNil(s.Init, bare)
		w.expr(s.Tag, nil)
		w.cases(s.Body, bare, s.Tag == nil)
	case *ast.TypeSwitchStmt:
		w.cases(s.Body, bare, false)
	case *ast.SelectStmt:
		w.cases(s.Body, bare, false)
	case *ast.ReturnStmt:
		w.results(s)
	default:
		w.parts(s)
	}
}

func (w *finder) branch(s *ast.IfStmt, bare bool) {
	before := w.before
	if s.Init != nil {
		w.stmt(s.Init, bare, false)
		before = s.Init
	}
	outer := w.failed
	w.failed = w.failing(s.Cond, before)
	w.expr(s.Cond, nil)
	w.block(s.Body.List, bare)
	w.failed = outer
	w.stmtOrNil(s.Else, bare)
}

// failing is the call whose error a condition looks at; "" where it looks at none.
func (w *finder) failing(cond ast.Expr, before ast.Stmt) string {
	a, ok := before.(*ast.AssignStmt)
	if !ok || !strings.Contains(w.text(cond), "err != nil") || !strings.Contains(w.text(a), "err") {
		return ""
	}
	return " after " + w.brief(a.Rhs[0])
}

func (w *finder) stmtOrNil(s ast.Stmt, bare bool) {
	if s != nil {
		w.stmt(s, bare, false)
	}
}

// parts takes the expressions of a statement that holds no other.
func (w *finder) parts(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.AssignStmt:
		w.around = s
		for _, e := range s.Rhs {
			w.expr(e, s)
		}
	case *ast.ExprStmt:
		w.inside(s.X)
	case *ast.SendStmt:
		w.expr(s.Value, nil)
	case *ast.GoStmt:
		w.inside(s.Call)
	case *ast.DeferStmt:
		w.inside(s.Call)
	case *ast.DeclStmt:
		if d := s.Decl.(*ast.GenDecl); d.Tok == token.VAR {
			w.declare(d)
		}
	}
}

// cases takes a switch's or a select's clauses. What a clause without a tag asks is a
// condition.
func (w *finder) cases(body *ast.BlockStmt, bare, conditions bool) {
	for _, c := range body.List {
		switch c := c.(type) {
		case *ast.CaseClause:
			for _, e := range c.List {
				if conditions {
					w.expr(e, nil)
				}
			}
			w.block(c.Body, bare)
		case *ast.CommClause:
			w.block(c.Body, bare)
		}
	}
}

// results takes what a return returns; an error may be forgotten.
func (w *finder) results(s *ast.ReturnStmt) {
	w.around = s
	for _, e := range s.Results {
		tv := w.info.Types[e]
		if tv.Type != nil && !tv.IsNil() && types.Identical(tv.Type, types.Universe.Lookup("error").Type()) {
			w.add(e, "error", "return "+w.brief(e)+" → nil"+w.failed, "nil")
		}
		w.expr(e, s)
	}
}
