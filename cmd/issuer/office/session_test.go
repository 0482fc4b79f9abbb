package office

import (
	"encoding/base64"
	"errors"
	"testing"
	"time"
)

// signedIn is the session of an account of goodForm's person, with its token.
func signedIn(t *testing.T, o *Office, account string) (Session, string) {
	t.Helper()
	o.hash = cheapHash(new([]string))
	if err := o.SignUp(account, "correct horse", goodForm()); err != nil && !errors.Is(err, Deny(AccountTaken)) {
		t.Fatal(err)
	}
	token, err := o.SignIn(t.Context(), account, "correct horse", "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	return session(t, o, token), token
}

func session(t *testing.T, o *Office, token string) Session {
	t.Helper()
	who, err := o.SignedIn(token)
	if err != nil {
		t.Fatal(err)
	}
	return who
}

func TestTokensAreOfTheirKind(t *testing.T) {
	o := newOffice(t, t.TempDir())
	page, err := o.NewVisitor()
	if err != nil {
		t.Fatal(err)
	}
	who, cookie := signedIn(t, o, "owner")
	if who.ID == "" || !who.SignedIn() {
		t.Errorf("signed in: %+v", who)
	}
	if me, err := o.Self(who); err != nil || me == nil || me.Name != goodForm().Name {
		t.Errorf("is %v, %v; want %s", me, err, goodForm().Name)
	}
	if v := o.Visitor(page); v.ID == "" || v.SignedIn() {
		t.Errorf("a visitor: %+v", v)
	}
	if me, err := o.Self(o.Visitor(page)); me != nil || err != nil {
		t.Errorf("a visitor is %v, %v; want nobody", me, err)
	}
	if o.Visitor(cookie).ID != "" || session(t, o, page).ID != "" {
		t.Error("a token of one kind is taken for the other")
	}
	if again, _ := o.NewVisitor(); o.Visitor(again).ID == o.Visitor(page).ID {
		t.Error("two visitors have one session")
	}
	if again, _ := signedIn(t, o, "owner"); again.ID == who.ID {
		t.Error("signing in twice gives one session")
	}
}

// Nobody but the issuer makes tokens: not by changing one, by cutting one, or with
// another issuer's key.
func TestTokensCannotBeMade(t *testing.T) {
	o, other := newOffice(t, t.TempDir()), newOffice(t, t.TempDir())
	page, err := o.NewVisitor()
	if err != nil {
		t.Fatal(err)
	}
	_, cookie := signedIn(t, o, "owner")
	none := func(name, token string) {
		t.Helper()
		if who := session(t, o, token); who.ID != "" || who.SignedIn() || o.Visitor(token).ID != "" {
			t.Errorf("%s is a session", name)
		}
	}
	for _, token := range []string{page, cookie} {
		all, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			t.Fatal(err)
		}
		for i := range all {
			changed := append([]byte(nil), all...)
			changed[i] ^= 1
			none("a token with a byte changed", base64.RawURLEncoding.EncodeToString(changed))
			none("a token cut short", base64.RawURLEncoding.EncodeToString(all[:i]))
		}
		none("a token with a byte more", base64.RawURLEncoding.EncodeToString(append(all, 0)))
		none("a token and a line's end", token+"\n")
		none("a token whose last character has a bit that counts for nothing", token[:len(token)-1]+string(token[len(token)-1]+1))
	}
	foreign, err := other.NewVisitor()
	if err != nil {
		t.Fatal(err)
	}
	none("another issuer's visitor", foreign)
	_, foreign = signedIn(t, other, "owner")
	none("another issuer's user", foreign)
	for name, body := range map[string][]byte{
		"a visitor's with too much in it": {1, 0},
		"a user's with too little":        append([]byte{2}, make([]byte, 27)...),
		"a user's with too much":          append([]byte{2}, make([]byte, 29)...),
		"a user's that has no time":       append([]byte{2}, cookieBody(t, o, cookie)[:20]...),
		"one of no kind":                  {3},
		"a user's of another kind":        append([]byte{3}, cookieBody(t, o, cookie)...),
		"an account's that is not there":  append([]byte{2}, make([]byte, 28)...),
	} {
		token, err := o.vault.token(body)
		if err != nil {
			t.Fatal(err)
		}
		none(name, token)
	}
}

// cookieBody is the account, the generation and the time in a token.
func cookieBody(t *testing.T, o *Office, token string) []byte {
	t.Helper()
	body, ok := o.vault.body(token)
	if !ok {
		t.Fatal("a token of its own is not known to the issuer")
	}
	return body[1:29]
}

func TestR10SignOut(t *testing.T) {
	o := newOffice(t, t.TempDir())
	who, cookie := signedIn(t, o, "owner")
	_, elsewhere := signedIn(t, o, "owner")
	_, another := signedIn(t, o, "another")
	if err := o.SignOut(visitor(t, o)); err != nil || session(t, o, cookie).ID == "" {
		t.Errorf("a visitor signs out: %v, and the owner is signed out", err)
	}
	if err := o.SignOut(who); err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{"here": cookie, "elsewhere": elsewhere} {
		if session(t, o, token).ID != "" {
			t.Errorf("%s the owner is signed in still", name)
		}
	}
	if session(t, o, another).ID == "" {
		t.Error("another account is signed out")
	}
	if who, _ := signedIn(t, o, "owner"); who.ID == "" {
		t.Error("the owner cannot sign in again")
	}
}

// A sign-in ends by itself, by the issuer's clock: a browser that is never cleared is signed out in the end.
func TestR10ASignInLasts30Days(t *testing.T) {
	o := newOffice(t, t.TempDir())
	began := o.Now()
	who, cookie := signedIn(t, o, "owner")
	to := func(d time.Duration) {
		t.Helper()
		if err := o.Advance(began.Add(d).Sub(o.Now())); err != nil {
			t.Fatal(err)
		}
	}
	to(SignInLasts - time.Minute)
	if got := session(t, o, cookie); got.ID != who.ID || !got.SignedIn() || got.Over() {
		t.Errorf("a minute before the 30 days are over: %+v; want it signed in", got)
	}
	_, later := signedIn(t, o, "owner")
	to(SignInLasts + time.Minute)
	over := session(t, o, cookie)
	if over.ID != "" || over.SignedIn() || !over.Over() {
		t.Errorf("after 30 days: %+v; want it over", over)
	}
	if session(t, o, later).ID == "" {
		t.Error("a later sign-in is over too")
	}
	_, _, shown := o.Shown(over)
	_, begun := o.Begin("view", goodForm(), 0, over)
	_, history := o.History(over)
	for what, err := range map[string]error{"shown": shown, "begun": begun, "history": history} {
		if !errors.Is(err, Deny(SignInOver)) {
			t.Errorf("%s: %v; want %v", what, err, SignInOver)
		}
	}
	to(-time.Hour)
	if session(t, o, later).SignedIn() {
		t.Error("a sign-in of a month ahead is taken once the clock is right: it would last for two")
	}
	if err := o.SignOut(over); err != nil {
		t.Error(err)
	}
}

func TestR12SigningUpConfirmsTheDetails(t *testing.T) {
	o := newOffice(t, t.TempDir())
	o.hash = cheapHash(new([]string))
	for _, tt := range []struct {
		name, account, password string
		change                  func(*Form)
		want                    Reason
	}{
		{"not confirmed", "owner", "correct horse", func(f *Form) { f.Confirmed = false }, NotConfirmed},
		{"a passport", "owner", "correct horse", func(f *Form) { f.Document = "passport" }, NotResidentCard},
		{"a short password", "owner", "horse", func(*Form) {}, BadAccount},
		{"as it should be, widely written", "owner", "correct horse", func(f *Form) { f.Number = "１１０１０５１９４９１２３１００２ｘ" }, ""},
		{"the account of before", "owner", "correct horse", func(*Form) {}, AccountTaken},
	} {
		f := goodForm()
		f.City = "" // an account needs no place
		tt.change(&f)
		var d Denied
		if err := o.SignUp(tt.account, tt.password, f); err != nil && !errors.As(err, &d) || d.Reason != tt.want {
			t.Errorf("%s: %v; want %q", tt.name, err, tt.want)
		}
	}
	who, _ := signedIn(t, o, "owner")
	if me, err := o.Self(who); err != nil || me.Number != goodForm().Number {
		t.Errorf("the account is of %v, %v; want the number in one spelling", me, err)
	}
}
