import * as words from './words.js';

const $ = (s) => document.querySelector(s);
const field = $('#code'), verdict = $('#verdict');
const shownFor = 120_000; // ms; then nobody's name stays on the screen
let turn = 0; // counts questions: an answer that comes late is not shown
let clearing;

// el makes an element of texts and elements; both is a text in Chinese with the English beside it.
function el(name, ...content) {
  const e = document.createElement(name);
  e.append(...content);
  return e;
}

function both([zh, en]) {
  const english = el('span', en);
  english.lang = 'en';
  return [el('b', zh), ' ', english];
}

function say(e, pair) { e.replaceChildren(...both(pair)); }

const time = new Intl.DateTimeFormat('zh-CN', { timeZone: 'Asia/Shanghai', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const at = (text) => time.format(new Date(text));

// purpose is the one that is chosen.
const purpose = () => $('#purposes :checked').value;

function showPurposes(all) {
  $('#purposes div').replaceChildren(...all.map((p, i) => {
    const radio = document.createElement('input');
    Object.assign(radio, { type: 'radio', name: 'purpose', value: p, checked: i === 0 });
    return el('label', radio, ...both(words.purposes[p]));
  }));
}

// next chooses the purpose by steps from the one that is chosen.
function next(steps) {
  const all = [...document.querySelectorAll('#purposes input')];
  const now = all.findIndex((r) => r.checked);
  all[(now + steps + all.length) % all.length].checked = true;
}

function mark(decision) {
  const draw = (name, attributes) => {
    const e = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    return e;
  };
  const box = draw('svg', { viewBox: '0 0 100 100', 'aria-hidden': 'true' });
  const line = { granted: 'M30 52l15 15 26-32', asking: 'M30 50h.1M50 50h.1M70 50h.1' }[decision] ?? 'M34 34l32 32M66 34L34 66';
  box.append(draw('circle', { cx: 50, cy: 50, r: 43 }), draw('path', { d: line }));
  return box;
}

// show puts a verdict and what belongs to it on the page.
function show(decision, pair, ...more) {
  const said = el('div', mark(decision), el('h2', ...both(pair)));
  said.className = 'said';
  verdict.dataset.decision = decision;
  verdict.replaceChildren(said, ...more);
  said.scrollIntoView({ block: 'nearest' }); // on a small screen it is below the field
  clearTimeout(clearing);
  clearing = setTimeout(clear, shownFor);
}

function clear() {
  turn++;
  clearTimeout(clearing);
  delete verdict.dataset.decision;
  verdict.replaceChildren();
  field.value = '';
}

function fact(name, value, className = '') {
  const dd = el('dd', ...(Array.isArray(value) ? both(value) : [value]));
  dd.className = className;
  return el('div', el('dt', ...both(words.labels[name])), dd);
}

// facts are what a granted code says, as far as it is told.
function facts(a, asked) {
  const list = el('dl');
  list.append(fact('name', a.name ?? words.unknown, 'who'));
  if (a.number) list.append(fact('number', a.number));
  if (a.document) list.append(fact('document', words.documents[a.document] ?? a.document));
  list.append(fact('class', words.classes[a.class]), fact('expires', at(a.expires)), fact('purpose', words.purposes[asked]));
  return list;
}

function ticketList(a) {
  const title = el('h3', ...both(words.tickets));
  if (!a.tickets) return [title, el('p', ...both(words.ticketsAway))];
  if (!a.tickets.length) return [title, el('p', ...both(words.noTickets))];
  const list = el('ul', ...a.tickets.map((t) => {
    const parts = [el('b', t.train ?? words.kinds[t.kind][0]), `${t.from} → ${t.to}`];
    if (t.departs) parts.push(at(t.departs));
    if (t.seat) parts.push(t.seat);
    const kind = el('span', words.kinds[t.kind][1]);
    kind.lang = 'en';
    return el('li', ...parts.map((p) => el('span', p)), kind, el('span', t.id));
  }));
  list.id = 'tickets';
  return [title, list];
}

// tip says what may be wrong with the scanner where a text is no code.
function tip(text) {
  let why = words.notOurs;
  if (/[^\x20-\x7e]/.test(text)) why = words.inputMethod;
  else if (/^rg1:/.test(text)) why = words.capsLock;
  else if (text.startsWith('RG1:')) return [];
  const p = el('p', ...both(why));
  p.className = 'tip';
  return [p];
}

async function ask(text) {
  const mine = ++turn, asked = purpose();
  field.value = '';
  show('asking', words.asking);
  let status, answer;
  try {
    const r = await fetch('/v1/resolve', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ code: text, purpose: asked }) });
    [status, answer] = [r.status, await r.json()];
  } catch {
    if (mine === turn) show('trouble', words.cut);
    return;
  }
  if (mine !== turn) return;
  if (status === 401 || answer.type?.endsWith('/not_staff')) {
    away(answer.type.endsWith('/not_staff') ? 'not_staff' : 'unauthorized');
  } else if (status !== 200) {
    show('trouble', [answer.zh, answer.title]);
  } else {
    const said = [answer.words.find((w) => w.language === 'zh').text, answer.words.find((w) => w.language === 'en').text];
    if (answer.decision === 'granted') show('granted', said, facts(answer, asked), el('div', ...ticketList(answer)));
    else show('denied', said, ...(answer.reason === 'malformed' ? tip(text) : []));
  }
}

// away is the page of whoever is not signed in, or may not look codes up.
function away(why) {
  clear();
  $('#counter').hidden = true;
  $('#sign').hidden = false;
  $('#me').textContent = '';
  $('#signout').hidden = why === 'unauthorized';
  say($('#why'), words.sign[why][0]);
  say($('#todo'), words.sign[why][1]);
  $('#why').focus();
}

async function begin() {
  let status, me;
  try {
    const r = await fetch('/counter/me');
    [status, me] = [r.status, await r.json()];
  } catch {
    status = 0;
  }
  if (status === 401) return away('unauthorized');
  if (status === 403) return away('not_staff');
  if (status !== 200) return setTimeout(begin, 2000);
  $('#sign').hidden = true;
  $('#counter').hidden = false;
  $('#signout').hidden = false;
  $('#me').textContent = me.name;
  showPurposes(me.purposes);
  field.focus();
}

$('form').addEventListener('submit', (e) => {
  e.preventDefault();
  const text = field.value.replace(/[\r\n]+$/, '');
  field.focus();
  if (text) ask(text);
});

// A code that is pasted whole is asked for at once.
field.addEventListener('paste', (e) => {
  const text = e.clipboardData.getData('text').replace(/[\r\n]+$/, '');
  if (!text.startsWith('RG1:')) return;
  e.preventDefault();
  ask(text);
});

field.addEventListener('keydown', (e) => {
  if (e.key === 'ArrowUp' || e.key === 'ArrowDown') {
    e.preventDefault();
    next(e.key === 'ArrowUp' ? -1 : 1);
  }
});

// Whatever a scanner types goes to the field, wherever the focus was. Keys that work on what
// has the focus stay there.
document.addEventListener('keydown', (e) => {
  if ($('#counter').hidden) return;
  if (e.key === 'Escape') {
    clear();
    field.focus();
  } else if (e.key.length === 1 && e.key !== ' ' && !e.ctrlKey && !e.altKey && !e.metaKey && document.activeElement !== field) {
    field.focus();
  }
});

$('#purposes').addEventListener('click', (e) => {
  if (e.detail > 0) field.focus(); // a mouse or a finger, not the arrow keys
});

$('#signout').addEventListener('click', async () => {
  clear();
  await fetch('/signin/out', { method: 'POST' }).catch(() => {});
  away('unauthorized');
});

begin();
