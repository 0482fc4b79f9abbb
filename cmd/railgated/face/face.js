// The gate's face follows the gate by server-sent events and shows what it says. It
// decides nothing: light, words and their time come with each event.
'use strict';

// The picture for an answer, by its sound: one for each kind.
const pictures = { pass: 'pass', again: 'again', staff: 'staff', alarm: 'one' };
const states = { idle: 'idle', emergency: 'pass', free_passage: 'pass', out_of_service: 'closed', not_open: 'closed', diagnosis: 'closed', not_provisioned: 'closed' };

const directions = { entry: ['进站', 'Entry'], exit: ['出站', 'Exit'], check: ['实名核验', 'ID check'] };

const lostWords = [{ language: 'zh', text: '屏幕未连接，请走其他通道' }, { language: 'en', text: 'No connection: please use another lane' }];

// A gate that says nothing for so long is gone: it speaks every two seconds.
const silence = 5000;

const body = document.body;
const words = document.getElementById('words');

function write(lines) {
  words.replaceChildren(...lines.map(({ language, text }, i) => {
    const p = document.createElement('p');
    p.lang = language;
    p.textContent = text;
    if (i === 0) { // what the screen says now
      p.setAttribute('role', 'heading');
      p.ariaLevel = 2;
    }
    if (language === 'zh') p.className = text.length <= 4 ? 'short' : text.length > 8 ? 'long' : '';
    return p;
  }));
}

function show(s) {
  resting = !s.seconds;
  body.dataset.face = pictures[s.sound] || states[s.reason] || 'staff';
  body.dataset.light = s.light;
  body.dataset.reason = s.reason;
  write(s.words);
}

function introduce(e) {
  const names = !e.provision && directions[e.direction] || ['', '']; // which it will be is not known yet
  document.getElementById('gate').textContent = [e.station, e.gate].filter(Boolean).join(' ') || 'railgate';
  document.querySelectorAll('#direction span').forEach((span, i) => { span.textContent = names[i]; });
  buzzer = e.buzzer;
  if (!buzzer) audio ??= new AudioContext(); // which takes a moment
  body.dataset.direction = e.direction;
  body.dataset.mode = e.mode;
  serve(e.service, e.service_left);
  diagnosed = e.service === 'diagnosis' ? e.diagnosis : null;
  enrolls = e.enroll;
}

// ---- a takeover by staff: what they made of the lane, and for how long yet ----

const services = { free: '放行 free', closed: '关闭 closed', diagnosis: '检修 diagnosis' };

let serving;

function serve(service, left) {
  const p = document.getElementById('service');
  clearInterval(serving);
  p.hidden = !service;
  if (!service) return;
  const end = performance.now() + left * 1000;
  const tell = () => {
    const s = Math.max(0, Math.round((end - performance.now()) / 1000));
    p.textContent = `${services[service] || service} ${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`;
  };
  tell();
  serving = setInterval(tell, 1000);
}

// ---- the diagnosis, for staff who asked for it: what is wrong and what hands do, how each
// part is, and the code by which a station enrolls the gate. An answer to a passenger comes
// before it.

let diagnosed, enrolls, resting = true;

function element(name, text, kind) {
  const e = document.createElement(name);
  e.textContent = text;
  if (kind) e.className = kind;
  return e;
}

function diagnose() {
  const page = document.getElementById('diagnosis'), img = document.getElementById('enroll'), on = Boolean(diagnosed && resting) && !body.hasAttribute('data-setup');
  if (on && enrolls && img.hidden) img.src = 'enroll.svg';
  img.hidden = !(on && enrolls);
  page.hidden = !on;
  body.dataset.diagnosis = on ? 'on' : 'off';
  if (!on) return;
  page.querySelector('table').replaceChildren(...diagnosed.facts.map(([name, text]) => {
    const row = document.createElement('tr');
    row.append(element('th', name), element('td', text));
    return row;
  }));
  // As many causes, with what to do, as the screen has room for.
  for (const [most, told] of [[3, 3], [3, 1], [2, 1], [1, 1], [1, 0]]) {
    page.querySelector('ul').replaceChildren(...causeItems(most, told));
    if (Math.max(page.getBoundingClientRect().bottom, img.getBoundingClientRect().bottom) <= innerHeight) break;
  }
}

// causeItems are the first causes, and what to do about the first of these.
function causeItems(most, told) {
  const items = diagnosed.causes.slice(0, most).map((c, i) => {
    const item = element('li', '', c.severity);
    item.append(element('b', c.what));
    if (i < told) item.append(element('span', c.do));
    return item;
  });
  const more = diagnosed.causes.length - items.length;
  if (more > 0) items.push(element('li', `${more} more: railgate doctor`, 'more'));
  if (!diagnosed.causes.length) items.push(element('li', '✓ nothing is wrong', 'healthy'));
  return items;
}

// ---- a gate that is no station's yet: its keys as a code and as lines, and what to do next ----

function setUp(provision) {
  const on = Boolean(provision) && body.dataset.reason === 'not_provisioned', section = document.getElementById('setup');
  body.toggleAttribute('data-setup', on);
  section.hidden = !on;
  if (!on) return;
  const code = document.getElementById('setup-code');
  if (!code.getAttribute('src')) code.src = 'enroll.svg';
  document.getElementById('setup-lines').replaceChildren(...(provision.lines || []).map((line) => {
    const li = document.createElement('li');
    li.textContent = line;
    return li;
  }));
  document.getElementById('setup-typed').hidden = Boolean(provision.signer);
  document.getElementById('setup-confirm').hidden = !provision.signer;
  document.getElementById('setup-signer').textContent = provision.signer || '';
  document.getElementById('setup-settings').textContent = provision.settings || '';
  document.getElementById('setup-command').textContent = provision.signer ? `railgate provision --confirm '${provision.signer}'` : '';
}

// ---- sound, where the gate has no buzzer ----

// A buzzer's times in milliseconds, on and off in turn, and a pitch for each kind.
const melodies = { pass: [[100], 1047], again: [[100, 100, 100], 659], staff: [[600], 440], alarm: [[400, 200, 400, 200, 400], 880] };

let buzzer = true, audio;

// play sounds at once or not at all: a browser that wants a tap before it makes a sound
// must not make this one later.
async function play(kind) {
  if (buzzer || !melodies[kind]) return;
  const asked = performance.now();
  await audio.resume();
  if (performance.now() - asked > 300) return;
  const [times, pitch] = melodies[kind], tone = audio.createOscillator(), loud = audio.createGain();
  tone.frequency.value = pitch;
  tone.connect(loud).connect(audio.destination);
  let at = audio.currentTime;
  loud.gain.value = 0;
  times.forEach((ms, i) => {
    loud.gain.setTargetAtTime(i % 2 ? 0 : 0.5, at, 0.005); // without a click
    at += ms / 1000;
  });
  loud.gain.setTargetAtTime(0, at, 0.005);
  tone.start();
  tone.stop(at + 0.1);
  body.dataset.played = kind;
}

function lose() {
  diagnosed = null;
  diagnose();
  body.dataset.face = 'lost';
  body.dataset.light = 'dark';
  body.dataset.reason = 'lost';
  setUp(null);
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
  let opened = Infinity;
  source.onopen = () => { opened = performance.now(); };
  source.addEventListener('beat', alive);
  source.onmessage = (message) => {
    alive();
    const e = JSON.parse(message.data);
    if (outdated(e.version)) return;
    introduce(e);
    if (e.show) show(e.show);
    setUp(e.provision);
    diagnose();
    if (e.show && performance.now() - opened > 500) play(e.show.sound); // what was shown before is not news
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
