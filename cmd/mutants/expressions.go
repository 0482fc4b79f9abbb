package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"math/big"
	"strings"
)

// expr takes an expression whose value is used, and what is inside it. parent is what
// makes of a truth value more than a condition; nil: nothing does.
func (w *finder) expr(e ast.Expr, parent ast.Node) {
	e = unparen(e)
	if e == nil {
		return
	}
	tv := w.info.Types[e]
	if tv.IsType() || tv.IsNil() || tv.IsBuiltin() {
		return
	}
	if tv.Value != nil {
		w.literals(e, tv.Type)
		return
	}
	if isBool(tv.Type) {
		w.truth(e, tv.Type, parent)
	}
	if b, ok := e.(*ast.BinaryExpr); ok {
		w.operator(b, tv.Type)
	}
	w.inside(e)
}

func unparen(e ast.Expr) ast.Expr {
	if e == nil {
		return nil
	}
	return ast.Unparen(e)
}

func isBool(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsBoolean != 0
}

// truth makes a condition true, and false; one side of && or || counts for nothing.
func (w *finder) truth(e ast.Expr, t types.Type, parent ast.Node) {
	typ := w.typeName(types.Default(t), e.Pos())
	if typ == "" {
		return
	}
	both := []string{"true", "false"}
	switch p := parent.(type) {
	case *ast.BinaryExpr:
		both = map[token.Token][]string{token.LAND: {"true"}, token.LOR: {"false"}}[p.Op]
	case *ast.UnaryExpr:
		both = nil
	case *ast.ForStmt: // which would not end
		both = []string{"false"}
	}
	for _, v := range both {
		change := w.brief(e) + " → " + v
		if strings.Contains(change, "err != nil") {
			change += w.failed
		}
		w.add(e, typ, change, v)
	}
}

// swaps are the operators and what takes their place. The limits of a comparison move by one.
var swaps = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL, token.REM: token.MUL,
	token.AND: token.OR, token.OR: token.AND, token.XOR: token.OR, token.SHL: token.SHR, token.SHR: token.SHL,
}

func (w *finder) operator(b *ast.BinaryExpr, t types.Type) {
	op, ok := swaps[b.Op]
	if basic, is := t.Underlying().(*types.Basic); !ok || !is || basic.Info()&types.IsString != 0 {
		return
	}
	typ := w.typeName(types.Default(t), b.Pos())
	if typ == "" {
		return
	}
	left, right := string(w.file.text[w.offset(b.Pos()):w.offset(b.OpPos)]), w.text(b.Y)
	w.add(b, typ, fmt.Sprintf("%s → %v", w.brief(b), op), left+op.String()+" "+right)
}

// inside takes the parts of an expression.
func (w *finder) inside(e ast.Expr) {
	if e != nil {
		outer := w.around
		w.around = e
		defer func() { w.around = outer }()
	}
	switch e := e.(type) {
	case *ast.BinaryExpr:
		var parent ast.Node
		if e.Op == token.LAND || e.Op == token.LOR || e.Op == token.EQL || e.Op == token.NEQ {
			parent = e
		}
		w.expr(e.X, parent)
		w.expr(e.Y, parent)
	case *ast.UnaryExpr:
		if e.Op == token.AND { // what has an address stays as it is
			w.inside(unparen(e.X))
		} else if e.Op != token.ARROW {
			w.expr(e.X, e)
		}
	case *ast.CallExpr:
		w.inside(unparen(e.Fun))
		for _, a := range e.Args {
			w.expr(a, nil)
		}
	case *ast.SelectorExpr:
		w.inside(unparen(e.X))
	case *ast.StarExpr:
		w.inside(unparen(e.X))
	case *ast.TypeAssertExpr:
		w.inside(unparen(e.X))
	case *ast.IndexExpr:
		w.inside(unparen(e.X))
		w.expr(e.Index, nil)
	case *ast.SliceExpr:
		w.inside(unparen(e.X))
		w.expr(e.Low, nil)
		w.expr(e.High, nil)
		w.expr(e.Max, nil)
	case *ast.CompositeLit:
		w.composite(e)
	case *ast.FuncLit:
		w.closure(e)
	}
}

func (w *finder) closure(f *ast.FuncLit) {
	outer := w.body
	w.body = f.Body
	w.block(f.Body.List, f.Type.Results == nil)
	w.body = outer
}

// composite takes a literal's values; a field of a struct may be left out.
func (w *finder) composite(c *ast.CompositeLit) {
	_, isStruct := w.info.Types[c].Type.Underlying().(*types.Struct)
	for _, e := range c.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			w.expr(e, nil)
			continue
		}
		if isStruct {
			w.field(kv)
		}
		w.expr(kv.Value, nil)
	}
}

func (w *finder) field(kv *ast.KeyValueExpr) {
	tv := w.info.Types[kv.Value]
	if tv.IsNil() || isBool(tv.Type) || tv.Value != nil && isZero(tv.Value) {
		return
	}
	field, ok := w.info.Uses[kv.Key.(*ast.Ident)].(*types.Var)
	if !ok {
		return
	}
	typ := w.typeName(field.Type(), kv.Pos())
	if typ != "" {
		w.add(kv.Value, typ, "without "+w.brief(kv), "*new("+typ+")")
	}
}

func isZero(v constant.Value) bool {
	switch v.Kind() {
	case constant.String:
		return constant.StringVal(v) == ""
	case constant.Int, constant.Float:
		return constant.Sign(v) == 0
	}
	return false
}

// literals makes each number of a constant expression one more.
func (w *finder) literals(e ast.Expr, t types.Type) {
	typ := w.typeName(t, e.Pos())
	if typ == "" || !isNumber(t) {
		return
	}
	for _, l := range numbers(e) {
		changed := w.replaced(e, l)
		if _, err := types.Eval(w.fset, w.pkg, e.Pos(), typ+"("+changed+")"); err == nil {
			w.add(e, typ, w.nameOf(e, changed), changed)
		}
	}
}

// nameOf names a number's change by what is around it.
func (w *finder) nameOf(e ast.Expr, changed string) string {
	if w.around == nil {
		return w.brief(e) + " → " + brief(changed)
	}
	from, to := w.offset(e.Pos())-w.offset(w.around.Pos()), w.offset(e.End())-w.offset(w.around.Pos())
	all := w.text(w.around)
	near := brief(all)
	if strings.Contains(near, "…") { // the change itself must be seen
		return brief(near+": "+w.text(e)) + " → " + brief(changed)
	}
	return near + " → " + brief(all[:from]+changed+all[to:])
}

// constant does the same to a declared constant, whose mutants are built by themselves.
func (w *finder) constant(name string, e ast.Expr) {
	if !isNumber(w.info.Types[e].Type) {
		return
	}
	for _, l := range numbers(e) {
		changed := w.replaced(e, l)
		m := w.add(e, "const", name+" = "+w.brief(e)+" → "+brief(changed), changed)
		m.alone = true
	}
}

func isNumber(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsNumeric != 0
}

func numbers(e ast.Expr) (all []*ast.BasicLit) {
	ast.Inspect(e, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && (l.Kind == token.INT || l.Kind == token.FLOAT) {
			all = append(all, l)
		}
		return true
	})
	return all
}

// replaced is an expression with one of its numbers one more.
func (w *finder) replaced(e ast.Expr, l *ast.BasicLit) string {
	text, at := w.text(e), w.offset(l.Pos())-w.offset(e.Pos())
	more := l.Value + " + 1"
	if v, ok := constant.Val(constant.MakeFromLiteral(l.Value, l.Kind, 0)).(int64); ok {
		more = fmt.Sprint(v + 1)
	} else if v, ok := constant.Val(constant.MakeFromLiteral(l.Value, l.Kind, 0)).(*big.Int); ok {
		more = new(big.Int).Add(v, big.NewInt(1)).String()
	}
	return text[:at] + more + text[at+len(l.Value):]
}
