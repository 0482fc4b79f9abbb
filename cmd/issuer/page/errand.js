// The way to a certificate: the form, the check, and what is said when it is denied.

import { arrive, refreshState, signIn } from './here.js';
import { drop, noted } from './keep.js';
import { companions } from './people.js';
import { showCertificate, showSlip } from './show.js';
import { ask, talk } from './talk.js';
import { $, person, say, shown, view } from './view.js';
import { clockText, examples, two, words } from './words.js';

let kind = 'apply'; // what the form is for: apply, view, revoke
let ticket = null;  // the errand for the check
let denial = null;  // the last one
let then = arrive;  // what follows the check

document.addEventListener('forget', () => { ticket = denial = null; });

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

// located tells whether the phone grants its location. Where it is goes nowhere.
function located() {
  if (kind !== 'apply') return true;
  if (talk.state?.bench) return $('benchlocation').value === 'granted';
  return new Promise((done) => {
    if (!navigator.geolocation) return done(false);
    navigator.geolocation.getCurrentPosition(() => done(true), (e) => done(e.code !== e.PERMISSION_DENIED), { timeout: 8000, maximumAge: 600000 });
  });
}

export async function submit() {
  const f = fields();
  await visit();
  if (!talk.state) await refreshState(); // opened with the network cut
  const body = { name: f.name.value, document: f.document.value, number: f.number.value, confirmed: f.confirmed.checked, located: await located(), way: wayWanted() };
  ticket = (await ask(kind, body)).ticket;
  toCheck(kind === 'revoke' ? revoked : arrive);
}

// wayWanted: a phone that can make its codes does.
function wayWanted() {
  if (talk.state?.bench) return $('formway').value;
  return window.crypto?.subtle ? 'chain' : 'issuer';
}

const facing = () => two($('checkwords'), '请正对屏幕，保持光线充足', 'Face the screen, in good light');

function toCheck(next) {
  then = next;
  facing();
  view('check');
}

export async function check() {
  $('check').classList.add('busy');
  two($('checkwords'), '核验中…', 'Checking…');
  say('核验中 Checking');
  const how = talk.state.bench ? { bench: document.querySelector('input[name="bench"]:checked').value } : {};
  try {
    await ask('check', { ticket, ...how }, 45000);
  } finally {
    $('check').classList.remove('busy');
    facing();
  }
  ticket = null;
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
  ticket = (await ask('view', { located: true })).ticket;
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
