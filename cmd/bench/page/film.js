// The conductor and the police window. A bench has no camera: it films what the conductor looks
// at, and gives the inspector's page that film where it asks for a camera. The page reads it as
// any other.
'use strict';

const film = Object.assign(document.createElement('canvas'), { width: 720, height: 960 }), lens = film.getContext('2d');
const still = matchMedia('(prefers-reduced-motion: reduce)');
const framesASecond = 12;
let rolling = null, aim = 'phone', paper = null;

// sights are what the conductor may look at: a canvas with a code, or nothing.
const sights = { phone: shownCode, paper: () => paper, '': () => null };

function shoot() {
  const code = sights[aim](), side = 500, t = still.matches ? 0 : performance.now() / 1000;
  lens.setTransform(1, 0, 0, 1, 0, 0);
  lens.fillStyle = '#3b4652';
  lens.fillRect(0, 0, film.width, film.height);
  if (!code) return;
  lens.translate(film.width / 2 + 12 * Math.sin(1.3 * t), film.height / 2 + 12 * Math.sin(1.7 * t)); // nobody holds quite still
  lens.rotate(0.04 * Math.sin(0.9 * t));
  lens.fillStyle = '#fff';
  lens.fillRect(-side / 2 - 36, -side / 2 - 36, side + 72, side + 72);
  lens.drawImage(code, -side / 2, -side / 2, side, side);
}

// openFilm is what a page gets for a camera.
function openFilm() {
  const stream = film.captureStream(framesASecond);
  shoot();
  clearInterval(rolling);
  rolling = setInterval(() => (stream.active ? shoot() : clearInterval(rolling)), 1000 / framesASecond);
  return stream;
}

function look(at) {
  aim = at;
  for (const b of document.querySelectorAll('[data-aim]')) b.setAttribute('aria-pressed', b.dataset.aim === at);
}
for (const b of document.querySelectorAll('[data-aim]')) b.onclick = () => look(b.dataset.aim);

// The frames come with whoever is seen: the inspector's program is large.
const devices = {
  conductor: { id: 'inspector', at: 'conductor/inspect/', title: '列车长的手机 The conductor’s phone', load: putFilmIn },
  window: { id: 'desk', at: 'window/desk/', title: '制证窗口的电脑 The window’s computer', load: watchPrinter },
};

function seat(who) {
  const d = devices[who], place = document.querySelector(`.${who} .case`);
  if (!d || place.children.length) return;
  const frame = make('iframe', { id: d.id, title: d.title, allow: 'camera' });
  frame.onload = () => d.load(frame.contentWindow);
  frame.src = d.at;
  place.append(frame);
}

function putFilmIn(page) {
  const camera = { deviceId: 'film', kind: 'videoinput', label: '试验台的画面 The bench’s film', groupId: '' };
  const media = page.navigator.mediaDevices ?? {}; // a page that came by plain HTTP from elsewhere has none
  media.getUserMedia = async () => openFilm();
  media.enumerateDevices = async () => [camera];
  Object.defineProperty(page.navigator, 'mediaDevices', { value: media, configurable: true });
}

// What the window prints is the paper in the passenger's hand, until it prints another.
function watchPrinter(page) {
  const sheet = page.document.querySelector('svg#code');
  if (!sheet) return; // somebody signs in first
  new MutationObserver(() => {
    const path = sheet.querySelector('path');
    if (!path) return; // the sheet is put away: the paper is not
    const { width: size } = sheet.viewBox.baseVal, quiet = 4, scale = 12, e = document.createElement('canvas'), ink = e.getContext('2d');
    e.width = e.height = (size + 2 * quiet) * scale;
    ink.fillStyle = '#fff';
    ink.fillRect(0, 0, e.width, e.height);
    ink.setTransform(scale, 0, 0, scale, quiet * scale, quiet * scale);
    ink.fillStyle = '#000';
    ink.fill(new Path2D(path.getAttribute('d')));
    paper = e;
    document.body.dataset.paper = 'yes';
  }).observe(sheet, { childList: true });
}

$('paper').onclick = () => (paper ? paper.toBlob(hold, 'image/png') : said('还没有纸质证明：请先在窗口开具 · No paper yet: have the window issue one'));

// Whoever is seen has a frame.
const four = matchMedia('(min-width: 1280px)');
function seatAll() {
  const { tab } = document.body.dataset;
  for (const who of Object.keys(devices)) if (tab === who || (four.matches && tab in { lane: 1, conductor: 1, window: 1 })) seat(who);
}
four.addEventListener('change', seatAll);
new MutationObserver(seatAll).observe(document.body, { attributeFilter: ['data-tab'] });
addEventListener('load', seatAll); // the passenger and the gate come first
