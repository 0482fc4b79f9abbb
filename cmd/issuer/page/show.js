// The certificate and its code.

import { make, prepare } from './code.js';
import { keep, noted } from './keep.js';
import { sayWho, showWhich, turnOver } from './people.js';
import { draw } from './qr.js';
import { ask, Cut, Denied, Superseded, talk, time } from './talk.js';
import { $, person, say, shown, view } from './view.js';
import { clockText, timeText, two, words } from './words.js';

let wallet = null; // {id, issued, secret}: what codes are made of
let wallets = new Map(); // those of everybody whose code is shown in turn, by id
let drawn = null;  // {wallet, slot, text}: the code that is on the screen
let asking = null; // for a new one; for one certificate at most
let refreshState = async () => {}; // asks the issuer what it knows; phone.js has it

export function begin(askState) {
  refreshState = askState;
  setInterval(tick, 250);
  setInterval(keepShown, 10000); // and so the worker stays awake
  new ResizeObserver(fit).observe(document.querySelector('main'));
  window.addEventListener('resize', fit);
  document.addEventListener('view', (e) => { if (e.detail !== 'show') forgetCodes(); });
  document.addEventListener('forget', () => {
    forgetCodes();
    slip.text = '';
    blank($('slipqr'));
  });
}

function forgetCode() {
  drawn = null;
  wallet = null;
  blank($('qr'));
  delete $('qr').dataset.slot;
}

function forgetCodes() {
  forgetCode();
  wallets = new Map();
}

// blank leaves nothing on a canvas.
const blank = (canvas) => { canvas.width = canvas.height = 1; };

const id = (c) => c.id + c.way + c.live_until;

export function showCertificate() {
  const c = talk.state.certificate;
  if (wallet && wallet.id !== id(c)) forgetCode();
  wallet ??= wallets.get(id(c)) ?? null;
  showWhich();
  person($('owner'), c.person);
  $('ends').textContent = clockText(c.ends);
  $('liveuntil').textContent = clockText(c.live_until);
  $('way').value = c.way;
  if (!talk.state.signed_in) noted.set(c.ends);
  if (!shown('show')) view('show');
  stayAwake();
  tick();
}

// showBesides says which other certificates are valid now, and which one this is.
function showBesides(c, now) {
  const all = now < c.ends ? (c.besides || []).filter((b) => now < b.ends) : [], key = JSON.stringify(all);
  $('besides').hidden = !all.length;
  if ($('besides').dataset.key === key) return;
  $('besides').dataset.key = key;
  $('besides').replaceChildren(...all.map(({ kind, ends }) => {
    const li = document.createElement('li'), [zh, thisZh, en, thisEn] = words.besides[kind];
    two(li, `${zh}，有效至 ${clockText(ends)}。${thisZh}，两张均可使用`, `${en}, valid until ${clockText(ends)}. ${thisEn}; both work`);
    return li;
  }));
}

// next shows the code of the companion before (-1) or after (1).
export function next(by) {
  if (!turnOver(by)) return;
  $('cover').hidden = true;
  $('cover').dataset.key = '';
  triedAt = -Infinity;
  showCertificate();
  sayWho();
}

// codesUntil is until when this phone makes its codes without the network; 0: it does not.
export function codesUntil() {
  if (!shown('show') || !wallet || wallet.issued.way === 'issuer') return 0;
  return Math.min(wallet.issued.live_until, wallet.issued.ends);
}

// keepShown lets a signed-in user's page be opened again with the network cut. A
// visitor's must not be: who closes it verifies again.
function keepShown() {
  const { state } = talk;
  if (state?.signed_in && wallet && time.offset !== null) keep({ state, wallet, wallets }, time.now());
}

// restore shows what was kept.
export async function restore(kept) {
  ({ wallet, wallets } = kept);
  showCertificate();
  await tick();
}

// fetchCode has the issuer sign what the next codes are made of.
async function fetchCode() {
  const c = talk.state.certificate;
  const { give, secret } = await prepare(c, 30);
  const mine = wallets, issued = await ask('code', give, undefined, c.whom);
  if (mine !== wallets || !talk.state) return; // signed out meanwhile
  const fresh = { id: id(c), issued, secret };
  wallets.set(fresh.id, fresh);
  if (!talk.state.certificate || id(talk.state.certificate) !== fresh.id) return renewSoon(); // another's code is shown meanwhile
  wallet = fresh;
  keepShown();
  talk.changed();
  return undefined;
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

// renewSoon: what the codes are made of may be no good any more.
export const renewSoon = () => { triedAt = -Infinity; };

// cover puts words over the code: it must not be seen when it is no good.
function cover(zh, en, next) {
  const key = zh + next;
  if ($('cover').dataset.key === key && shown('cover')) return;
  $('cover').dataset.key = key;
  $('cover').hidden = false;
  $('show').classList.toggle('covered', Boolean(next));
  $('qr').style.visibility = 'hidden';
  $('cover').dataset.next = next || '';
  two($('coverwords'), zh, en);
  $('coverdo').hidden = !next;
  if (next) two($('coverdo'), ...words.helps[next]);
  if (next) say(`${zh} ${en}`);
  drawn = null;
  ring(null);
}

// ring shows how long the code lasts, as a number and as a part of its time.
function ring(rest, period) {
  $('ring').style.visibility = rest === null ? 'hidden' : 'visible';
  $('refresh').disabled = rest === null;
  if (rest === null) return;
  const left = Math.max(0, Math.min(period, rest));
  $('left').textContent = Math.ceil(left / 1000);
  $('ring').classList.toggle('soon', left <= 10000);
  $('ring').querySelector('.rest').style.strokeDashoffset = 60 - 60 * left / period;
}

let turning = false;
export async function tick() {
  if (turning || !shown('show') || !talk.state?.certificate || time.offset === null) return;
  turning = true;
  try {
    await turn();
  } finally {
    turning = false;
  }
}

async function turn() {
  const c = talk.state.certificate, now = time.now();
  $('markclock').textContent = timeText(now);
  showBesides(c, now);
  $('leaves').hidden = talk.state.signed_in || now >= c.ends;
  $('renew').hidden = now < c.renewable || now >= c.ends;
  if (now >= c.ends) return cover(...words.ended, 'apply');
  if (now >= c.live_until) return cover('请重新进行实人核验', 'Verify yourself again', 'recheck');
  const issued = wallet?.issued;
  const slot = issued ? Math.max(0, Math.floor((now - issued.begins) / issued.period)) : 0;
  if (!issued || slot >= issued.slots) {
    if (issued || !talk.online) cover(talk.online ? '正在获取二维码…' : '无网络，暂无二维码', talk.online ? 'Getting a code…' : 'No network: no code', '');
    return renew();
  }
  if (drawn?.wallet !== wallet || drawn.slot !== slot) await drawCode(slot);
  ring(issued.begins + (slot + 1) * issued.period - now, issued.period);
  return undefined;
}

// drawCode draws a slot's code once: a phone that signs would sign differently each time.
async function drawCode(slot) {
  const of = wallet, text = await make(of.issued, of.secret, slot);
  if (!shown('show') || wallet !== of) return;
  drawn = { wallet: of, slot, text };
  fit();
  $('qr').dataset.slot = slot;
  if (shown('cover')) say(''); // what it said is over
  $('cover').hidden = true;
  $('show').classList.remove('covered');
  $('qr').style.visibility = 'visible';
}

// refresh gets a new code at once, and says what came of it.
export async function refresh() {
  const before = wallet, soonest = triedAt + 1000; // an issuer's seconds are whole: sooner it would be the same code
  if (performance.now() < soonest) await new Promise((done) => { setTimeout(done, soonest - performance.now()); });
  await renew(0);
  await tick();
  if (wallet && wallet !== before) say('二维码已更新 New code');
  else if (!talk.online && shown('show') && !shown('cover')) say('无网络，当前二维码有效 No network: the code shown is good');
}

// ---- room on the screen ----

const flat = window.matchMedia('(orientation: landscape) and (max-height: 560px)');
const slip = { text: '' };

// fit makes the code as large as there is room, whole and square. On a phone that lies on
// its side the height is what is short.
export function fit() {
  if (shown('show')) fitOne($('paper'), $('qr'), drawn?.text);
  if (shown('slip')) fitOne($('sheet'), $('slipqr'), slip.text);
}

function fitOne(paper, canvas, text) {
  const main = document.querySelector('main'), style = getComputedStyle(main);
  const width = main.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  const top = paper.getBoundingClientRect().top + window.scrollY;
  const side = flat.matches ? Math.min(window.innerHeight - top - 8, width * 0.56, 440) : Math.min(372, width, window.innerHeight * 0.62);
  paper.style.width = paper.style.height = `${Math.floor(side)}px`;
  if (text) draw(canvas, text, Math.floor(side) - 12);
}

// showSlip draws a paper certificate's code.
export function showSlip(text) {
  slip.text = text;
  view('slip');
  fit();
}

// The screen stays on while the code is shown.
let lock = null;
export async function stayAwake() {
  if (!navigator.wakeLock || lock || document.hidden) return;
  try {
    lock = await navigator.wakeLock.request('screen');
    lock.addEventListener('release', () => { lock = null; });
  } catch { /* it is a courtesy */ }
}
