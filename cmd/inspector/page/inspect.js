// The inspector's page: it shows what the worker says of a code, and how the phone is.

import * as camera from './camera.js';
import { lookUp, signOut, who } from './lookup.js';
import { allow, play, turn } from './signal.js';
import { ageText, classes, clockText, doubts, loadWords, minuteText, says, secondText, two, whats } from './words.js';

await loadWords();

const $ = (id) => document.getElementById(id);
const worker = new Worker(new URL('worker.js', import.meta.url));
const tellWorker = (kind, more = {}, transfer = []) => worker.postMessage({ kind, ...more }, transfer);

// ---- a verdict ----

const shownFor = 6000; // after the code was seen last
let hiding, seenBy = null;

function show(answer, began) {
  const s = says(answer.reason), panel = $('verdict');
  panel.dataset.light = s.light;
  panel.dataset.sound = s.light === 'unsure' ? 'unsure' : s.sound;
  panel.dataset.reason = answer.reason;
  two($('says'), s.zh, s.en);
  const what = whatOf(answer);
  $('what').hidden = !what;
  if (what) two($('what'), ...what);
  $('facts').hidden = !answer.class;
  if (answer.class) two($('facts'), `${classes[answer.class][0]}，有效至 ${clockText(answer.expires)}`, `${classes[answer.class][1]}, valid until ${clockText(answer.expires)}`);
  $('before').hidden = !answer.before;
  if (answer.before) two($('before'), `本班已查过 ${answer.before.times} 次，上次 ${minuteText(answer.before.last)}`, `Shown in this shift before: ${answer.before.times}, last at ${minuteText(answer.before.last)}`);
  $('face').hidden = !answer.class;
  panel.hidden = false;
  $('view').inert = true; // the verdict covers it
  $('person').hidden = true;
  if (!answer.new) return;
  play(s.sound);
  performance.measure('verdict', { start: began, detail: answer.reason });
  if (answer.text && signedIn) tellMore(answer);
}

// ---- who it is, where somebody is signed in ----

let signedIn = '', latest = null;

async function tellMore(answer) {
  latest = answer;
  $('person').hidden = false;
  two($('person'), '正在查询姓名和车票', 'Looking up name and ticket');
  const { lines, denied, out } = await lookUp(answer.text);
  if (out) await learnWho();
  if (latest !== answer || $('verdict').hidden) return; // it is about somebody else
  if (denied) show({ ...answer, reason: denied, text: '' }, performance.now());
  else $('person').replaceChildren(...lines.map(([zh, en]) => { const line = document.createElement('span'); two(line, zh, en); return line; }));
}

// learnWho asks who is signed in. Without a network nobody is known to be.
async function learnWho() {
  const { name, refused } = await who().catch(() => ({ name: null }));
  signedIn = name || '';
  $('signin').hidden = name !== '';
  if (refused) two($('signin'), '此账号不能查询姓名和车票，请换账号登录', 'This account may not see names and tickets: sign in with another');
  else two($('signin'), '登录可查姓名和车票', 'Sign in to see names and tickets');
  $('who').hidden = !name;
  if (name) two($('who'), `已登录：${name}。结束本班即退出`, 'Signed in; ending the shift signs out');
}

function whatOf(answer) {
  if (!answer.by_phone) return whats[answer.reason];
  const { zh, en } = says(answer.by_phone);
  return [`按本机时间：${zh}`, `By this phone's date: ${en}`];
}

function hide() {
  clearTimeout(hiding);
  latest = null;
  $('person').replaceChildren(); // no name stays
  $('verdict').hidden = true;
  $('view').inert = false;
  seenBy?.focus();
  seenBy = null;
}
$('next').onclick = hide;

// sees shows what a frame has. The same code again leaves all as it is.
function sees(answer, began) {
  if (!answer) return;
  const same = !answer.new && !$('verdict').hidden && $('verdict').dataset.reason === answer.reason;
  if (!same) show(answer, began);
  clearTimeout(hiding);
  hiding = setTimeout(hide, shownFor);
}

// ---- the worker ----

let looked = null; // called when a frame was looked at
const hears = {
  ready() {
    const kept = guarded(() => localStorage.getItem(shiftName));
    if (kept) tellWorker('resume', { shift: kept });
    tellWorker('begin');
    $('start').disabled = false;
    document.body.dataset.ready = 'true';
  },
  broken({ text }) { trouble('查验程序无法运行', `The inspector does not run in this browser: ${text}`); },
  looked({ answer, began }) {
    sees(answer, began);
    looked?.();
  },
  read({ answer, began }) {
    show({ ...answer, new: true }, began);
    clearTimeout(hiding);
    seenBy = $('type');
    $('says').focus();
  },
  status({ status }) { showStatus(status); },
};
worker.onmessage = ({ data }) => hears[data.kind](data);
worker.onerror = () => trouble('查验程序无法运行', 'The inspector does not run in this browser');

function trouble(zh, en) { two($('trouble'), zh, en); }

// ---- how the phone is ----

function showStatus(s) {
  const time = secondText(s.now);
  mark('clock', !s.doubt, ...(s.doubt ? [`${time} 未确认`, `${time} not confirmed`] : [time, '']));
  $('doubt').hidden = !s.doubt;
  if (s.doubt && $('doubt').dataset.doubt !== s.doubt) two($('doubt'), ...doubts[s.doubt]);
  $('doubt').dataset.doubt = s.doubt || '';
  if (!s.keys) mark('keys', false, '无密钥', 'no keys');
  else {
    const [zh, en] = ageText(s.now - s.keys.fetched), old = s.older ? ['，服务器的更旧，未采用', '; the server has an older one, not taken'] : ['', ''];
    mark('keys', !s.keys.old && !s.older, `密钥 ${zh}前${old[0]}`, `keys ${en} old${old[1]}`);
  }
  $('lists').hidden = !s.lists;
  if (s.lists) {
    const [zh, en] = ageText(s.now - s.lists.issued_at);
    mark('lists', !s.lists.old, `撤销名单 ${zh}前`, `revocations ${en} old`);
  }
  mark('net', s.online, ...(s.online ? ['在线', 'online'] : ['离线', 'offline']));
  showShift(s.shift);
}

function mark(id, good, zh, en) {
  const e = $(id);
  e.dataset.good = good ? 'yes' : 'no';
  if (e.dataset.text === zh) return;
  e.dataset.text = zh;
  two(e.querySelector('dd'), zh, en);
}

// ---- the shift ----

const shiftName = 'inspector-shift';
const guarded = (storage) => { try { return storage(); } catch { return null; } }; // a browser may refuse to store
let shiftText = '';

function showShift(shift) {
  const text = shift.checks?.length ? JSON.stringify(shift) : '';
  if (text === shiftText) return;
  shiftText = text;
  guarded(() => (text ? localStorage.setItem(shiftName, text) : localStorage.removeItem(shiftName)));
  $('count').textContent = shift.checks?.length ?? 0;
  if ($('shift').open) listChecks(shift.checks);
}

function listChecks(checks) {
  const items = (checks ?? []).toReversed().slice(0, 200).map((c) => {
    const li = document.createElement('li'), time = document.createElement('time'), what = document.createElement('span'), s = says(c.reason);
    time.textContent = secondText(c.at);
    two(what, s.zh, s.en);
    li.dataset.light = s.light;
    li.append(time, what);
    if (c.certificate) li.append(Object.assign(document.createElement('code'), { textContent: c.certificate.slice(0, 8) }));
    return li;
  });
  if (!items.length) items.push(Object.assign(document.createElement('li'), { textContent: '尚无记录 Nothing yet' }));
  $('checks').replaceChildren(...items);
}

// ---- what the hand does ----

$('start').onclick = async () => {
  allow();
  await openCamera();
};

const cameraName = 'inspector-camera';
async function openCamera(id = guarded(() => localStorage.getItem(cameraName))) {
  $('trouble').replaceChildren();
  try {
    const opened = await camera.open(id).catch((e) => { if (id && e.name === 'OverconstrainedError') return camera.open(); throw e; });
    const all = await camera.all();
    $('camera').replaceChildren(...all.map((d, i) => new Option(d.label || `摄像头 Camera ${i + 1}`, d.deviceId, false, d.deviceId === opened)));
    $('choose').hidden = all.length < 2;
    $('torch').hidden = !camera.hasTorch();
    $('torch').setAttribute('aria-pressed', 'false');
    $('begin').hidden = true;
    $('aim').hidden = false;
    camera.ended(closed);
    stayAwake();
  } catch (e) {
    closed();
    if (e.name === 'NotAllowedError') trouble('未允许使用摄像头：请在浏览器设置中允许，或点“输入”', 'The camera is not allowed: allow it in the browser’s settings, or use Type or scan');
    else trouble('没有可用的摄像头：可点“输入”', 'No camera can be used: use Type or scan');
  }
}

function closed() {
  camera.close();
  $('begin').hidden = false;
  $('aim').hidden = $('torch').hidden = true;
}

camera.frames((frame, began) => new Promise((done) => {
  looked = done;
  tellWorker('frame', { frame, began }, [frame]);
}));

$('camera').onchange = () => {
  guarded(() => localStorage.setItem(cameraName, $('camera').value));
  openCamera($('camera').value);
};
const toggle = (id, act) => {
  $(id).onclick = async () => {
    const on = $(id).getAttribute('aria-pressed') !== 'true';
    await act(on);
    $(id).setAttribute('aria-pressed', String(on));
  };
};
toggle('torch', (on) => camera.light(on));
toggle('sound', turn);

$('type').onclick = () => {
  $('typing').querySelector('input').value = '';
  $('typing').showModal();
};
$('typing').onclose = () => {
  const text = $('typing').querySelector('input').value.trim();
  if ($('typing').returnValue === 'read' && text) tellWorker('read', { text, began: performance.now() });
  $('typing').returnValue = '';
};
$('history').onclick = () => {
  listChecks(shiftText ? JSON.parse(shiftText).checks : []);
  $('shift').showModal();
};
$('end').onclick = () => $('sure').showModal();
$('sure').onclose = () => {
  if ($('sure').returnValue !== 'end') return;
  $('sure').returnValue = '';
  tellWorker('end');
  hide();
  $('shift').close();
  if (signedIn) signOut().catch(() => {}).then(learnWho);
};

// The screen stays on while the camera looks.
async function stayAwake() {
  try { await navigator.wakeLock?.request('screen'); } catch { /* the battery is low */ }
}
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  tellWorker('sync');
  learnWho();
  if ($('begin').hidden) stayAwake();
});
for (const event of ['online', 'offline']) window.addEventListener(event, () => { tellWorker('sync'); learnWho(); });
learnWho();

navigator.serviceWorker?.register('sw.js', { updateViaCache: 'none' }).catch(() => {}); // without it the page is not there with the network cut
