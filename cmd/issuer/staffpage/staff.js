// The page of a member of staff: a code that changes every 60 seconds, signed by a key that cannot
// leave this phone. What it is made of lives in this page's memory, and ends with the sign-in.

import { make, prepare } from './code.js';
import { draw } from './qr.js';
import { minuteText, two } from './words.js';

const $ = (id) => document.getElementById(id);
let offset = null; // the issuer's time is performance.now() and this
let wallet = null; // {issued, secret}
let drawn = null;  // the slot that is on the screen
let since = null;  // when the sign-in began
let leaving = false; // the issuer is to be told that somebody has signed out
let sheets = 0;      // how often all was forgotten: what was asked for before is not shown after
const now = () => performance.now() + offset;

class Denied extends Error { constructor(why) { super(why.reason); this.why = why; } }

// ask asks the issuer. It throws Denied, or a TypeError where nobody answers.
async function ask(path, body) {
  const answer = await fetch('api/' + path, {
    method: body ? 'POST' : 'GET', body: body && JSON.stringify(body), headers: { 'Content-Type': 'application/json' }, cache: 'no-store',
  });
  const data = await answer.json();
  if (data.denied) throw new Denied(data.denied);
  offset = data.now - performance.now();
  $('cut').hidden = true;
  return data;
}

// side is that of the code, in CSS pixels.
const side = () => Math.min(360, $('paper').parentElement.clientWidth) - 12;

// cover hides the code behind words; again: signing in helps.
function cover(zh, en, again) {
  drawn = null;
  const qr = $('qr');
  qr.width = qr.height = 1;
  qr.style.width = `${side()}px`; // and as high: room for the words
  $('cover').hidden = false;
  two($('coverwords'), zh, en);
  $('again').hidden = !again;
  $('turn').hidden = true;
}

// forget leaves nothing of the codes.
function forget(zh, en, again = true) {
  wallet = null;
  sheets++;
  $('when').hidden = true;
  cover(zh, en, again);
  const said = `${zh} ${en}`;
  if ($('live').textContent !== said) $('live').textContent = said;
}

const due = () => forget('请重新登录', 'Sign in again');

async function getCodes() {
  const sheet = sheets;
  try {
    const { give, secret } = await prepare({ way: 'device' });
    const issued = await ask('code', give);
    if (sheet !== sheets) return; // signed out while it was on its way
    wallet = { issued, secret };
    $('liveuntil').textContent = minuteText(Math.min(wallet.issued.live_until, wallet.issued.ends));
    $('when').hidden = false;
    drawn = null;
    await turn();
  } catch (e) {
    if (sheet === sheets) failed(e);
  }
}

function failed(e) {
  if (e instanceof Denied) forget(e.why.zh, `${e.why.en}. ${e.why.do_en}`, e.why.reason !== 'no_staff_key');
  else if (!wallet) cover('无网络，暂无员工码', 'No network: no code', false);
  $('cut').hidden = e instanceof Denied;
}

async function turn() {
  if (!wallet) return;
  const { issued, secret } = wallet, at = now();
  if (at >= issued.live_until || at >= issued.ends) return due();
  const slot = Math.max(0, Math.floor((at - issued.begins) / issued.period));
  if (slot >= issued.slots) return due();
  const left = issued.begins + (slot + 1) * issued.period - at;
  $('left').textContent = Math.ceil(left / 1000);
  $('ring').querySelector('.rest').style.strokeDashoffset = 60 - 60 * left / issued.period;
  if (drawn === slot) return undefined;
  drawn = slot;
  const text = await make(issued, secret, slot);
  if (!wallet || wallet.issued !== issued) return undefined; // forgotten, or another, meanwhile
  $('cover').hidden = true;
  $('turn').hidden = false;
  draw($('qr'), text, side());
  $('qr').dataset.slot = slot;
  return undefined;
}

// look asks now and then whether the sign-in still stands: one that ended elsewhere ends here.
async function look() {
  if (leaving) return;
  const sheet = sheets;
  try {
    const state = await ask('state');
    if (sheet !== sheets) return;
    $('name').textContent = state.name;
    if (since !== null && since !== state.since && wallet) forget('正在获取…', 'Getting a code…', false); // signed in again: the codes ended with the sign-in before
    since = state.since;
    if (!wallet && $('again').hidden) await getCodes();
  } catch (e) {
    if (sheet === sheets) failed(e);
  }
}

const others = 'BroadcastChannel' in window ? new BroadcastChannel('railgate staff') : null;
if (others) others.onmessage = () => forget('已退出', 'You are signed out');

$('again').onclick = () => { location.href = `../signin/start?back=${encodeURIComponent(location.pathname)}`; };
$('refresh').onclick = getCodes;
// The issuer ends the sign-in, and makes void what this phone had. Until it says so it is told again:
// with the network cut, and while it is being started or cannot write.
$('signout').onclick = async () => {
  leaving = true;
  forget('已退出', 'You are signed out');
  others?.postMessage('out');
  while (!await fetch('../signin/out', { method: 'POST' }).then((a) => a.ok, () => false)) {
    forget('本机已退出；联网后完成退出，请勿关闭本页', 'Signed out on this phone. The rest follows with the network: leave this page open', false);
    await new Promise((done) => setTimeout(done, 3000));
  }
  leaving = false;
  forget('已退出', 'You are signed out');
};
setInterval(turn, 250);
setInterval(look, 10000);
document.addEventListener('visibilitychange', () => { if (!document.hidden) look(); });
window.addEventListener('offline', () => { $('cut').hidden = false; });
await look();
document.body.dataset.ready = 'true';
