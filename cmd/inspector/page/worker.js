// The worker runs the inspector (WebAssembly): it looks at frames, decides, asks the server for the
// time and the keyset, and keeps the keyset for when the network is cut. The page shows what it says.
'use strict';

importScripts('wasm_exec.js');

const go = new Go();
const ready = WebAssembly.instantiateStreaming(fetch('inspector.wasm'), go.importObject).then(({ instance }) => {
  go.run(instance); // until it waits: then the object "inspector" is there
  return recall();
}).then(() => postMessage({ kind: 'ready' }), (e) => postMessage({ kind: 'broken', text: String(e) }));

const base = new URL('../../', self.location); // the page's
const dataCache = 'inspector-data';
const instant = () => [performance.now(), Date.now()];

// ---- what a server has ----

// A server is asked every half minute, and every three seconds where there was none or the time is
// in doubt.
const often = 3000, seldom = 30000, patience = 8000;
let online = false, asked = -Infinity, asking = null, older = false;

const ask = (path) => fetch(new URL(path, base), { cache: 'no-store', signal: AbortSignal.timeout(patience) });

function sync() {
  asked = performance.now();
  asking ??= fetchAll().then(() => { online = true; }, () => { online = false; }).finally(() => { asking = null; tell(); });
  return asking;
}

async function fetchAll() {
  const sent = instant(), answer = await ask('now'), got = instant();
  if (!answer.ok) throw new Error(`now: ${answer.status}`);
  const { now } = await answer.json();
  inspector.hear(now, ...sent, ...got);
  const keys = await ask('keys.json');
  if (keys.ok) await takeKeys(await keys.text(), now);
  const [revokers, list] = await Promise.all([ask('revokers.json'), ask('revocations')]);
  if (revokers.ok && list.ok) await takeList(await revokers.text(), await list.arrayBuffer()); // a server may have none
}

// What is taken is kept for when the network is cut. A browser may refuse to keep.
async function takeKeys(text, now) {
  const wrong = inspector.keys(text, now);
  older = wrong === 'older';
  if (!wrong) await keep('keys.json', text, now);
}

async function takeList(revokers, list) {
  if (inspector.revocations(revokers, new Uint8Array(list), ...instant())) return; // the one that is held goes on
  await keep('revokers.json', revokers, 0);
  await keep('revocations', list, 0);
}

async function keep(name, data, now) {
  const cache = await caches.open(dataCache).catch(() => null);
  await cache?.put(new URL(name, base), new Response(data, { headers: { 'Railgate-Fetched': String(now) } }));
}

// recall takes what was kept.
async function recall() {
  try {
    const cache = await caches.open(dataCache);
    const [keys, revokers, list] = await Promise.all(['keys.json', 'revokers.json', 'revocations'].map((name) => cache.match(new URL(name, base))));
    if (keys) inspector.keys(await keys.text(), Number(keys.headers.get('Railgate-Fetched')));
    if (revokers && list) inspector.revocations(await revokers.text(), new Uint8Array(await list.arrayBuffer()), ...instant());
  } catch { /* there is nothing */ }
}

function tell() {
  const status = JSON.parse(inspector.status(...instant()));
  postMessage({ kind: 'status', status: { ...status, online, older } });
  return status;
}

function tick() {
  const { doubt, keys } = tell();
  const since = performance.now() - asked;
  if (since >= (online && !doubt && keys ? seldom : often)) sync();
}

// ---- frames ----

let buffer = new ArrayBuffer(0), canvas, context;
const planar = new Set(['I420', 'I420A', 'I422', 'I444', 'NV12']); // their first plane is brightness

// brightness is a frame's, a byte a pixel.
async function brightness(frame) {
  if (planar.has(frame.format)) {
    const size = frame.allocationSize();
    if (buffer.byteLength < size) buffer = new ArrayBuffer(size);
    const [{ offset, stride }] = await frame.copyTo(buffer), { width, height } = frame.visibleRect;
    return [new Uint8Array(buffer, offset, stride * height), width, height, stride];
  }
  const width = frame.displayWidth ?? frame.width, height = frame.displayHeight ?? frame.height;
  if (canvas?.width !== width || canvas.height !== height) {
    canvas = new OffscreenCanvas(width, height);
    context = canvas.getContext('2d', { willReadFrequently: true, alpha: false });
  }
  context.drawImage(frame, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height), grey = new Uint8Array(width * height);
  for (let i = 0, j = 0; i < grey.length; i++, j += 4) grey[i] = (data[j] * 77 + data[j + 1] * 150 + data[j + 2] * 29) >> 8; // ITU-R BT.601
  return [grey, width, height, width];
}

async function look(frame) {
  try {
    return inspector.look(...await brightness(frame), ...instant());
  } finally {
    frame.close();
  }
}

// ---- the page asks ----

const does = {
  async frame({ frame, began }) {
    let answer = null;
    try {
      answer = JSON.parse(await look(frame));
    } finally {
      postMessage({ kind: 'looked', answer, began });
    }
    if (answer?.new) tell(); // it is in the shift, which the page keeps
  },
  read({ text, began }) { postMessage({ kind: 'read', answer: JSON.parse(inspector.read(text, ...instant())), began }); },
  sync,
  resume({ shift }) { inspector.resume(shift); },
  end() { inspector.end(); },
  begin() {
    tick();
    setInterval(tick, 1000);
  },
};

self.onmessage = async ({ data }) => {
  await ready;
  await does[data.kind](data);
  if (data.kind !== 'frame') tell();
};
