// The bench: what the passenger's hand does, and a turnstile that follows the gate.
'use strict';

const $ = (id) => document.getElementById(id);
const said = (text, kind = '') => { $('said').textContent = text; $('said').className = kind; };

let screenshot = null; // the picture that was held last
let heldAt = 0;        // when, by the monotonic clock

// picture is the code that the phone shows, as the gate's camera would see it.
function picture() {
  const page = $('phone').contentDocument;
  const canvas = [...(page ? page.querySelectorAll('canvas') : [])].find((c) => c.getClientRects().length > 0);
  return canvas ? new Promise((done) => canvas.toBlob(done, 'image/png')) : Promise.resolve(null);
}

async function hold(blob) {
  if (!blob) {
    said('手机上还没有二维码，请先申请 · No code on the phone yet: apply first');
    return;
  }
  heldAt = performance.now();
  const answer = await fetch('hold', { method: 'POST', body: blob, headers: { 'Content-Type': 'image/png' } });
  if (!answer.ok) said(await answer.text(), 'bad');
}

$('hold').onclick = async () => {
  const blob = await picture();
  if (blob) screenshot = blob;
  hold(blob);
};
$('again').onclick = () => (screenshot ? hold(screenshot) : said('还没有出示过二维码 · Nothing was held yet'));

const post = (path) => fetch(path, { method: 'POST' });
$('walk').onclick = () => post('walk');
$('fire').onclick = () => {
  const on = $('fire').getAttribute('aria-pressed') !== 'true';
  $('fire').setAttribute('aria-pressed', on);
  post('fire?on=' + (on ? 1 : 0));
};
for (const b of document.querySelectorAll('[data-advance]')) {
  b.onclick = async () => {
    const answer = await post('advance?seconds=' + b.dataset.advance);
    if (!answer.ok) said(await answer.text(), 'bad');
    // the phone asks for the time anew
    $('phone').contentWindow?.dispatchEvent(new Event('railgate:time'));
  };
}

// The turnstile follows what the gate tells its own screen.
let mode = '';
const gate = new EventSource('gate/events');
gate.onmessage = (message) => {
  const e = JSON.parse(message.data), t = $('turnstile');
  t.dataset.mode = e.mode;
  if (e.mode === 'passed' && mode !== 'passed') {
    $('person').classList.remove('walks');
    void $('person').getBoundingClientRect(); // begin the walk anew
    $('person').classList.add('walks');
  }
  mode = e.mode;
  if (!e.show) return;
  t.dataset.light = e.show.light;
  t.dataset.face = e.show.reason;
  if (heldAt && e.show.seconds > 0) {
    const began = heldAt;
    heldAt = 0;
    requestAnimationFrame(() => {
      const ms = Math.round(performance.now() - began);
      document.body.dataset.lit = ms;
      said(`${e.show.words.map((w) => w.text).join(' · ')} (${ms} ms)`, e.show.light === 'green' ? 'good' : 'bad');
    });
  }
};
gate.onerror = () => { $('turnstile').dataset.light = 'dark'; };

// What happened, a line each, newest first.
const passages = new EventSource('passages');
passages.onmessage = (message) => {
  const p = JSON.parse(message.data), li = document.createElement('li'), b = document.createElement('b');
  b.textContent = p.result;
  li.append(p.time + ' ', b, ' ' + p.text);
  li.className = p.decision;
  $('log').prepend(li);
  while ($('log').children.length > 8) $('log').lastChild.remove();
};
passages.addEventListener('clock', (message) => { $('clock').textContent = message.data; });
