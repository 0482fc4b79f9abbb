// Tabs. On a wide screen the first has the four people, on others each has their own. Where the
// bench has a station: two gates with what may go wrong, and the station's page. The phone
// stays: it is what is held to either gate.
'use strict';

const make = (name, properties = {}, ...children) => {
  const e = Object.assign(document.createElement(name), properties);
  e.append(...children);
  return e;
};

// benchGates are the gates and where their pages are.
const benchGates = [{ name: 'A07', at: 'gate' }, { name: 'A08', at: 'second' }];

function article(g) {
  const hold = make('button', {}, make('b', { textContent: `对准 ${g.name}` }), make('span', { textContent: `Hold the phone to ${g.name}` }));
  hold.dataset.hold = g.name;
  hold.onclick = async () => {
    const blob = await picture();
    if (!blob) {
      faultSaid('手机上还没有二维码，请先申请 · No code on the phone yet: apply first');
      return;
    }
    screenshot = blob;
    holdTo(g, blob);
  };
  const again = make('button', {}, make('b', { textContent: '再出示截图' }), make('span', { textContent: `The last screenshot to ${g.name}` }));
  again.dataset.again = g.name;
  again.onclick = () => (screenshot ? holdTo(g, screenshot) : faultSaid('还没有出示过二维码 · Nothing was held yet'));
  g.says = make('dl');
  g.health = make('span');
  g.screen = make('iframe', { src: `${g.at}/`, title: `闸机屏幕 ${g.name} The gate's screen` });
  const e = make('article', {}, make('h2', {}, g.name, g.health), g.screen, make('div', { className: 'holds' }, hold, again), g.says);
  e.dataset.name = g.name;
  return e;
}

async function holdTo(g, blob) {
  const answer = await fetch(`hold?gate=${g.name}`, { method: 'POST', body: await asSeen(blob), headers: { 'Content-Type': 'image/png' } });
  if (!answer.ok) faultSaid(await answer.text());
}

const faultSaid = (text) => { $('faultsaid').textContent = text; };

// row is what a gate says of one thing; is tells whether that is well.
const row = (zh, en, text, is) => [make('dt', { textContent: `${zh} ${en}` }), make('dd', { textContent: text, className: is ? 'well' : 'ill' })];

function said2(g, s) {
  const rows = [], y = s.sync, b = s.bus;
  rows.push(...row('密钥', 'keys', s.keyset.loaded ? `version ${s.keyset.version}` : 'none', s.keyset.loaded));
  if (y) rows.push(...row('发布库', 'repository', y.error || `${y.state}, version ${y.version}`, !y.error && y.state === 'fresh'));
  if (y?.station?.error) rows.push(...row('车站库', 'station’s', y.station.error, false));
  if (b) {
    rows.push(...row('总线', 'bus', b.in_touch ? 'in touch' : b.connected ? 'connected, not in touch' : 'not connected', b.in_touch));
    rows.push(...row('回执', 'receipt', `record ${b.receipt} of ${s.store.seq}`, b.receipt > 0));
  }
  rows.push(...row('时间', 'time', `${new Date(s.clock.time).toLocaleString('sv')}, ${s.clock.why || s.clock.source}${s.clock.disputed ? ', disputed' : ''}`, s.clock.trusted && !s.clock.disputed));
  for (const c of s.causes || []) rows.push(...row('问题', 'problem', `${c.cause}: ${c.why}`, false));
  g.says.replaceChildren(...rows);
  g.health.textContent = s.health.replaceAll('_', ' ');
  g.health.className = s.health === 'healthy' ? 'well' : 'ill';
  document.body.dataset[g.at] = JSON.stringify({ health: s.health, causes: (s.causes || []).map((c) => c.cause), sync: y?.error || y?.state, touch: Boolean(b?.in_touch), receipt: b?.receipt ?? 0, disputed: s.clock.disputed });
}

async function ask(g) {
  try {
    const answer = await fetch(`${g.at}/status.json`, { signal: AbortSignal.timeout(4000) });
    if (!answer.ok) throw new Error(answer.statusText);
    said2(g, await answer.json());
  } catch {
    g.health.textContent = '无响应 no answer';
    g.health.className = 'ill';
  }
  if (document.body.dataset.tab === 'two') setTimeout(ask, 1000, g);
  else g.asking = false;
}

function show(tab) {
  document.body.dataset.tab = tab;
  for (const b of document.querySelectorAll('nav button')) b.setAttribute('aria-current', b.dataset.to === tab || (b.className === 'wide' && tab in { conductor: 1, window: 1 }));
  if (tab === 'two') {
    const pair = document.querySelector('.pair');
    if (!pair.children.length) pair.append(...benchGates.map(article));
    for (const g of benchGates) if (!g.asking) { g.asking = true; ask(g); }
  }
  if (tab === 'station' && !$('staffpage').children.length) $('staffpage').append(make('iframe', { id: 'staff-frame', src: 'station/', title: '车站页面 The station’s page' }));
}

for (const b of document.querySelectorAll('nav button')) b.onclick = () => show(b.dataset.to);

const faults = {
  cut: ['网络已切断：闸机独立工作', 'The network is cut: the gates go on alone', '网络已恢复', 'The network is back'],
  rollback: ['发布库被换成旧版：闸机拒绝', 'The repository is an old one: the gates refuse it', '发布库已恢复', 'The newest is back'],
  card: ['A08 插回了旧存储卡', 'A08 has its old card again'],
  lie: ['A08 的系统时钟快了26小时', 'A08’s own clock is 26 hours ahead', 'A08 重新启动，时钟正确', 'A08 was started again, with the right clock'],
};
for (const b of document.querySelectorAll('[data-fault]')) {
  b.onclick = async () => {
    const what = b.dataset.fault, on = b.getAttribute('aria-pressed') !== 'true', words = faults[what];
    b.disabled = true;
    const answer = await fetch(`fault/${what}?on=${on ? 1 : 0}`, { method: 'POST' });
    b.disabled = false;
    if (!answer.ok) {
      faultSaid(await answer.text());
      return;
    }
    if (b.hasAttribute('aria-pressed')) b.setAttribute('aria-pressed', on);
    faultSaid(on ? `${words[0]} · ${words[1]}` : `${words[2]} · ${words[3]}`);
  };
}
