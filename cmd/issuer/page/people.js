// Whom a signed-in user acts for: oneself, or a companion, who has no phone (R21); and the way
// from one's code to the next (R22).

import { ask, talk } from './talk.js';
import { $, person, say, shown, view } from './view.js';
import { clockText, two } from './words.js';

// everybody is oneself and the companions, each with the certificate that may be seen here.
const everybody = () => talk.state?.people || [];
export const withCodes = () => everybody().filter((p) => p.certificate);

// choose puts the certificate of whoever is acted for into the state. It is called whenever the
// issuer has said what it knows.
export function choose() {
  const { state } = talk;
  if (!state) return;
  state.people ??= [{ id: '', person: state.me, certificate: state.certificate }, ...(state.companions || [])];
  for (const p of state.people) if (p.certificate) p.certificate.whom = p.id;
  if (!state.people.some((p) => p.id === talk.whom)) talk.whom = '';
  const one = state.people.find((p) => p.id === talk.whom);
  state.certificate = one.certificate;
  state.me = one.person;
}

// actFor: what is asked for from now on is for one of them.
export function actFor(id) {
  talk.whom = id;
  choose();
}

// anybody acts for somebody who has a code, where oneself has none.
export function anybody() {
  const [first] = withCodes();
  if (talk.state && !talk.state.certificate && first) actFor(first.id);
}

// turnOver goes to the code of the one before (-1) or after (1), around.
export function turnOver(by) {
  const all = withCodes(), at = all.findIndex((p) => p.id === talk.whom);
  if (!shown('show') || all.length < 2) return false;
  actFor(all[(at + by + all.length) % all.length].id);
  return true;
}

// showWhich says whose code of how many it is.
export function showWhich() {
  const all = withCodes(), at = all.findIndex((p) => p.id === talk.whom);
  $('people').hidden = all.length < 2;
  $('which').textContent = `${at + 1} / ${all.length}`;
}

// sayWho tells a screen reader whose code is shown now.
export function sayWho() {
  const { name } = talk.state.certificate.person;
  say(`${name}的二维码 The code of ${name}`);
}

// ---- the list ----

function row({ id, person: who, certificate }) {
  const li = document.createElement('li'), name = document.createElement('p'), what = document.createElement('p'), buttons = document.createElement('div');
  person(name, who);
  name.className = 'who';
  what.className = 'hint';
  if (certificate && !certificate.why) two(what, `有效至 ${clockText(certificate.ends)}`, `Valid until ${clockText(certificate.ends)}`);
  else two(what, '申请、查看时由您本人核验', 'You are the one who is checked');
  const button = (kind, zh, en) => {
    const b = document.createElement('button');
    two(b, zh, en);
    b.dataset.companion = id;
    b.dataset.kind = kind;
    b.setAttribute('aria-label', `${zh} ${en}: ${who.name}`);
    buttons.append(b);
  };
  if (!certificate) button('apply', '申请', 'Apply');
  button('see', '查看', 'View');
  button('drop', '移除', 'Remove');
  buttons.className = 'row';
  li.append(name, what, buttons);
  return li;
}

export function companions() {
  actFor('');
  const all = everybody().slice(1);
  $('companionlist').replaceChildren(...all.map(row));
  $('nocompanions').hidden = all.length > 0;
  $('goadd').hidden = all.length >= 5;
  view('companions');
}

// addCompanion takes the form of one.
export async function addCompanion(f) {
  await ask('companions/add', { name: f.name.value, document: f.document.value, number: f.number.value, confirmed: f.confirmed.checked });
  $('adding').querySelector('form').reset();
}

export const dropCompanion = (id) => ask('companions/drop', { id });

document.addEventListener('forget', () => {
  talk.whom = '';
  $('companionlist').replaceChildren();
});

// ---- the finger ----

// onSwipe calls with -1 or 1 where a finger crosses an element.
export function onSwipe(element, call) {
  let from = null;
  element.addEventListener('touchstart', (e) => { from = e.touches.length === 1 ? e.touches[0] : null; }, { passive: true });
  element.addEventListener('touchend', (e) => {
    const to = e.changedTouches[0], start = from;
    from = null;
    if (!start) return;
    const x = to.clientX - start.clientX, y = to.clientY - start.clientY;
    if (Math.abs(x) > 50 && Math.abs(x) > 2 * Math.abs(y)) call(x < 0 ? 1 : -1);
  }, { passive: true });
}
