// The passenger's page: apply, be checked, show the code. This is what the hand does and
// what the phone notices.
//
// Its time is the issuer's, counted on by the phone's monotonic clock; the phone's date
// is never asked. A visitor's session is a token in this page's memory, and ends with
// it; a signed-in user's is a cookie that scripts do not see.

import { back, check, comeBack, deny, fill, fillExample, helpNow, helpWith, see, signUp, submit } from './errand.js';
import { arrive, home, leave, noticeState, recallShown, refreshState, signIn, signOut } from './here.js';
import { away, install, leaving } from './keep.js';
import { actFor, addCompanion, companions, dropCompanion, onSwipe } from './people.js';
import { begin, codesUntil, fit, next, refresh, renewSoon, stayAwake } from './show.js';
import { ask, Cut, Denied, Superseded, talk, time } from './talk.js';
import { $, say, shown, view } from './view.js';
import { clockText, exactText, minuteText, two } from './words.js';

// showCut says that there is no network, and what is good without it.
function showCut() {
  const was = $('cut').hidden, until = codesUntil();
  $('cut').hidden = talk.online;
  if (was !== talk.online) fit();
  if (talk.online) return;
  if (until && time.now() < until) two($('cut'), `无网络，二维码可用至 ${minuteText(until)}`, `No network: codes go on until ${minuteText(until)}`);
  else if (leaving.pending()) two($('cut'), '无网络，已在本机退出', 'No network: signed out on this phone; it is completed later');
  else if (shown('fill') || shown('sign')) two($('cut'), '无网络，已填内容会保留', 'No network: what you filled in is kept');
  else two($('cut'), '无网络，请检查网络', 'No network: check the connection');
}
talk.changed = showCut;
document.addEventListener('view', showCut);

// attempt runs what a button does, and shows what came of it. What has been asked for
// cannot be asked for again meanwhile.
let acting = null;
const waiting = new Set(); // buttons
async function attempt(what) {
  acting?.abort();
  const mine = new AbortController();
  acting = mine;
  talk.action = mine.signal;
  document.body.setAttribute('aria-busy', 'true');
  for (const b of document.querySelectorAll('button.main')) {
    b.disabled = true;
    waiting.add(b);
  }
  try {
    await what();
  } catch (e) {
    if (mine.signal.aborted) return;
    if (e instanceof Denied) await deny(e.why);
    else if (e instanceof Cut) say($('cut').textContent);
    else throw e;
  } finally {
    if (acting === mine) release();
  }
}

function release() {
  acting = talk.action = null;
  document.body.removeAttribute('aria-busy');
  for (const b of waiting) b.disabled = false;
  waiting.clear();
}
document.addEventListener('forget', () => {
  acting?.abort();
  release();
});

async function history() {
  const { applications } = await ask('history');
  $('applications').replaceChildren(...applications.map((a) => {
    const li = document.createElement('li'), when = document.createElement('time'), what = document.createElement('div');
    when.textContent = clockText(a.time);
    if (a.denied) two(what, `未通过：${a.denied.zh}`, a.denied.en);
    else two(what, `已通过，有效至 ${clockText(a.ends)}`, `Approved, valid until ${clockText(a.ends)}`);
    li.className = a.denied ? 'denied' : '';
    li.append(when, what);
    return li;
  }));
  if (!applications.length) two($('applications').appendChild(document.createElement('li')), '没有记录', 'None');
  view('history');
}

// ---- what the hand does ----

const on = (id, what) => { $(id).onclick = () => attempt(what); };
const send = (form, what) => { form.onsubmit = (e) => { e.preventDefault(); attempt(() => what(form.elements)); }; };

on('goservices', () => view('services'));
on('gotemporary', home);
const forMe = (what) => () => { actFor(''); return what(); };
on('goapply', forMe(() => fill('apply')));
on('goview', forMe(see));
on('gorevoke', forMe(() => fill('revoke')));
on('gohistory', forMe(history));
on('gocompanions', async () => {
  await refreshState();
  companions();
});
on('goadd', () => view('adding'));
send($('adding').querySelector('form'), async (f) => {
  await addCompanion(f);
  await refreshState();
  companions();
});
$('companionlist').onclick = (e) => {
  const { companion, kind } = e.target.closest('button')?.dataset || {};
  if (!kind) return;
  attempt(async () => {
    if (kind === 'drop') {
      await dropCompanion(companion);
      await refreshState();
      return companions();
    }
    actFor(companion);
    return kind === 'apply' ? fill('apply') : see();
  });
};
$('before').onclick = () => next(-1);
$('after').onclick = () => next(1);
onSwipe($('paper'), next);
document.addEventListener('keydown', (e) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
  if (by && !e.altKey && !e.ctrlKey && !e.metaKey && !e.target.closest?.('input, select, textarea')) next(by);
});
on('showhistory', history);
on('renew', () => fill('apply'));
on('start', check);
on('helps', helpNow);
on('coverdo', () => helpWith($('cover').dataset.next));
on('tohome', home);
on('back', () => {
  if (shown('adding')) return companions();
  return shown('show') || shown('companions') ? view('home') : home();
});
on('refresh', refresh);
on('account', () => (talk.state?.signed_in ? signOut() : view('sign')));
on('examplesign', () => signIn('example', 'passenger'));
$('example').onclick = fillExample;
send($('fill').querySelector('form'), submit);
send($('sign').querySelector('form'), (f) => signIn(f.account.value.trim(), f.password.value));
send($('signup').querySelector('form'), signUp);
$('way').onchange = () => attempt(async () => {
  await ask('way', { way: $('way').value });
  renewSoon();
  await arrive();
});
for (const b of document.querySelectorAll('[data-advance]')) {
  b.onclick = () => attempt(async () => {
    await ask('bench/advance', { seconds: Number(b.dataset.advance) });
    await notice();
  });
}

// A browser that can put the page on the home screen says so.
window.addEventListener('beforeinstallprompt', (e) => {
  e.preventDefault();
  $('install').hidden = false;
  $('install').onclick = () => {
    $('install').hidden = true;
    e.prompt();
  };
});

// ---- what the phone notices ----

// notice asks again: a bench has moved the time, the network is back, or the phone has
// slept, and its monotonic clock with it.
async function notice() {
  const was = time.offset;
  await noticeState();
  if (was !== null && Math.abs(time.offset - was) > 2000) renewSoon(); // what the codes are made of may have run out
}
let noticing = null;
function sync() {
  noticing ??= notice().catch((e) => { if (!(e instanceof Superseded)) throw e; }).finally(() => { noticing = null; });
}
window.addEventListener('railgate:time', sync);
window.addEventListener('online', sync);
window.addEventListener('offline', sync); // this very machine may be there still
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  if (shown('show')) stayAwake();
  sync();
});

// A visitor who closes the page must verify again (R10): the issuer is told.
window.addEventListener('pagehide', () => {
  if (!away.leaving) leave();
});
window.addEventListener('pageshow', (e) => { if (e.persisted) location.reload(); });

setInterval(() => { if (time.offset !== null) $('now').textContent = exactText(time.now()); }, 250);
setInterval(() => { if (!document.hidden && (!talk.online || !talk.state)) sync(); }, 2000);

begin(refreshState);
install(() => shown('home') && !talk.page);
if (back()) await attempt(comeBack);
else await arrive();
if (!talk.online && shown('home')) await recallShown();
document.body.dataset.ready = 'true';
