// The technician's page asks the gate how it is every two seconds and draws it.
'use strict';

const $ = (id) => document.getElementById(id);
const svgNS = 'http://www.w3.org/2000/svg';

function draw(parent, name, attributes, text) {
  const e = document.createElementNS(svgNS, name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  if (text !== undefined) e.textContent = text;
  parent.append(e);
}

// problem is a line of what is wrong: its cause's name, since when, and the command that mends it, if it has one.
function problem(text, cause, now) {
  const li = Object.assign(document.createElement('li'), { textContent: cause ? `${cause.cause}: ${text}` : text });
  if (cause && cause.since) {
    const unsure = cause.unsure ? ' (by a clock that is not trusted)' : '';
    li.append(' ', Object.assign(document.createElement('time'), { className: 'quiet', dateTime: cause.since, textContent: `since ${local(cause.since)}, ${ago(cause.since, now)}${unsure}` }));
  }
  if (cause && cause.hands) li.append(document.createElement('br'), cause.hands);
  if (cause) li.append(document.createElement('br'), Object.assign(document.createElement('code'), { textContent: cause.remedy }));
  return li;
}

// rows fills a table; a cell is a text or [text, class], the first one names the row.
function rows(table, data) {
  table.replaceChildren(...data.map((cells) => {
    const tr = document.createElement('tr');
    cells.forEach((cell, i) => {
      const td = document.createElement(i ? 'td' : 'th');
      if (!i) td.scope = 'row';
      [td.textContent, td.className] = Array.isArray(cell) ? cell : [cell, ''];
      tr.append(td);
    });
    return tr;
  }));
}

const local = (t) => new Date(t).toLocaleString('sv');
const ago = (t, now) => {
  const s = Math.max(0, Math.round((new Date(now) - new Date(t)) / 1000));
  if (s < 120) return `${s} s ago`;
  if (s < 7200) return `${Math.round(s / 60)} min ago`;
  return s < 172800 ? `${Math.round(s / 3600)} h ago` : `${Math.round(s / 86400)} days ago`;
};

function bars(svg, values, labels) {
  svg.replaceChildren();
  const top = Math.max(1, ...values.map((v) => v.parts.reduce((a, p) => a + p.n, 0)));
  const width = 340 / values.length;
  draw(svg, 'line', { x1: 20, y1: 74, x2: 360, y2: 74, class: 'axis' });
  draw(svg, 'text', { x: 16, y: 12, 'text-anchor': 'end' }, top);
  values.forEach((v, i) => {
    let y = 74;
    for (const p of v.parts) {
      const h = 66 * p.n / top;
      y -= h;
      if (h > 0) draw(svg, 'rect', { x: 20 + i * width, y, width: Math.max(1, width - 1), height: h, class: p.kind });
    }
    if (labels && labels[i] !== undefined) draw(svg, 'text', { x: 20 + i * width, y: 87 }, labels[i]);
  });
}

function hour(s) {
  const now = Math.floor(new Date(s.clock.time) / 60000);
  const minutes = Array.from({ length: 60 }, () => ({ parts: [] }));
  for (const m of s.history.minutes || []) {
    const i = 59 - (now - Math.floor(new Date(m.begins) / 60000));
    if (i >= 0 && i < 60) minutes[i].parts = [{ n: m.granted, kind: 'granted' }, { n: m.denied, kind: 'denied' }];
  }
  bars($('hour'), minutes, { 0: '-60', 30: '-30', 56: 'now' });
}

function times(s) {
  const svg = $('times'), all = (s.history.totals_us || []).map((us) => us / 1000);
  svg.replaceChildren();
  draw(svg, 'line', { x1: 20, y1: 74, x2: 360, y2: 74, class: 'axis' });
  if (all.length === 0) {
    $('timeswords').textContent = 'no passage yet';
    return;
  }
  const top = Math.max(...all), sorted = [...all].sort((a, b) => a - b);
  draw(svg, 'text', { x: 16, y: 12, 'text-anchor': 'end' }, top.toFixed(top < 10 ? 1 : 0));
  const x = (i) => 20 + 340 * (all.length > 1 ? i / (all.length - 1) : 0);
  draw(svg, 'polyline', { class: 'line', points: all.map((ms, i) => `${x(i)},${74 - 66 * ms / top}`).join(' ') });
  const t = s.timings;
  $('timeswords').textContent = `${sorted[sorted.length >> 1].toFixed(1)} ms in the middle, ${top.toFixed(1)} ms at most, of the last ${all.length}; ` +
    `the last: wait ${t.wait_us} µs, verify ${t.verify_us} µs, commit ${t.commit_us} µs, open ${t.open_us} µs`;
}

function ages(s) {
  const bins = s.clock.histogram || [];
  bars($('ages'), bins.map((b, i) => ({ parts: [{ n: b.count, kind: i < 2 || b.open || b.below > 70 ? 'outside' : 'granted' }] })),
    bins.map((b) => (b.open ? '>' : '<' + b.below)));
}

// release is which release runs, and which is on its way; none where the machine has one system.
function release(u) {
  if (!u || !u.slots) return [];
  const next = u.trial ? `, ${u.trial} is on trial: ${u.phase}` : u.staged && u.staged !== u.running ? `, ${u.staged} is staged` : '';
  const failed = u.failed && u.failed !== u.running ? [['failed', [`${u.failed}: ${u.why}`, 'bad']]] : [];
  return [['release', `${u.running || 'not known'}, slot ${u.slot || '?'}${next}`], ...failed];
}

function render(s) {
  document.body.dataset.health = s.health;
  $('name').textContent = `${s.station} ${s.gate}`.trim() + ` · ${s.direction}`;
  document.title = `${s.gate}: ${s.health}`;
  $('health').textContent = `${s.health.replaceAll('_', ' ')}, lane ${s.mode.replaceAll('_', ' ')}`;
  const now = s.clock.time;
  $('problems').replaceChildren(...s.problems.map((text) => problem(text, (s.causes || []).find((c) => c.why === text), now)));
  rows($('devices'), s.devices.map((d) => [d.kind, d.name, [d.driver, 'quiet'], d.up ? ['up', 'good'] : [d.error || 'starting', 'bad'], [ago(d.since, now), 'quiet']]));
  const k = s.keyset;
  rows($('clock'), [
    ['time', local(now)],
    ['source', [s.clock.why || s.clock.source, s.clock.trusted ? 'good' : 'bad']],
    ['system clock', s.clock.disputed ? ['jumped, and is contradicted', 'bad'] : s.clock.stepped ? ['jumped, and is not believed', 'bad'] : ['no jump', 'good']],
    ['passengers say', s.clock.suspect ? ['most codes are outside their minute', 'bad'] : ['nothing against it', 'good']],
    ['keyset', k.loaded ? `version ${k.version}, ${k.keys} keys, ${k.revoked} revoked` : ['none', 'bad']],
    ['read', k.loaded ? ago(k.since, now) : ''],
    ['last key ends', k.loaded ? local(k.expires) : ''],
    ['daemon', `${s.version}, pid ${s.pid}, since ${local(s.started)}`],
    ...release(s.update),
    ['store', `${s.store.seq} records, ${s.store.spent} codes and ${s.store.passages} holders remembered`],
  ]);
  hour(s);
  times(s);
  ages(s);
  const counts = [...Object.entries(s.counts.decided), ...Object.entries(s.counts.dropped || {}).map(([r, n]) => [`ignored: ${r}`, n])];
  rows($('counts'), counts.length ? counts.sort((a, b) => b[1] - a[1]).map(([reason, n]) => [reason, [n, 'number']]) : [[['nothing yet', 'quiet']]]);
  rows($('records'), (s.history.recent || []).reverse().map((r) => [
    [local(r.time), 'quiet'], r.kind, r.decision ? [r.decision, r.decision === 'granted' ? 'good' : 'bad'] : '', r.reason, r.scanner || '', [r.detail || r.flag || '', 'quiet']]));
  document.querySelector('main').hidden = false;
}

// outdated tells whether this page is of another version than the gate, and loads it
// again if so: once for each version, for a cache on the way may give the old one.
function outdated(version) {
  if (!version || version === document.body.dataset.version || sessionStorage.getItem('version') === version) return false;
  sessionStorage.setItem('version', version);
  location.reload();
  return true;
}

async function ask() {
  try {
    const answer = await fetch('status.json', { signal: AbortSignal.timeout(4000) });
    if (outdated(answer.headers.get('Railgate-Pages'))) return;
    render(await answer.json());
  } catch {
    document.body.dataset.health = 'gone';
    $('health').textContent = 'railgated does not answer';
  }
  setTimeout(ask, 2000);
}
ask();
