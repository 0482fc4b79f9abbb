// The police window: issue, print, find, end. Every decision is the issuer's.

import { two, documents, reasons, states, revoke, ended, words, dayText, clockText, numberText } from './words.js';

const $ = (id) => document.getElementById(id);
const form = document.querySelector('#issue form'), find = $('find'), end = $('end');
const make = (name, className, ...children) => {
  const e = document.createElement(name);
  if (className) e.className = className;
  e.append(...children);
  return e;
};

class Denied extends Error { constructor(why) { super(why.reason); this.why = why; } } // the issuer says no, and why

const cut = { reason: 'cut', zh: words.cut[0], en: words.cut[1], do_zh: words.cutDo[0], do_en: words.cutDo[1] };

// ask asks the issuer: GET without a body, POST with one. It throws Denied, also where
// nobody answers.
async function ask(path, body) {
  let answer, data;
  try {
    answer = await fetch('api/' + path, {
      method: body === undefined ? 'GET' : 'POST', body: body === undefined ? undefined : JSON.stringify(body),
      headers: { 'Content-Type': 'application/json' }, signal: AbortSignal.timeout(10000), cache: 'no-store',
    });
    data = await answer.json();
  } catch {
    throw new Denied(cut);
  }
  if (answer.status === 401 && data.denied?.signin) {
    forget();
    location.assign(data.denied.signin); // the sign-in is over
  }
  if (data.denied) throw new Denied(data.denied);
  return data;
}

const say = (text) => { $('live').textContent = text; };

// ---- the form ----

function fill(select, values, all) {
  select.replaceChildren(...values.map((v) => new Option((all[v] ?? [v, '']).join(' '), v)));
}

function days(now) {
  const day = 24 * 3600e3, s = form.elements.day, chosen = s.value;
  s.replaceChildren(...[['today', now], ['tomorrow', now + day]].map(([w, t]) => new Option(`${dayText(t).slice(5)} ${words[w].join(' ')}`, dayText(t))));
  if ([...s.options].some((o) => o.value === chosen)) s.value = chosen;
}

const fields = ['name', 'document', 'number', 'reason', 'train', 'day', 'from', 'to'];
const wrong = { incomplete: ['name', 'number'], bad_number: ['number'], bad_document_number: ['number'], bad_journey: ['train', 'day', 'from', 'to'], details_differ: ['name', 'number'] };

function refuse(why) {
  $('refused').hidden = !why;
  $('told').hidden = why?.next !== 'told';
  for (const f of fields) form.elements[f].setAttribute('aria-invalid', Boolean(wrong[why?.reason]?.includes(f)));
  if (!why) return;
  two($('why'), why.zh, why.en);
  two($('todo'), why.do_zh, why.do_en);
  const first = wrong[why.reason]?.[0];
  if (first) form.elements[first].focus();
  else if (why.next === 'told') $('told').focus();
}

let busy = false;

// once does one thing at a time: a second press while the first is on its way does nothing.
async function once(what, denied) {
  if (busy) return;
  busy = true;
  document.body.setAttribute('aria-busy', 'true');
  try {
    await what();
  } catch (e) {
    if (!(e instanceof Denied)) throw e;
    denied(e.why);
  } finally {
    busy = false;
    document.body.removeAttribute('aria-busy');
  }
}

const issue = (told) => once(async () => {
  refuse(null);
  const slip = await ask('issue', { ...Object.fromEntries(fields.map((f) => [f, form.elements[f].value])), told });
  form.reset();
  await showList();
  await print(slip.id);
}, refuse);

form.addEventListener('submit', (e) => { e.preventDefault(); issue(false); });
$('told').addEventListener('click', () => issue(true));

// ---- the list ----

let searched = false;

async function showList() {
  const { slips } = await ask('slips');
  searched = false;
  list(slips, words.list);
}

function list(slips, title, electronic = []) {
  $('notfound').hidden = true;
  [$('listzh').textContent, $('listen').textContent] = title;
  const at = document.activeElement?.closest('#slips li')?.dataset.id, which = document.activeElement?.className;
  $('slips').replaceChildren(...electronic.map(phone), ...slips.map(item));
  $('none').hidden = slips.length + electronic.length > 0;
  if (at) $('slips').querySelector(`[data-id="${at}"] button.${which || 'print'}`)?.focus(); // who stands on one stays there
}

const inTwo = (name, pair, className) => two(make(name, className), ...pair);

function item(s) {
  const li = make('li', s.state);
  li.dataset.id = s.id;
  const number = make('h3', 'no', numberText(s.id)), who = make('p', 'who');
  const name = make('b');
  name.textContent = s.name;
  who.append(name, ` ${(documents[s.document] ?? [s.document])[0]} ${s.number}`);
  const times = make('p', 'times', `${clockText(s.issued)} – ${clockText(s.ends)}`);
  const more = inTwo('p', reasons[s.reason] ?? [s.reason, ''], 'quiet');
  li.append(make('div', 'head', number, inTwo('span', states[s.state], 'state')), who, make('p', 'journey', `${s.train} ${s.day} ${way(s)}`), times, more);
  if (ended[s.ended_as]) li.append(inTwo('p', ended[s.ended_as], 'quiet'));
  const does = [];
  if (s.state === 'valid') does.push(action(s, 'print', s.printed ? words.reprint : words.print, () => once(() => print(s.id), deny)));
  if (s.may_cancel) does.push(action(s, 'cancel', words.cancel, () => ask4end(s, 'cancel')));
  if (s.may_revoke) does.push(action(s, 'revoke', words.revoke, () => ask4end(s, 'revoke')));
  if (does.length) li.append(make('div', 'does', ...does));
  return li;
}

// phone is what somebody's phone holds: of that there is no more here than its end.
function phone(e) {
  const li = make('li', 'valid');
  li.dataset.id = e.id;
  const number = make('h3', 'no', numberText(e.id)), times = make('p', 'times', `– ${clockText(e.ends)}`);
  li.append(make('div', 'head', number, inTwo('span', states.valid, 'state')), inTwo('p', words.onPhone), times, make('div', 'does', action(e, 'revoke', words.revoke, () => ask4end(e, 'revoke', 'phone'))));
  return li;
}

function action(s, name, pair, does) {
  const b = inTwo('button', pair, name);
  b.type = 'button';
  b.setAttribute('aria-label', `${pair.join(' ')} ${numberText(s.id)}`);
  b.addEventListener('click', does);
  return b;
}

// deny says beside the list why something was not done, and shows how it is now.
async function deny(why) {
  two($('notfound').firstElementChild, `${why.zh}。${why.do_zh}`, `${why.en}. ${why.do_en}`);
  $('notfound').hidden = false;
}

find.addEventListener('submit', (e) => {
  e.preventDefault();
  const by = find.elements.by.value, text = find.elements.text.value;
  once(async () => {
    const { slips, electronic = [] } = await ask('find', { [by]: text });
    searched = true;
    list(slips, words.found, electronic);
    say(`${words.found.join(' ')}: ${slips.length + electronic.length}`);
  }, deny);
});
$('all').addEventListener('click', () => once(async () => {
  find.reset();
  await showList();
}, deny));

// ---- printing ----

let onSheet = '';

// cover takes what lies below the sheet away from the keyboard, or gives it back.
const cover = (is) => { for (const e of [document.querySelector('header'), $('desk')]) e.inert = is; };

// way has its two stations in their order, also where one is written from right to left: it is isolated.
const isolated = (name) => (/[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/.test(name) ? `\u2068${name}\u2069` : name);
const way = (journey) => `${isolated(journey.from)} → ${isolated(journey.to)}`;

// fit makes the words of a sheet smaller, and never its code, until it is no higher than what is printed
// on: 192 mm of A5. It is measured as wide as it is printed.
function fit(article) {
  article.classList.add('measured');
  for (let text = 100; text >= 55; text -= 5) {
    article.style.setProperty('--text', `${text / 100}`);
    if (article.offsetHeight <= 191 / 25.4 * 96) break;
  }
  article.classList.remove('measured');
}

async function print(id) {
  const p = await ask('print', { id });
  onSheet = id;
  two($('bearer'), p.name, '');
  $('pdocument').textContent = (documents[p.document] ?? [p.document]).join(' ');
  $('pnumber').textContent = p.number;
  $('pjourney').textContent = `${p.train}　${p.day}　${way(p)}`;
  $('pvalid').textContent = `${clockText(p.issued)} – ${clockText(p.ends)}`;
  $('pid').textContent = numberText(id);
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', p.code.path);
  $('code').setAttribute('viewBox', `0 0 ${p.code.size} ${p.code.size}`);
  $('code').replaceChildren(path);
  $('sheet').hidden = false;
  fit($('sheet').querySelector('article'));
  cover(true);
  document.body.classList.add('printing');
  $('h3').focus();
  window.print();
}

// closeSheet leaves nothing of anybody on the page.
function closeSheet() {
  $('sheet').hidden = true;
  cover(false);
  document.body.classList.remove('printing');
  $('code').replaceChildren();
  for (const id of ['bearer', 'pdocument', 'pnumber', 'pjourney', 'pvalid', 'pid']) $(id).replaceChildren();
}

$('done').addEventListener('click', () => {
  closeSheet();
  ($('slips').querySelector(`[data-id="${onSheet}"] .print`) ?? form.elements.name).focus();
  if (!searched) once(showList, deny);
});
$('reprint').addEventListener('click', () => once(() => print(onSheet), (why) => { closeSheet(); deny(why); }));
document.addEventListener('keydown', (e) => { if (e.key === 'Escape' && !$('sheet').hidden) $('done').click(); });

// ---- ending one ----

let ending = null;

// says has the words: those of how, or others.
function ask4end(slip, how, says = how) {
  ending = { slip, how };
  two($('endwhat'), ...words[says + 'Title']);
  $('endwhose').textContent = [numberText(slip.id), slip.name ?? ''].join('　');
  two($('endsays'), ...words[says + 'Says']);
  two($('endyes'), ...words[how]);
  $('endreason').hidden = how !== 'revoke';
  $('endpaper').hidden = how !== 'cancel';
  end.querySelector('[name=back]').checked = false;
  $('enddenied').hidden = true;
  end.showModal();
}

const endDenied = (why) => {
  two($('enddenied').firstElementChild, `${why.zh}。${why.do_zh ?? ''}`, `${why.en}. ${why.do_en ?? ''}`);
  $('enddenied').hidden = false;
};

$('endno').addEventListener('click', () => end.close());
$('endyes').addEventListener('click', () => {
  const { slip, how } = ending;
  if (how === 'cancel' && !end.querySelector('[name=back]').checked) {
    endDenied({ zh: words.paperFirst[0], en: words.paperFirst[1] });
    end.querySelector('[name=back]').focus();
    return;
  }
  once(async () => {
    await ask(how, how === 'cancel' ? { id: slip.id } : { id: slip.id, reason: end.querySelector('[name=reason]').value });
    end.close();
    say(`${states[how === 'cancel' ? 'cancelled' : 'revoked'].join(' ')} ${numberText(slip.id)}`);
    await showList();
  }, endDenied);
});

// ---- beginning and end ----

// forget leaves nothing of anybody on the page.
function forget() {
  closeSheet();
  form.reset();
  find.reset();
  $('slips').replaceChildren();
  $('desk').hidden = true;
}

$('signout').addEventListener('click', async () => {
  forget();
  await fetch('../signin/out', { method: 'POST' }).catch(() => {});
  location.reload();
});

async function begin() {
  $('cannot').hidden = true;
  try {
    const s = await ask('state');
    $('officer').textContent = s.officer;
    fill(form.elements.document, s.documents, documents);
    fill(form.elements.reason, s.reasons, reasons);
    fill(end.querySelector('[name=reason]'), s.revoke, revoke);
    days(s.now);
    await showList();
    $('desk').hidden = false;
  } catch (e) {
    if (!(e instanceof Denied)) throw e;
    two($('cannotwhy'), e.why.zh, e.why.en);
    two($('cannotdo'), e.why.do_zh, e.why.do_en);
    $('cannot').hidden = false;
  }
}
$('again').addEventListener('click', begin);

// What others issue, and what ends by itself, shows within half a minute.
setInterval(() => {
  if (document.hidden || busy || searched || $('desk').hidden || $('desk').inert || end.open) return;
  ask('state').then((s) => days(s.now)).then(showList).catch((e) => { if (e instanceof Denied) deny(e.why); });
}, 30000);

begin();
