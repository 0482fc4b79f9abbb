// The service worker keeps the page itself for when the network is cut, and, in memory
// only, what a signed-in user's page shows: so that it can be opened again meanwhile.
'use strict';

const cacheName = 'page';
const files = ['./', 'phone.css', 'phone.js', 'talk.js', 'words.js', 'qr.js', 'code.js', 'icon.svg', 'manifest.webmanifest'];

self.addEventListener('install', (e) => {
  e.waitUntil(caches.open(cacheName).then((c) => c.addAll(files)).then(() => self.skipWaiting()));
});
self.addEventListener('activate', (e) => e.waitUntil(self.clients.claim()));

// Nothing of /api/ is ever kept.
const kept = (request) => {
  const url = new URL(request.url), scope = self.registration.scope;
  return request.method === 'GET' && request.url.startsWith(scope) && files.includes(url.href.slice(scope.length).split(/[?#]/)[0] || './');
};

self.addEventListener('fetch', (e) => {
  if (kept(e.request)) e.respondWith(fresh(e.request));
});

// fresh prefers the network, and does not wait long for it.
async function fresh(request) {
  const cache = await caches.open(cacheName);
  try {
    const answer = await Promise.race([fetch(request), new Promise((_, late) => { setTimeout(late, 3000); })]);
    if (answer.ok) {
      await cache.put(request, answer.clone());
      return answer;
    }
    if (answer.status < 500) return answer;
  } catch { /* cut, or too slow */ }
  return (await cache.match(request, { ignoreSearch: true })) || Response.error();
}

// What is shown, with the issuer's time: counted on by this worker's monotonic clock,
// never by the phone's date. It is gone when the browser puts the worker to sleep.
let memory = null;

self.addEventListener('message', (e) => {
  const { kind, shown, now } = e.data;
  if (kind === 'keep') memory = { shown, now, at: performance.now() };
  if (kind === 'forget') memory = null;
  if (kind === 'recall') e.ports[0].postMessage(memory && { shown: memory.shown, now: memory.now + performance.now() - memory.at });
});
