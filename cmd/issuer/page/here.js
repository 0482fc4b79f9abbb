// Who is here, as far as the issuer says; and forgetting them.

import { drop, hearOthers, leaving, noted, recall, tellOthers } from './keep.js';
import { anybody, choose } from './people.js';
import { restore, showCertificate } from './show.js';
import { ask, Cut, Denied, talk, time } from './talk.js';
import { $, shown, view } from './view.js';
import { clockText, two } from './words.js';

let departures = 0; // how often somebody has signed out
let silent = 0;     // until then another tab is signing out: the issuer's answer may be of before

// refreshState asks the issuer what it knows of whoever is here.
export async function refreshState() {
  if (performance.now() < silent) return;
  const before = departures;
  let state = null;
  try {
    if (leaving.pending()) await finishLeaving();
    state = await ask('state');
  } catch (e) {
    if (!(e instanceof Cut) && !(e instanceof Denied)) throw e;
  }
  if (!state) return;
  if (before !== departures) {
    await refreshState(); // what was answered is of before
    return;
  }
  if (talk.state?.signed_in && !state.signed_in) { // signed out elsewhere
    tellOthers('left');
    tellOthers('gone');
    forget();
  }
  talk.state = state;
  choose();
  dress();
}

// dress puts on what goes with the state, whatever is shown.
function dress() {
  const { state } = talk;
  document.body.classList.toggle('onbench', Boolean(state?.bench));
  document.body.classList.toggle('framed', window.parent !== window);
  $('gohistory').hidden = $('showhistory').hidden = $('gocompanions').hidden = !state?.signed_in;
  $('over').hidden = !state?.over;
  if (state?.over) two($('over'), `${state.over.zh}。${state.over.do_zh}`, `${state.over.en}. ${state.over.do_en}`);
  two($('account'), ...(state?.signed_in ? ['退出', 'Sign out'] : ['登录', 'Sign in']));
}

// arrive shows the certificate where there is one to see, else the first page.
export async function arrive() {
  await refreshState();
  if (!talk.whom) anybody();
  if (talk.state?.certificate) showCertificate();
  else if (!shown('home')) view('home');
}

// home goes to the first page at once, and asks then.
export function home() {
  if (!talk.state?.certificate) view('home');
  return arrive();
}

// noticeState asks again, and changes the view only where what it shows is no longer so,
// or where nothing was known before: nobody loses what they are filling in.
export async function noticeState() {
  const knew = Boolean(talk.state);
  await refreshState();
  const seen = talk.state?.certificate;
  if (shown('show') && talk.state && !seen) view('home');
  else if (seen && (shown('show') || (!knew && shown('home')))) showCertificate();
}

// A visitor's code is behind a check again once its page is left for another (R10): for the
// check and its outcome it is not.
document.addEventListener('view', ({ detail }) => {
  if (['home', 'services', 'fill', 'sign'].includes(detail)) leaveCode();
  if (detail === 'home') welcome();
});

// welcome tells who has loaded the page again that the certificate may be valid still.
function welcome() {
  dress();
  const until = noted.until(), may = time.offset !== null && until > time.now();
  if (may) two($('may'), `您的证明可能仍然有效（至 ${clockText(until)}），核验后即可查看，不占次数`, `Your certificate may still be valid (until ${clockText(until)}). Verify yourself to view it: this is not an application`);
  else two($('may'), '24小时内申请过？证明可能仍然有效', 'Applied in the last 24 hours? Your certificate may still be valid');
  $('may').classList.toggle('news', may);
  $('goview').classList.toggle('main', may);
  $('goapply').classList.toggle('main', !may);
  (may ? $('goapply') : $('gohistory')).before($('may'), $('goview'));
}

// ---- a visitor closes the page, or leaves the code ----

// leave tells the issuer that a visitor sees nothing any more.
export function leave() {
  if (talk.page) navigator.sendBeacon('api/leave', new Blob([JSON.stringify({ page: talk.page })], { type: 'application/json' }));
}

// leaveCode does what closing the page does.
function leaveCode() {
  const { state } = talk;
  if (state?.signed_in || !state?.certificate) return;
  leave();
  talk.page = '';
  state.certificate = state.people = null;
  choose();
  wipe();
}

// ---- signing in and out ----

export async function signIn(account, password) {
  await ask('signin', { account, password });
  leaving.done();
  silent = 0;
  talk.page = '';
  for (const form of document.forms) form.reset();
  await arrive();
}

// signOut forgets at once, here and in every tab; the issuer hears of it as soon as there
// is a network.
export async function signOut() {
  leaving.begin();
  tellOthers('left');
  forget();
  view('home');
  await refreshState();
}

async function finishLeaving() {
  await ask('signout', {});
  leaving.done();
  tellOthers('gone');
}

hearOthers((what) => {
  if (what === 'gone') silent = 0;
  else if (talk.state && !talk.state.signed_in) return; // a visitor is somebody else
  else {
    silent = performance.now() + 3000;
    forget();
    view('home');
  }
  if (!talk.state) refreshState();
});

// forget leaves nothing of who was here: not on the page, hidden or not, nor in the
// worker. Each module that knows something hears the event "forget".
function forget() {
  talk.state = null;
  noted.forget();
  drop();
  wipe();
  document.dispatchEvent(new Event('forget'));
}

// wipe takes away what is written of somebody. What the issuer was asked before is answered to
// nobody.
function wipe() {
  departures++;
  for (const form of document.forms) form.reset();
  for (const id of ['own', 'owner', 'applications', 'slipowner', 'ends', 'liveuntil', 'besides', 'slipends']) $(id).replaceChildren();
  delete $('besides').dataset.key;
}

// recallShown shows what the worker kept, where there is no network.
export async function recallShown() {
  const before = departures, memory = await recall();
  if (!memory || before !== departures) return;
  time.offset = memory.now - performance.now();
  talk.state = memory.shown.state;
  talk.whom = talk.state.certificate?.whom || '';
  choose();
  dress();
  await restore(memory.shown);
}
