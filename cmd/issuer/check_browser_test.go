package main

import (
	"fmt"
	"testing"

	"railgate/cmd/pages/pagetest"
)

// An applying is the passenger's page in a browser, beside the provider's pages.
type applying struct {
	*pagetest.Tab
	d *desk
}

func (d *desk) opens(t *testing.T, path string) *applying {
	t.Helper()
	a := &applying{pagetest.Open(t, "check", 390, 844), d}
	a.Go(d.srv.URL + path)
	return a
}

// fills fills the form in for Li Lei, and goes on to the check.
func (a *applying) fills() {
	a.Helper()
	a.Until("the page is ready", "document.body?.dataset.ready")
	a.Tap("#goapply")
	f := goodForm()
	a.Set("#fill [name=name]", f.Name)
	a.Set("#fill [name=number]", f.Number)
	a.Until("confirmed", "($('#fill [name=confirmed]').checked = true)")
	a.Tap("#next")
	a.checkIsThere()
}

// kept tells whether the form still has what was filled in.
const kept = "$('#fill [name=name]').value === '李雷' && $('#fill [name=number]').value === '11010519491231002X' && $('#fill [name=confirmed]').checked"

func (a *applying) checkIsThere() {
	a.Helper()
	a.Until("the check can be begun", "document.body.dataset.ready && seen('#start') && !$('#start').disabled && $('#start').innerText.includes('开始核验')")
}

// goes goes to the provider's page.
func (a *applying) goes() {
	a.Helper()
	a.Tap("#start")
	a.Until("the provider's page", "location.pathname.startsWith('/provider/') && document.readyState === 'complete'")
}

// turnsBack presses the browser's button.
func (a *applying) turnsBack() {
	a.Helper()
	a.Str("(setTimeout(() => history.back()), '')") // after this answer
}

// comesBack turns back, to the check.
func (a *applying) comesBack() {
	a.Helper()
	a.turnsBack()
	a.checkIsThere()
}

// triesAgain takes the way that a denial offers, to the check.
func (a *applying) triesAgain() {
	a.Helper()
	a.Tap("#helps")
	a.checkIsThere()
}

// passes is seen by the provider, and comes back to a code.
func (a *applying) passes(whose string) {
	a.Helper()
	a.goes()
	a.Tap("button.main[name=face]")
	a.sees(whose)
}

func (a *applying) formIsKept() {
	a.Helper()
	a.Until("the form is as it was", kept)
}

func (a *applying) sees(whose string) {
	a.Helper()
	a.Until("the code of "+whose, fmt.Sprintf("seen('#qr') && $('#qr').dataset.slot && $('#owner').innerText.includes(%q)", whose))
}

func (a *applying) denied(reason, words string) {
	a.Helper()
	a.Until(reason, fmt.Sprintf("seen('#outcome') && $('#outcome').dataset.reason === %q && $('#why').innerText.includes(%q) && seen('#helps') && !seen('#qr')", reason, words))
}

// A passenger who turns back at the provider finds the check as it was, and what was filled in; the trip
// that was left is good for nothing any more.
func TestR4TurningBackAtTheProvider(t *testing.T) {
	d := newDesk(t, true)
	a := d.opens(t, "/")
	a.fills()
	a.goes()
	a.comesBack()
	a.formIsKept()
	a.Str("(setTimeout(() => history.forward()), '')")
	a.Tap("button.main[name=face]")
	a.Until("an answer that nobody waits for shows nobody's code", "document.body.dataset.ready && seen('#outcome') && !seen('#qr') && !location.search")
	a.Picture("stale")
	a.Go(d.srv.URL + "/")
	a.fills()
	a.goes()
	a.comesBack()
	a.passes("李*")
}

// A passenger who gives up there, or whom nobody saw, comes back to words and to another try.
func TestR4GivingUpAtTheProvider(t *testing.T) {
	d := newDesk(t, true)
	a := d.opens(t, "/")
	a.fills()
	for _, tt := range []struct{ how, reason, words string }{
		{"fails", "check_failed", "实人核验未通过"}, {"not_alive", "check_not_alive", "未能确认本人面容"},
		{"times_out", "check_timed_out", "实人核验超时"}, {"cancels", "check_cancelled", "实人核验未完成"}, {"unavailable", "check_unavailable", "暂不可用"},
	} {
		a.goes()
		a.Tap("button[name=ends][value=" + tt.how + "]")
		a.denied(tt.reason, tt.words)
		a.triesAgain()
	}
	a.passes("李*")
}

// A provider that is down is said before the passenger is sent there, and on the way back; one whose
// page does not come leaves the way back. Once it is up again the same errand goes on.
func TestR4AProviderThatIsDown(t *testing.T) {
	d := newDesk(t, true)
	d.down.Store("/")
	a := d.opens(t, "/")
	a.fills()
	a.Tap("#start")
	a.denied("check_unavailable", "暂不可用")
	a.Picture("down")
	d.down.Store("")
	a.triesAgain()

	d.down.Store("/login")
	a.Tap("#start")
	a.Until("the provider's page does not come", "location.pathname.startsWith('/provider/') && document.body.innerText.trim() === 'down'")
	a.comesBack()
	a.formIsKept()
	d.down.Store("")

	a.goes()
	d.down.Store("/oauth/token")
	a.Tap("button.main[name=face]")
	a.denied("check_unavailable", "暂不可用")
	d.down.Store("")
	a.triesAgain()
	a.passes("李*")
}

// Somebody else before the camera gets no code, and comes back to the form, which is as it was.
func TestR4SomebodyElseAtTheProvider(t *testing.T) {
	d := newDesk(t, true)
	a := d.opens(t, "/")
	a.fills()
	a.goes()
	a.Tap("button[name=face][value^='韩梅梅']")
	a.denied("check_mismatch", "核验的不是填写的本人")
	a.Picture("mismatch")
	a.Tap("#helps")
	a.Until("the form, as it was", "seen('#fill') && "+kept)
	a.Tap("#next")
	a.checkIsThere()
	a.passes("李*")
}

// Who applies for a companion comes back from the provider to the companion's errand, also after turning
// back and after somebody else's face; the guardian is the one who is checked.
func TestR21ACompanionsWayBack(t *testing.T) {
	d := newDesk(t, true)
	a := d.opens(t, "/")
	a.Until("the page is ready", "document.body.dataset.ready")
	a.Tap("#account")
	a.Tap("#examplesign")
	a.Tap("#gocompanions")
	a.Tap("#goadd")
	a.Set("#adding [name=name]", "林小满")
	a.Set("#adding [name=number]", "51010420140601312X")
	a.Until("confirmed", "seen('#adding [name=confirmed]') && ($('#adding [name=confirmed]').checked = true)")
	a.Tap("#adding button.main")
	a.Tap("#companionlist [data-kind=apply]")
	a.Until("the guardian is told", "seen('#guardian') && $('#own').innerText.includes('林')")
	a.Tap("#next")
	a.checkIsThere()
	a.goes()
	a.Until("the guardian is who is expected", "$('button.main[name=face]').innerText.includes('李雷')")
	a.comesBack()
	a.goes()
	a.Tap("button[name=face][value^='林小满']")
	a.denied("guardian_mismatch", "核验的不是监护人本人")
	a.Tap("#helps")
	a.Until("the companion's form", "seen('#fill') && seen('#guardian') && $('#own').innerText.includes('林')")
	a.Tap("#next")
	a.checkIsThere()
	a.passes("林")
	a.Picture("companion")
	own := d.signedIn().state()
	if own.Certificate != nil {
		t.Errorf("the guardian has a certificate, too: %+v", own.Certificate)
	}
}

// A provider that is down is said to who signs in, with a way to try again, and then the page that was asked
// for is there.
func TestSigningInWhileTheProviderIsDown(t *testing.T) {
	d := newDesk(t, true)
	d.down.Store("/")
	a := d.opens(t, "/desk/")
	a.Until("it is said", "document.body.innerText.includes('身份认证服务暂不可用') && document.body.innerText.includes('The identity provider is unavailable') && seen('a')")
	a.Axe("the provider is down")
	a.Picture("signin-down")
	d.down.Store("")
	a.Tap("a")
	a.Tap("button[name=worker][value=guest]")
	a.Until("somebody without a role", "document.body.innerText.includes('您没有此项权限') && seen('a')")
	a.Walk("no-role")
	a.Tap("a")
	a.Tap("button[name=worker][value=wang]")
	a.Until("the window", "location.pathname === '/desk/' && seen('#desk') && $('#officer').textContent.includes('王警官')")
}

// Who turns back at the provider while signing in is where they were, and can sign in from there.
func TestTurningBackFromSigningIn(t *testing.T) {
	d := newDesk(t, true)
	a := d.opens(t, "/counter/")
	a.Tap("#signin")
	a.Until("the provider's page", "seen('button[name=worker]')")
	a.turnsBack()
	a.Until("the counter, and nobody is signed in", "location.pathname === '/counter/' && seen('#signin') && !seen('#counter')")
	a.Tap("#signin")
	a.Tap("button[name=worker][value=zhao]")
	a.Until("the counter", "location.pathname === '/counter/' && seen('#counter') && $('#me').textContent === '赵售票'")
}
