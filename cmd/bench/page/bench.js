// The bench: what the passenger's hand does, and a turnstile that follows the gate.
'use strict';

const $ = (id) => document.getElementById(id);
const said = (text, kind = '') => { $('said').textContent = text; $('said').className = kind; };

let screenshot = null; // the picture that was held last
let heldAt = 0;        // when, by the monotonic clock

// shownCode is the canvas with the code that the phone shows.
function shownCode() {
  const page = $('phone').contentDocument;
  return [...(page ? page.querySelectorAll('canvas') : [])].find((c) => c.getClientRects().length > 0);
}

// picture is that code as the gate's camera would see it.
function picture() {
  const canvas = shownCode();
  return canvas ? new Promise((done) => canvas.toBlob(done, 'image/png')) : Promise.resolve(null);
}

// asSeen is a picture as a hand holds it: never quite straight, never twice alike.
async function asSeen(blob) {
  const image = await createImageBitmap(blob), canvas = document.createElement('canvas'), pen = canvas.getContext('2d');
  const some = (most) => (Math.random() * 2 - 1) * most;
  canvas.width = canvas.height = Math.ceil(image.width * 1.25);
  pen.fillStyle = '#59636e';
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.translate(canvas.width / 2 + some(6), canvas.height / 2 + some(6));
  pen.rotate(some(0.07));
  const scale = 1 + some(0.05);
  pen.scale(scale, scale);
  pen.drawImage(image, -image.width / 2, -image.height / 2);
  return new Promise((done) => canvas.toBlob(done, 'image/png'));
}

async function hold(blob) {
  if (!blob) {
    said('手机上还没有二维码，请先申请 · No code on the phone yet: apply first');
    return;
  }
  delete document.body.dataset.lit;
  const picture = await asSeen(blob);
  heldAt = performance.now();
  const answer = await fetch('hold', { method: 'POST', body: picture, headers: { 'Content-Type': 'image/png' } });
  if (!answer.ok) said(await answer.text(), 'bad');
  setTimeout(() => {
    if (heldAt) said('同一画面3秒内只读一次，或未读到，请再试 · The same picture within 3 s is one reading; or it was not read: try again');
  }, 2000);
}

$('hold').onclick = async () => {
  const blob = await picture();
  if (blob) screenshot = blob;
  hold(blob);
};
$('again').onclick = () => (screenshot ? hold(screenshot) : said('还没有出示过二维码 · Nothing was held yet'));

const post = (path) => fetch(path, { method: 'POST' });
$('walk').onclick = () => { stroll(); post('walk'); };
$('fire').onclick = () => {
  const on = $('fire').getAttribute('aria-pressed') !== 'true';
  $('fire').setAttribute('aria-pressed', on);
  post('fire?on=' + (on ? 1 : 0));
};
$('staff').onclick = async () => { // free passage, closed, diagnosis, and back, in turn
  const answer = await post('staff');
  if (answer.ok) hold(await answer.blob());
  else said(await answer.text(), 'bad');
};
for (const b of document.querySelectorAll('[data-advance]')) {
  b.onclick = async () => {
    const answer = await post('advance?seconds=' + b.dataset.advance);
    if (!answer.ok) said(await answer.text(), 'bad');
    // the phone asks for the time again
    $('phone').contentWindow?.dispatchEvent(new Event('railgate:time'));
  };
}

// The turnstile follows the gate's own screen, in the frame beside it; and the time from
// the hand to the lit screen is taken there.
function watchGate() {
  const screen = $('gate').contentDocument?.body, t = $('turnstile');
  if (!screen) return;
  const seen = (changes) => {
    const now = screen.dataset;
    [t.dataset.mode, t.dataset.light, t.dataset.face] = [now.mode, now.light, now.reason];
    walk(now.mode === 'granted' && now.light === 'green');
    const answered = changes.some((c) => c.attributeName === 'data-light') && (now.light === 'green' || now.light === 'red');
    if (heldAt && answered) { // on a busy machine the frame may come when the answer is over
      const answer = { reason: now.reason, light: now.light, words: [...screen.querySelectorAll('#words p')].map((p) => p.textContent).join(' · ') };
      requestAnimationFrame(() => lit(answer));
    }
  };
  new MutationObserver(seen).observe(screen, { attributes: true });
  seen([]);
}
$('gate').onload = watchGate;
watchGate();

// walk: whoever is let through walks for as long as the gate is green for them. stroll:
// somebody whom nobody let through.
function walk(is) {
  if (is) $('person').classList.remove('strolls');
  $('person').classList.toggle('walks', is);
}
function stroll() {
  if (!$('person').classList.contains('walks')) $('person').classList.add('strolls');
}
$('person').onanimationend = () => $('person').classList.remove('strolls');

function lit({ reason, light, words }) {
  if (!heldAt) return;
  const ms = Math.round(performance.now() - heldAt);
  heldAt = 0;
  document.body.dataset.lit = ms;
  document.body.dataset.reason = reason;
  said(`${words} (${ms} ms)`, light === 'green' ? 'good' : 'bad');
}

// What happened, a line each, newest first. A stream that ends is opened again.
function follow(path) {
  const stream = new EventSource(path);
  stream.onmessage = (message) => {
    const p = JSON.parse(message.data), li = document.createElement('li'), b = document.createElement('b');
    b.textContent = p.result;
    li.append(p.time + ' ', b, ' ' + p.text);
    li.className = p.decision;
    $('log').prepend(li);
    while ($('log').children.length > 8) $('log').lastChild.remove();
  };
  stream.addEventListener('clock', (message) => { $('clock').textContent = message.data; });
  stream.addEventListener('moved', () => $('inspector')?.contentWindow?.dispatchEvent(new Event('online'))); // it asks for the time again
  stream.onerror = () => {
    stream.close();
    setTimeout(follow, 1000, path);
  };
}
follow('passages');
