// The way to a certificate: the form, the check, and what is said when it is denied.

import { arrive, refreshState, signIn } from './here.js';
import { away, drop, noted } from './keep.js';
import { companions } from './people.js';
import { locate, pretend } from './place.js';
import { showCertificate, showSlip } from './show.js';
import { ask, Denied, talk } from './talk.js';
import { $, person, say, shown, view } from './view.js';
import { clockText, examples, two, words } from './words.js';

let kind = 'apply'; // what the form is for: apply, view, revoke
let ticket = null;  // the errand for the check
let answer = null;  // what the check's page sent back with, until the issuer has taken it
let denial = null;  // the last one
let then = arrive;  // what follows the check

document.addEventListener('forget', () => {
  ticket = answer = denial = null;
  away.forget();
});

const fields = () => $('fill').querySelector('form').elements;

for (const [value, text] of Object.entries(words.documents)) fields().document.add(new Option(text, value));

async function visit() {
  if (!talk.state?.signed_in && !talk.page) talk.page = (await ask('visit', {})).page;
}

export function fill(what) {
  kind = what;
  const own = Boolean(talk.state?.signed_in);
  $('guardian').hidden = !talk.whom;
  two($('fill').querySelector('h1'), ...words.kinds[kind]);
  $('own').hidden = !own;
  $('theirs').hidden = own;
  $('where').hidden = kind !== 'apply';
  $('benchlocation').closest('label').hidden = $('formway').closest('label').hidden = kind !== 'apply';
  $('example').hidden = own;
  if (own) person($('own'), talk.state.me);
  view('fill');
}

// where is what an application says of the place: a city, or why there is none.
function where() {
  if (kind !== 'apply') return {};
  if (talk.state?.bench) return pretend($('benchlocation').value);
  say('正在定位… Locating…');
  return locate();
}

export async function submit() {
  const f = fields();
  await visit();
  if (!talk.state) await refreshState(); // opened with the network cut
  const body = { name: f.name.value, document: f.document.value, number: f.number.value, confirmed: f.confirmed.checked, way: wayWanted(), ...await where() };
  ticket = (await ask(kind, body)).ticket;
  toCheck(kind === 'revoke' ? revoked : arrive);
}

// wayWanted: a phone that can make its codes does.
function wayWanted() {
  if (talk.state?.bench) return $('formway').value;
  return window.crypto?.subtle ? 'chain' : 'issuer';
}

function toCheck(next) {
  then = next;
  two($('checkwords'), '将打开核验页面，完成后自动返回', 'The check opens on a page of its own, and leads back here');
  two($('start'), '开始核验', 'Start');
  view('check');
}

// busy says what is going on while something is waited for.
async function busy(zh, en, what) {
  $('check').classList.add('busy');
  two($('checkwords'), zh, en);
  say(`${zh} ${en}`);
  try {
    return await what();
  } finally {
    $('check').classList.remove('busy');
  }
}

// check goes to the page of the check, in this tab. What is under way outlives this page
// meanwhile, and goes with the tab.
export async function check() {
  if (answer) return finish();
  const trip = await busy('正在打开核验页面…', 'Opening the check…', () => ask('check/start', { ticket, at: location.origin + location.pathname }, 20000)).catch((e) => {
    toCheck(then);
    throw e;
  });
  const f = fields(), form = { name: f.name.value, document: f.document.value, number: f.number.value, confirmed: f.confirmed.checked, way: $('formway').value };
  away.put({ ticket: trip.ticket, page: talk.page, whom: talk.whom, kind, revokes: then === revoked, form });
  location.assign(trip.page);
  return new Promise((done) => { setTimeout(done, 10000); }); // this page ends before; if not, the button is there again
}

// back tells whether this page is loaded on the way back from the check: with an answer, or
// without one where the passenger has turned back.
export function back() {
  const query = new URLSearchParams(location.search), kept = away.take();
  const answered = query.has('state') && (query.has('code') || query.has('error'));
  if (answered) {
    history.replaceState(null, '', location.pathname); // an answer is good once, and nobody else's
    answer = {};
    for (const name of ['code', 'state', 'error', 'iss']) answer[name] = query.get(name) || '';
  }
  if (kept) {
    ({ ticket, kind } = kept);
    then = kept.revokes ? revoked : arrive;
    talk.page = kept.page;
    talk.whom = kept.whom;
    const f = fields();
    [f.name.value, f.document.value, f.number.value, f.confirmed.checked] = [kept.form.name, kept.form.document, kept.form.number, kept.form.confirmed];
    $('formway').value = kept.form.way;
  }
  return answered || Boolean(kept);
}

// comeBack goes on where back has found something.
export async function comeBack() {
  toCheck(then);
  await refreshState();
  if (answer) await finish();
}

// finish brings the answer to the issuer. It stays until the issuer has heard it: the network
// may be cut.
async function finish() {
  try {
    await busy('核验中…', 'Checking…', () => ask('check', { ticket: ticket || '', ...answer }, 45000));
  } catch (e) {
    if (e instanceof Denied) answer = null;
    else {
      two($('checkwords'), '尚未收到核验结果，请点“继续”', 'The result is not in yet: tap Continue');
      two($('start'), '继续', 'Continue');
    }
    throw e;
  }
  ticket = answer = null;
  await then();
}

// revoked says that what the lost phone holds is void. Nothing is kept here of it either.
async function revoked() {
  drop();
  noted.forget();
  await refreshState();
  await deny(words.revoked);
}

export async function recheck() {
  ticket = (await ask('recheck', {})).ticket;
  toCheck(arrive);
}

// viewOwn: a signed-in user's details are known.
async function viewOwn() {
  kind = 'view';
  ticket = (await ask('view', {})).ticket;
  toCheck(arrive);
}

// see goes to the certificate: at once where this page may see it still.
export async function see() {
  await refreshState();
  if (talk.state?.certificate) return showCertificate();
  return talk.state?.signed_in ? viewOwn() : fill('view');
}

// ---- denied ----

const help = {
  companions,
  apply: () => fill('apply'),
  view: see,
  form: () => fill(kind),
  signin: () => view('sign'),
  locate: () => { $('benchlocation').value = 'granted'; return submit(); },
  check: () => (ticket ? toCheck(then) : fill(kind)),
  recheck,
  window: paper,
};

// helpWith does what helps.
export const helpWith = (next) => help[next]();
export const helpNow = () => helpWith(denial.next);

export async function deny(why) {
  denial = why;
  if (why.reason === 'still_valid') await refreshState(); // the check that was passed serves to see it
  two($('why'), why.zh, why.en);
  two($('todo'), why.do_zh, why.do_en);
  const elsewhere = !talk.state?.bench || ['no_card_yet', 'not_companion'].includes(why.reason); // a bench's window is a button away
  const next = why.next === 'window' && elsewhere ? '' : why.next;
  $('helps').hidden = !next;
  if (next) two($('helps'), ...words.helps[next === 'view' && talk.state?.certificate ? 'look' : next]);
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

// paper is the police window of a bench.
async function paper() {
  const f = fields();
  const body = { name: f.name.value, document: f.document.value, number: f.number.value };
  if (talk.state.signed_in) Object.assign(body, { name: '李雷', document: 'resident_id', number: examples[0][1] });
  const slip = await ask('bench/paper', body);
  person($('slipowner'), slip.person);
  $('slipends').textContent = clockText(slip.ends);
  showSlip(slip.text);
}

// ---- accounts ----

export function signUp(f) {
  const account = f.account.value.trim(), password = f.password.value;
  return ask('signup', { account, password, name: f.name.value, document: 'resident_id', number: f.number.value, confirmed: f.confirmed.checked })
    .then(() => signIn(account, password));
}

let example = -1;
export function fillExample() {
  example = (example + 1) % examples.length;
  const f = fields();
  [f.name.value, f.number.value] = examples[example];
  f.document.value = 'resident_id';
  f.confirmed.checked = true;
}
