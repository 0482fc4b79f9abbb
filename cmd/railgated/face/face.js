// The gate's face follows the gate by server-sent events and shows what it says. It
// decides nothing: light, words and their time come with each event.
'use strict';

// The picture for an answer, by its sound: one for each kind.
const pictures = { pass: 'pass', again: 'again', staff: 'staff', alarm: 'one' };
const states = { idle: 'idle', emergency: 'pass', free_passage: 'pass', out_of_service: 'closed', diagnosis: 'closed' };

const directions = { entry: ['进站', 'Entry'], exit: ['出站', 'Exit'], check: ['实名核验', 'ID check'] };

const lostWords = [{ language: 'zh', text: '屏幕未连接，请走其他通道' }, { language: 'en', text: 'No connection: please use another lane' }];

// A gate that says nothing for so long is gone: it speaks every two seconds.
const silence = 5000;

const body = document.body;
const words = document.getElementById('words');

function write(lines) {
  words.replaceChildren(...lines.map(({ language, text }) => {
    const p = document.createElement('p');
    p.lang = language;
    p.textContent = text;
    if (language === 'zh') p.className = text.length <= 4 ? 'short' : text.length > 8 ? 'long' : '';
    return p;
  }));
}

function show(s) {
  body.dataset.face = pictures[s.sound] || states[s.reason] || 'staff';
  body.dataset.light = s.light;
  body.dataset.reason = s.reason;
  write(s.words);
}

function introduce(e) {
  const [zh, en] = directions[e.direction] || ['', ''];
  document.getElementById('gate').textContent = [e.station, e.gate].filter(Boolean).join(' ');
  document.getElementById('direction').textContent = `${zh} ${en}`;
  body.dataset.direction = e.direction;
  body.dataset.mode = e.mode;
}

function lose() {
  body.dataset.face = 'lost';
  body.dataset.light = 'dark';
  body.dataset.reason = 'lost';
  write(lostWords);
}

// Listening. A connection that ends, that a proxy answers with an error of its own, or
// that says nothing is opened again a second later, for as long as it takes: an
// EventSource alone gives up for good at any answer that is not a stream.
const again = 1000;

let source, watch, retry;

function alive() {
  clearTimeout(watch);
  watch = setTimeout(() => { lose(); listen(); }, silence);
}

function listen() {
  source?.close();
  clearTimeout(retry);
  alive();
  source = new EventSource('events');
  source.addEventListener('beat', alive);
  source.onmessage = (message) => {
    alive();
    const e = JSON.parse(message.data);
    if (outdated(e.version)) return;
    introduce(e);
    if (e.show) show(e.show);
  };
  source.onerror = () => {
    source.close();
    clearTimeout(watch);
    watch = setTimeout(lose, 500);
    retry = setTimeout(listen, again);
  };
}

// outdated tells whether this page is of another version than the gate, and loads it
// again if so: once for each version, for a cache on the way may give the old one.
function outdated(version) {
  if (!version || version === body.dataset.version || sessionStorage.getItem('version') === version) return false;
  sessionStorage.setItem('version', version);
  location.reload();
  return true;
}

listen();
