package main

import (
	"go/ast"
	"go/token"
	"go/types"
)

// A finder walks a file's tree and notes what can be changed. It leaves alone what no
// test is asked to see: log lines, locks, and the closing of what a defer closes.
type finder struct {
	*source
	file  *file
	fn    string // the function, or what is declared
	body  *ast.BlockStmt
	sites []*site
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
				w.expr(value, nil)
			}
		}
	}
}

// block takes a list of statements; bare tells whether a return without a value may be
// left out.
func (w *finder) block(list []ast.Stmt, bare bool) {
	for _, s := range list {
		w.stmt(s, bare, true)
	}
}

// stmt takes one statement. In a list it may be left out as a whole.
func (w *finder) stmt(s ast.Stmt, bare, inList bool) {
	if inList {
		w.leaveOut(s, bare)
	}
	switch s := s.(type) {
	case *ast.BlockStmt:
		w.block(s.List, bare)
	case *ast.LabeledStmt:
		w.stmt(s.Stmt, bare, false)
	case *ast.IfStmt:
		w.stmtOrNil(s.Init, bare)
		w.expr(s.Cond, nil)
		w.block(s.Body.List, bare)
		w.stmtOrNil(s.Else, bare)
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

func (w *finder) stmtOrNil(s ast.Stmt, bare bool) {
	if s != nil {
		w.stmt(s, bare, false)
	}
}

// parts takes the expressions of a statement that holds no other.
func (w *finder) parts(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.AssignStmt:
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
	for _, e := range s.Results {
		tv := w.info.Types[e]
		if tv.Type != nil && !tv.IsNil() && types.Identical(tv.Type, types.Universe.Lookup("error").Type()) {
			w.add(e, "error", "return "+w.brief(e)+" → nil", "nil")
		}
		w.expr(e, s)
	}
}
