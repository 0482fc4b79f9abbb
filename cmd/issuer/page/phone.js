// The passenger's page: apply, be checked, show the code.
//
// Its time is the issuer's, counted on by the phone's monotonic clock; the phone's date
// is never asked. A visitor's session is a token in this page's memory, and ends with
// it; a signed-in user's is a cookie that scripts do not see.

import { make, prepare } from './code.js';
import { draw } from './qr.js';
import { ask, Cut, Denied, Superseded, talk, time } from './talk.js';
import { clockText, examples, two, words } from './words.js';

const $ = (id) => document.getElementById(id);

let state = null; // what the issuer says

// showCut says that there is no network, and for how long that does not matter.
function showCut() {
  $('cut').hidden = talk.online;
  if (talk.online) return;
  if (!$('show').hidden && wallet && wallet.issued.way !== 'issuer') {
    const until = clockText(Math.min(wallet.issued.live_until, wallet.issued.ends)).split(' ').pop();
    two($('cut'), `无网络，二维码可用至 ${until}`, `No network: codes go on until ${until}`);
  } else two($('cut'), '无网络，请检查后重试', 'No network');
}

async function visit() {
  if (!state?.signed_in && !talk.page) talk.page = (await ask('visit', {})).page;
}

// ---- views ----

const sections = [...document.querySelectorAll('main > section')];

function view(id, focus = true) {
  for (const s of sections) s.hidden = s.id !== id;
  $('back').hidden = id === 'home';
  $('check').classList.remove('busy');
  two($('account'), ...(state?.signed_in ? ['退出', 'Sign out'] : ['登录', 'Sign in']));
  if (id !== 'show') forgetCode();
  showCut();
  window.scrollTo(0, 0);
  if (focus) $(id).querySelector('h1').focus({ preventScroll: true });
}

const say = (text) => { $('live').textContent = text; };

async function home() {
  await refreshState();
  if (state?.certificate) return showCertificate();
  view('home');
}

async function refreshState() {
  try {
    state = await ask('state');
  } catch (e) {
    if (!(e instanceof Cut) && !(e instanceof Denied)) throw e;
  }
  if (!state) return;
  document.body.classList.toggle('onbench', state.bench);
  document.body.classList.toggle('framed', window.parent !== window);
  $('gohistory').hidden = $('showhistory').hidden = !state.signed_in;
  if ($('fill').querySelector('select').length) return;
  for (const d of state.documents) $('fill').querySelector('select').add(new Option(words.documents[d], d));
  const list = (all, of) => [0, 1].map((i) => all.map((x) => of[x][i]).join(i ? ', ' : '、'));
  const [uses, usesEnglish] = list(state.uses, words.uses), [kinds, kindsEnglish] = list(state.tickets, words.tickets);
  two($('uses'), `电子客票车站可用于：${uses}`, `Where tickets are electronic it serves for ${usesEnglish}`);
  two($('tickets'), `${kinds}票均可凭此进站`, `With ${kindsEnglish} tickets`);
}

// attempt runs what a button does, and shows what came of it.
let acting = null;
async function attempt(what) {
  acting?.abort();
  const mine = new AbortController();
  acting = mine;
  talk.action = mine.signal;
  document.body.setAttribute('aria-busy', 'true');
  const once = [...document.querySelectorAll('button.main')]; // what has been asked for is not asked for twice
  once.forEach((b) => { b.disabled = true; });
  try {
    await what();
  } catch (e) {
    if (mine.signal.aborted) return;
    if (e instanceof Denied) deny(e.why);
    else if (e instanceof Cut) say('无网络 No network');
    else throw e;
  } finally {
    if (acting === mine) {
      acting = talk.action = null;
      document.body.removeAttribute('aria-busy');
      once.forEach((b) => { b.disabled = false; });
    }
  }
}

// ---- the way to a certificate ----

let kind = 'apply'; // what the form is for: apply, view
let ticket = null;  // the errand for the check

const fields = () => $('fill').querySelector('form').elements;

function fill(what) {
  kind = what;
  const own = Boolean(state?.signed_in);
  two($('fill').querySelector('h1'), ...(kind === 'apply' ? ['申请', 'Apply'] : ['查看已有证明', 'View mine']));
  $('own').hidden = !own;
  $('theirs').hidden = own;
  $('where').hidden = kind !== 'apply';
  $('benchlocation').closest('label').hidden = $('formway').closest('label').hidden = kind !== 'apply';
  $('example').hidden = own;
  if (own) person($('own'), state.me);
  view('fill');
}

function person(element, { name, number }) {
  const b = document.createElement('b'), span = document.createElement('span');
  b.textContent = name;
  span.textContent = number;
  span.className = 'number';
  element.replaceChildren(b, span);
}

// located tells whether the phone grants its location. Where it is goes nowhere.
function located() {
  if (kind !== 'apply') return true;
  if (state.bench) return $('benchlocation').value === 'granted';
  return new Promise((done) => {
    if (!navigator.geolocation) return done(false);
    navigator.geolocation.getCurrentPosition(() => done(true), (e) => done(e.code !== e.PERMISSION_DENIED), { timeout: 8000, maximumAge: 600000 });
  });
}

async function submit() {
  const f = fields();
  await visit();
  const body = { name: f.name.value, document: f.document.value, number: f.number.value, confirmed: f.confirmed.checked, located: await located(), way: wayWanted() };
  ticket = (await ask(kind, body)).ticket;
  toCheck();
}

// wayWanted: a phone that can make its codes does.
function wayWanted() {
  if (state.bench) return $('formway').value;
  return window.crypto?.subtle ? 'chain' : 'issuer';
}

function toCheck() {
  two($('checkwords'), '请正对屏幕，保持光线充足', 'Face the screen, in good light');
  view('check');
}

async function check() {
  $('check').classList.add('busy');
  two($('checkwords'), '核验中…', 'Checking…');
  say('核验中 Checking');
  const how = state.bench ? { bench: document.querySelector('input[name="bench"]:checked').value } : {};
  try {
    await ask('check', { ticket, ...how }, 45000);
  } finally {
    $('check').classList.remove('busy');
  }
  ticket = null;
  await home();
}

async function recheck() {
  ticket = (await ask('recheck', {})).ticket;
  toCheck();
}

// ---- denied ----

let denial = null;

function deny(why) {
  denial = why;
  two($('why'), why.zh, why.en);
  two($('todo'), why.do_zh, why.do_en);
  const next = why.next === 'window' && !state?.bench ? '' : why.next; // a bench's window is a button away
  $('helps').hidden = !next;
  if (next) two($('helps'), ...words.helps[next]);
  $('outcome').dataset.reason = why.reason;
  mark(why.reason);
  view('outcome');
}

// mark says to a screen reader which field is meant.
function mark(reason) {
  const f = fields();
  f.name.setAttribute('aria-invalid', reason === 'incomplete' || reason === 'details_differ');
  f.number.setAttribute('aria-invalid', ['incomplete', 'bad_number', 'details_differ'].includes(reason));
}

const help = {
  apply: () => fill('apply'),
  view: () => (state?.signed_in ? viewOwn() : fill('view')),
  form: () => fill(kind),
  signin: () => view('sign'),
  locate: async () => { $('benchlocation').value = 'granted'; await submit(); },
  check: async () => (ticket ? toCheck() : fill(kind)),
  recheck,
  window: paper,
};

async function viewOwn() {
  kind = 'view';
  await visit();
  ticket = (await ask('view', { located: true })).ticket;
  toCheck();
}

// paper is the police window of a bench.
async function paper() {
  const f = fields();
  const body = { name: f.name.value, document: f.document.value, number: f.number.value };
  if (state.signed_in) Object.assign(body, { name: '李雷', document: 'resident_id', number: examples[0][1] });
  const slip = await ask('bench/paper', body);
  person($('slipowner'), slip.person);
  $('slipends').textContent = clockText(slip.ends);
  view('slip');
  draw($('slipqr'), slip.text, room($('slipqr')));
}

// ---- the certificate and its code ----

let wallet = null; // {issued, secret}: what codes are made of
let drawn = null;  // {wallet, slot}: the code that is on the screen
let asking = null; // for a new one; for one certificate at most

const room = (canvas) => Math.min(360, (canvas.parentElement.clientWidth || 320) - 12);

function forgetCode() {
  drawn = null;
  wallet = null;
}

function showCertificate() {
  const c = state.certificate;
  if (wallet && wallet.id !== c.id + c.way + c.live_until) forgetCode();
  person($('owner'), c.person);
  $('ends').textContent = clockText(c.ends);
  $('liveuntil').textContent = clockText(c.live_until);
  $('way').value = c.way;
  if ($('show').hidden) view('show');
  stayAwake();
  tick();
}

// fetchCode has the issuer sign what the next codes are made of.
async function fetchCode() {
  const c = state.certificate;
  const { give, secret } = await prepare(c, 30);
  const issued = await ask('code', give);
  wallet = { id: c.id + c.way + c.live_until, issued, secret };
  keep();
  showCut();
}

// renew asks for a new code, once at a time and not too often.
let triedAt = -Infinity;
function renew(patience = 3000) {
  if (asking || performance.now() - triedAt < patience) return asking;
  triedAt = performance.now();
  asking = fetchCode().catch(async (e) => {
    if (e instanceof Denied) await refreshState();
    else if (!(e instanceof Cut || e instanceof Superseded)) throw e;
  }).finally(() => {
    asking = null;
    triedAt = performance.now();
  });
  return asking;
}

// cover puts words over the code: it must not be seen when it is no good.
function cover(zh, en, next) {
  const key = zh + next;
  if ($('cover').dataset.key === key && !$('cover').hidden) return;
  $('cover').dataset.key = key;
  $('cover').hidden = false;
  $('qr').style.visibility = 'hidden';
  $('cover').dataset.next = next || '';
  two($('coverwords'), zh, en);
  $('coverdo').hidden = !next;
  if (next) two($('coverdo'), ...words.helps[next]);
  if (next) say(`${zh} ${en}`);
  drawn = null;
  ring(null);
}

function ring(rest) {
  $('ring').style.visibility = rest === null ? 'hidden' : 'visible';
  $('refresh').disabled = rest === null;
  if (rest === null) return;
  $('left').textContent = Math.ceil(rest / 1000);
  $('ring').classList.toggle('soon', rest <= 10000);
  $('ring').querySelector('.rest').style.strokeDashoffset = 60 - rest / 1000;
}

let turning = false;
async function tick() {
  if (turning || $('show').hidden || !state?.certificate || time.offset === null) return;
  turning = true;
  try {
    await turn();
  } finally {
    turning = false;
  }
}

async function turn() {
  const c = state.certificate, now = time.now();
  $('renew').hidden = now < c.renewable || now >= c.ends;
  if (now >= c.ends) return cover('证明已失效', 'The certificate has ended', 'apply');
  if (now >= c.live_until) return cover('请重新进行实人核验', 'Verify yourself again', 'recheck');
  const issued = wallet?.issued;
  const slot = issued ? Math.max(0, Math.floor((now - issued.begins) / issued.period)) : 0;
  if (!issued || slot >= issued.slots) {
    if (issued || !talk.online) cover('正在获取二维码…', talk.online ? 'Getting a code…' : 'No network: no code', '');
    await renew();
    return undefined;
  }
  if (drawn?.wallet !== wallet || drawn.slot !== slot) await drawCode(slot);
  ring(issued.begins + (slot + 1) * issued.period - now);
  return undefined;
}

// drawCode draws a slot's code once: a phone that signs would sign differently each time.
async function drawCode(slot) {
  const of = wallet, text = await make(of.issued, of.secret, slot);
  if ($('show').hidden || wallet !== of) return;
  draw($('qr'), text, room($('qr')));
  $('qr').dataset.slot = slot;
  drawn = { wallet: of, slot };
  $('cover').hidden = true;
  $('qr').style.visibility = 'visible';
}

async function refresh() {
  const before = wallet;
  await renew(1000); // an issuer's seconds are whole: sooner it would be the same code
  if (wallet === before && !talk.online) {
    const left = $('left').textContent;
    two($('cut'), `无网络，${left}秒后自动更新`, `No network: the next code comes in ${left} s`);
    say($('cut').textContent);
    return;
  }
  await tick();
  say('二维码已更新 New code');
}

// The screen stays on while the code is shown.
let lock = null;
async function stayAwake() {
  if (!navigator.wakeLock || lock || document.hidden) return;
  try {
    lock = await navigator.wakeLock.request('screen');
    lock.addEventListener('release', () => { lock = null; });
  } catch { /* it is a courtesy */ }
}

// ---- the service worker: the page with the network cut ----

const worker = () => navigator.serviceWorker?.controller;

// keep lets a signed-in user's page be opened again with the network cut. A visitor's
// must not be: who closes it verifies again.
function keep() {
  if (!state?.signed_in || !wallet || time.offset === null) return;
  worker()?.postMessage({ kind: 'keep', shown: { state, wallet }, now: time.now() });
}

async function recall() {
  if (!worker()) return false;
  const channel = new MessageChannel();
  const memory = await new Promise((done) => {
    channel.port1.onmessage = (e) => done(e.data);
    worker().postMessage({ kind: 'recall' }, [channel.port2]);
    setTimeout(done, 2000, null);
  });
  if (!memory) return false;
  time.offset = memory.now - performance.now();
  ({ state } = memory.shown);
  document.body.classList.toggle('onbench', state.bench);
  document.body.classList.toggle('framed', window.parent !== window);
  ({ wallet } = memory.shown);
  showCertificate();
  showCut();
  await tick();
  return true;
}

// ---- signing in and out, history ----

async function signIn(account, password) {
  await ask('signin', { account, password });
  talk.page = '';
  await home();
}

async function signOut() {
  await ask('signout', {});
  worker()?.postMessage({ kind: 'forget' });
  state = null;
  await home();
}

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

let example = -1;

$('goapply').onclick = () => attempt(() => fill('apply'));
$('goview').onclick = () => attempt(async () => {
  await refreshState();
  if (state?.certificate) return showCertificate(); // this page may see it still
  return state?.signed_in ? viewOwn() : fill('view');
});
$('gohistory').onclick = $('showhistory').onclick = () => attempt(history);
$('renew').onclick = () => attempt(() => fill('apply'));
$('fill').querySelector('form').onsubmit = (e) => { e.preventDefault(); attempt(submit); };
$('example').onclick = () => {
  example = (example + 1) % examples.length;
  const f = fields();
  [f.name.value, f.number.value] = examples[example];
  f.document.value = 'resident_id';
  f.confirmed.checked = true;
};
$('start').onclick = () => attempt(check);
$('helps').onclick = () => attempt(help[denial.next]);
$('coverdo').onclick = () => attempt(help[$('cover').dataset.next]);
$('tohome').onclick = () => attempt(home);
$('back').onclick = () => attempt(() => ($('show').hidden ? home() : view('home')));
$('refresh').onclick = () => attempt(refresh);
$('way').onchange = () => attempt(async () => {
  await ask('way', { way: $('way').value });
  triedAt = -Infinity;
  await home();
});
$('account').onclick = () => attempt(() => (state?.signed_in ? signOut() : view('sign')));
$('sign').querySelector('form').onsubmit = (e) => {
  e.preventDefault();
  const f = e.target.elements;
  attempt(() => signIn(f.account.value.trim(), f.password.value));
};
$('examplesign').onclick = () => attempt(() => signIn('example', 'passenger'));
$('signup').querySelector('form').onsubmit = (e) => {
  e.preventDefault();
  const f = e.target.elements, account = f.account.value.trim(), password = f.password.value;
  attempt(async () => {
    await ask('signup', { account, password, name: f.name.value, document: 'resident_id', number: f.number.value, confirmed: f.confirmed.checked });
    await signIn(account, password);
  });
};
for (const b of document.querySelectorAll('[data-advance]')) {
  b.onclick = () => attempt(async () => {
    await ask('bench/advance', { seconds: Number(b.dataset.advance) });
    await timeMoved();
  });
}

// timeMoved: a bench has moved the time, or the phone has slept and its monotonic clock
// with it. The issuer is asked for the time anew.
async function timeMoved() {
  const was = time.offset;
  await refreshState();
  if (Math.abs(time.offset - was) > 2000 && wallet) {
    triedAt = -Infinity; // what the codes are made of may have run out
  }
  if (state?.certificate && !$('show').hidden) showCertificate();
}
const sync = () => timeMoved().catch((e) => { if (!(e instanceof Superseded)) throw e; });
window.addEventListener('railgate:time', sync);
window.addEventListener('online', sync);
document.addEventListener('visibilitychange', () => {
  if (document.hidden || time.offset === null) return;
  if (!$('show').hidden) stayAwake();
  sync();
});

// A visitor who closes the page must verify again (R10): the issuer is told.
window.addEventListener('pagehide', () => {
  if (talk.page) navigator.sendBeacon('api/leave', new Blob([JSON.stringify({ page: talk.page })], { type: 'application/json' }));
});
window.addEventListener('pageshow', (e) => { if (e.persisted) location.reload(); });

setInterval(() => {
  tick();
  if (time.offset !== null) $('now').textContent = clockText(time.now(), true);
}, 250);
setInterval(keep, 10000); // and so the worker stays awake

if (navigator.serviceWorker) {
  navigator.serviceWorker.register('sw.js').catch(() => {}); // without it the page is not there with the network cut
}

talk.changed = showCut;
await home();
if (!talk.online && $('show').hidden) await recall();
document.body.dataset.ready = 'true';
// With the network cut from the start, ask again until it is there.
while (!state) {
  await new Promise((done) => setTimeout(done, 2000));
  await home();
}
