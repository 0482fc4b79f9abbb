// The station's page: signed in, it shows the newest of the stream, and says when that is
// not live.

import { show, forget } from './view.js';
import { two } from './words.js';

const $ = (id) => document.getElementById(id);
const body = document.body;

// silence is how long the stream may say nothing: the station speaks every 2 seconds.
const silence = 6000;
// again is how long after a stream's end it is opened again. An EventSource alone gives
// up at any answer that is not a stream.
const again = 1000;

let source, watch, retry, lost = null;

async function ask(method, path, value) {
  const answer = await fetch(path, { method, headers: value ? { 'Content-Type': 'application/json' } : {}, body: value && JSON.stringify(value), signal: AbortSignal.timeout(15000) });
  let said = {};
  try { said = await answer.json(); } catch { /* a proxy's own page */ }
  return { status: answer.status, said };
}

function live(is) {
  if (is) lost = null;
  else lost ??= new Date();
  body.dataset.live = is ? 'yes' : 'no';
  if (is) two($('live'), '实时', 'live');
  else two($('live'), '连接中断，数据不是最新', `not live since ${lost.toTimeString().slice(0, 8)}`);
}

function alive() {
  clearTimeout(watch);
  watch = setTimeout(() => { live(false); listen(); }, silence);
}

function stop() {
  source?.close();
  source = undefined;
  clearTimeout(watch);
  clearTimeout(retry);
}

function listen() {
  stop();
  watch = setTimeout(() => { live(false); listen(); }, silence);
  source = new EventSource('api/events');
  let first = true;
  source.onmessage = (message) => {
    const news = JSON.parse(message.data);
    if (outdated(news.page)) return;
    alive();
    live(true);
    show(news, first);
    first = false;
  };
  source.addEventListener('broken', () => { live(false); alive(); });
  source.addEventListener('signedout', signedOut);
  source.onerror = async () => {
    stop();
    live(false);
    retry = setTimeout(open, again);
  };
}

// outdated tells whether this page is of another version than the station, and loads it
// again if so: once for each version, for a cache on the way may give the old one.
function outdated(version) {
  if (!version || version === body.dataset.version || sessionStorage.getItem('version') === version) return false;
  sessionStorage.setItem('version', version);
  location.reload();
  return true;
}

function signedOut() {
  stop();
  forget();
  lost = null;
  body.dataset.live = 'no';
  $('live').textContent = '';
  $('station').hidden = $('signout').hidden = true;
  $('sign').hidden = false;
  $('passphrase').focus();
}

// open finds out whether this browser is signed in, and goes on from there.
async function open() {
  try {
    const { status } = await ask('GET', 'api/overview');
    if (status === 200) {
      $('sign').hidden = true;
      $('station').hidden = $('signout').hidden = false;
      listen();
      return;
    }
    if (status === 401 || status === 503) {
      signedOut();
      if (status === 503) two($('refused'), '尚未设置口令，请运行 station passphrase', 'No passphrase is set: run station passphrase');
      return;
    }
  } catch { /* no network: try again */ }
  live(false);
  retry = setTimeout(open, again);
}

const refusals = {
  passphrase: ['口令错误', 'Wrong passphrase'], too_many: ['尝试过多，请稍候', 'Too many tries: wait a little'],
  no_passphrase: ['尚未设置口令，请运行 station passphrase', 'No passphrase is set: run station passphrase'],
};

document.querySelector('#sign form').onsubmit = async (e) => {
  e.preventDefault();
  const button = e.target.querySelector('button');
  button.disabled = true;
  $('refused').textContent = '';
  try {
    const { status, said } = await ask('POST', 'api/signin', { passphrase: $('passphrase').value });
    if (status === 200) {
      $('passphrase').value = '';
      await open();
    } else {
      two($('refused'), ...(refusals[said.error] ?? ['无法登录', 'Signing in failed']));
    }
  } catch {
    two($('refused'), '车站服务器无响应', 'The station does not answer');
  }
  button.disabled = false;
  if (!$('sign').hidden) $('passphrase').select();
};

$('signout').onclick = async () => {
  try {
    await ask('POST', 'api/signout', {});
  } catch { /* no network: what is shown goes, the session ends by itself */ }
  signedOut();
};

open();
