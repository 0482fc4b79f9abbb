// What the page shows of a station: counters, alarms, gates, plots, ends.

import { two, states, directions, troubles, ends, reasons, ago, until, clocks } from './words.js';
import { plot } from './plot.js';

const $ = (id) => document.getElementById(id);
const make = (name, properties = {}, ...children) => {
  const e = Object.assign(document.createElement(name), properties);
  e.append(...children);
  return e;
};
const inTwo = (name, words, className = '') => two(make(name, { className }), ...words);

let head = null, clock = clocks('UTC'), only = '';
const gates = new Map(), minutes = new Map(), tiles = new Map();

// show takes what is new. all: what was known before is not to be kept.
export function show(news, all) {
  if (all) forget();
  head = news.head;
  clock = clocks(head.zone);
  for (const name of news.gone) gates.delete(name);
  for (const g of news.gates) gates.set(g.name, g);
  for (const m of news.minutes) minutes.set(m.begins, m);
  render();
}

export function forget() {
  head = null;
  for (const m of [gates, minutes, tiles]) m.clear();
  $('tiles').replaceChildren();
  $('name').textContent = $('clock').textContent = '';
}

function render() {
  const now = new Date(head.time);
  $('name').textContent = head.station;
  document.title = `${head.station} 车站 Station`;
  $('clock').textContent = clock.exact(now);
  $('version').textContent = `station ${head.version}`;
  renderAlarms(now);
  renderPeople();
  renderStates();
  renderGates(now);
  renderPlots(now);
  renderEnds(now);
  renderReleases();
}

// soon is how long before an end it is an alarm, and near how long before it is marked.
const day = 86400e3, soon = { repository: day, key: 3 * day, certificate: 14 * day }, near = 30 * day;

function alarms(now) {
  const found = head.problems.map((text) => ({ name: head.station, words: ['车站服务异常', 'the station’s service'], why: text }));
  for (const g of sorted()) {
    for (const t of g.troubles ?? []) {
      const [zh, en, dozh, doen] = troubles[t.kind] ?? [t.kind, t.kind, '', ''];
      found.push({ name: g.name, words: [zh, en], what: [dozh, doen], why: t.why, since: t.since });
    }
  }
  for (const e of head.ends) {
    if (new Date(e.ends) - now < (soon[e.what] ?? day)) {
      const [zh, en] = until(new Date(e.ends), now), [kindzh, kinden] = ends[e.what] ?? [e.what, e.what];
      found.push({ name: e.name, words: [`${kindzh}${zh === '已失效' ? zh : `还剩${zh}`}`, `${kinden}: ${en}${en === 'ended' ? '' : ' left'}`], why: clock.full(e.ends) });
    }
  }
  return found;
}

let saidBefore = '';

function renderAlarms(now) {
  const found = alarms(now);
  $('alarms').hidden = !found.length;
  const text = found.map((a) => `${a.name}: ${a.words.join(' ')}`).join('; ');
  if (text !== saidBefore) $('told').textContent = text;
  saidBefore = text;
  $('alarms').querySelector('ul').replaceChildren(...found.map((a) => {
    const li = make('li', {}, make('strong', { textContent: a.name }), inTwo('span', a.words, 'what'));
    if (a.why) li.append(make('span', { className: 'why', lang: 'en', textContent: a.since ? `${a.why} · ${clock.full(a.since)}` : a.why }));
    if (a.what?.[0]) li.append(inTwo('span', a.what, 'do'));
    return li;
  }));
}

function renderPeople() {
  $('insiden').textContent = head.inside.toLocaleString('en');
  $('entered').textContent = head.people.entered.toLocaleString('en');
  $('left').textContent = head.people.left.toLocaleString('en');
  if (head.people.since) two($('since'), `自 ${clock.full(head.people.since)} 起`, `since ${clock.minute(head.people.since)}`);
}

// well tells whether nobody need look at a gate.
const well = (g) => g.state === 'fresh' && !g.troubles?.length;
const natural = new Intl.Collator('en', { numeric: true });

// sorted are the gates, those to look at first.
const sorted = () => [...gates.values()].sort((a, b) => well(a) - well(b) || natural.compare(a.name, b.name));

function renderStates() {
  const group = $('states');
  if (!group.children.length) {
    for (const state of Object.keys(states)) {
      const b = make('button', { className: state });
      b.dataset.state = state;
      b.setAttribute('aria-pressed', 'false');
      b.append(make('i'), make('output'), inTwo('span', states[state]));
      b.onclick = () => { only = only === state ? '' : state; renderStates(); filter(); };
      group.append(b);
    }
  }
  for (const b of group.children) {
    const n = sorted().filter((g) => g.state === b.dataset.state).length;
    b.querySelector('output').textContent = n;
    b.classList.toggle('zero', n === 0);
    b.setAttribute('aria-pressed', only === b.dataset.state);
  }
}

// many is from how many gates on those that are well are shown in a line.
const many = 30;

// renderGates keeps the tiles that are there: a reader's place is not lost.
function renderGates(now) {
  $('tiles').classList.toggle('many', gates.size > many);
  for (const [name, tile] of tiles) {
    if (!gates.has(name)) {
      tile.remove();
      tiles.delete(name);
    }
  }
  let before = null;
  for (const g of sorted()) {
    let tile = tiles.get(g.name);
    if (!tile) {
      tile = make('li');
      tiles.set(g.name, tile);
    }
    if ((before?.nextSibling ?? (before ? null : $('tiles').firstChild)) !== tile || !tile.isConnected) {
      if (before) before.after(tile); else $('tiles').prepend(tile);
    }
    before = tile;
    fill(tile, g, now);
  }
  filter();
}

function fill(tile, g, now) {
  const heard = g.heard ? ago(new Date(g.heard), now) : ['从未', 'never'];
  const sign = JSON.stringify([g, g.state === 'silent' ? heard : '']);
  if (tile.dataset.sign === sign) return;
  tile.dataset.sign = sign;
  tile.dataset.gate = g.name;
  tile.dataset.state = g.state;
  tile.className = `${g.state}${g.troubles?.length ? ' trouble' : ''}${well(g) ? ' well' : ''}`;
  const title = make('h3', {}, make('i'), g.name);
  if (directions[g.direction]) title.append(inTwo('span', directions[g.direction], 'direction'));
  tile.replaceChildren(title, inTwo('p', states[g.state], 'state'));
  for (const t of g.troubles ?? []) tile.append(inTwo('p', (troubles[t.kind] ?? [t.kind, '']).slice(0, 2), 'bad'));
  if (g.why) tile.append(make('p', { className: 'why', lang: 'en', textContent: g.why, title: g.why }));
  if (g.state === 'silent') tile.append(inTwo('p', [`最近 ${heard[0]}`, `last ${heard[1]}`], 'quiet'));
  const counts = make('p', { className: 'counts' });
  counts.append(make('span', { className: 'granted', title: '最近一分钟通过 granted in the last minute', textContent: `✓ ${g.granted}` }), make('span', { className: 'denied', title: '最近一分钟拒绝 denied in the last minute', textContent: `✕ ${g.denied}` }));
  if (g.behind) counts.append(inTwo('span', [`缺${g.behind}条`, `${g.behind} behind`], 'behind'));
  tile.append(counts);
  if (g.release) tile.append(make('p', { className: 'quiet release', textContent: g.release }));
}

function filter() {
  let n = 0;
  for (const tile of tiles.values()) {
    tile.hidden = Boolean(only) && tile.dataset.state !== only;
    if (!tile.hidden) n++;
  }
  $('none').hidden = n > 0;
  if (!n) two($('none'), gates.size ? '没有此状态的闸机' : '尚未登记闸机：station enroll', gates.size ? 'no gate is so' : 'no gate is enrolled yet: station enroll');
}

// hour is the last sixty minutes, those without a passage too.
function hour(now) {
  const last = Math.floor(now / 60e3) * 60e3, known = new Map([...minutes.values()].map((m) => [Date.parse(m.begins), m]));
  for (const [key, m] of minutes) if (Date.parse(m.begins) < last - 3600e3) minutes.delete(key);
  return Array.from({ length: 60 }, (_, i) => {
    const begins = last - (59 - i) * 60e3;
    return known.get(begins) ?? { begins, entered: 0, left: 0, reasons: {} };
  });
}

// kinds are the colours of denials: each reason keeps its own while the page is open.
const kinds = new Map();
const kind = (reason) => {
  if (!kinds.has(reason)) kinds.set(reason, kinds.size < 6 ? `r${kinds.size + 1}` : 'rest');
  return kinds.get(reason);
};

function renderPlots(now = new Date(head.time)) {
  const all = hour(now);
  drawFlow(all);
  drawReasons(all);
}

// key is a plot's caption: what each colour is, with the numbers of a minute, or sums.
function key(figure, title, entries) {
  figure.querySelector('figcaption').replaceChildren(make('span', { className: 'when', textContent: title }), ...entries.map(([k, n, words]) => {
    const span = make('span', {}, make('i', { className: k }));
    return (span.append(typeof words === 'string' ? words : inTwo('span', words), ` ${n}`), span);
  }));
}

function drawFlow(all) {
  const figure = $('flow').querySelector('figure');
  const tell = (m) => {
    const of = m ? [m] : all, sum = (k) => of.reduce((a, x) => a + x[k], 0);
    key(figure, m ? clock.minute(m.begins) : '60 min', [['entered', sum('entered'), ['进站', 'entered']], ['left', sum('left'), ['出站', 'left']]]);
  };
  plot(figure.querySelector('svg'), all.map((m) => ({ ...m, parts: [['entered', m.entered], ['left', m.left]] })), clock.minute, tell);
  tell(null);
}

function drawReasons(all) {
  const figure = $('reasons').querySelector('figure'), sums = new Map();
  for (const m of all) for (const [r, n] of Object.entries(m.reasons)) sums.set(r, (sums.get(r) ?? 0) + n);
  const decided = [...sums.keys()].sort((a, b) => (b === 'ok') - (a === 'ok') || sums.get(b) - sums.get(a)), order = decided.filter((r) => r !== 'ok');
  const words = (r) => [reasons[r] ?? '', r];
  const tell = (m) => key(figure, m ? clock.minute(m.begins) : '60 min', order.filter((r) => !m || m.reasons[r]).slice(0, 7).map((r) => [kind(r), m ? m.reasons[r] : sums.get(r), words(r)]));
  for (const r of order) kind(r);
  plot(figure.querySelector('svg'), all.map((m) => ({ ...m, parts: order.map((r) => [kind(r), m.reasons[r] ?? 0]) })), clock.minute, tell);
  tell(null);
  rows($('reasons'), decided.map((r) => [two(make('th', { scope: 'row' }), ...words(r)), make('td', { className: 'number', textContent: sums.get(r) })]));
}

const rows = (section, data) => section.querySelector('tbody').replaceChildren(...data.map((cells) => make('tr', {}, ...cells)));

function renderEnds(now) {
  $('ends').hidden = !head.ends.length;
  rows($('ends'), head.ends.map((e) => {
    const left = new Date(e.ends) - now, mark = left < (soon[e.what] ?? day) ? 'bad' : left < near ? 'near' : '';
    return [
      make('th', { scope: 'row' }, inTwo('span', ends[e.what] ?? [e.what, '']), make('span', { className: 'which', textContent: e.name })),
      make('td', { textContent: clock.full(e.ends) }), two(make('td', { className: `number ${mark}` }), ...until(new Date(e.ends), now)),
    ];
  }));
}

function renderReleases() {
  const by = new Map();
  for (const g of sorted()) if (g.release) by.set(g.release, [...(by.get(g.release) ?? []), g.name]);
  $('releases').hidden = !by.size;
  rows($('releases'), [...by].sort((a, b) => b[1].length - a[1].length).map(([release, names]) => [
    make('th', { scope: 'row', textContent: release }), make('td', { className: 'which', textContent: names.length > 12 ? names.slice(0, 12).join(' ') + ' …' : names.join(' ') }), make('td', { className: 'number', textContent: names.length }),
  ]));
}

// A plot is in pixels: another width is another plot.
new ResizeObserver(() => { if (head) renderPlots(); }).observe($('flow'));
