
// What follows is the same for each page of this module that opens with the network cut, from the second
// time on. Before it the page's own worker names its caches (kept).

// The server writes the page's version here and the files that it is made of. A browser that sees
// another worker fetches that one's files, all of them, before it takes over: what is shown is always
// of one version.
const version = '{{version}}';
const files = JSON.parse('{{files}}');
const cacheName = kept + version;

self.addEventListener('install', (e) => e.waitUntil(fetchAll().then(() => self.skipWaiting())));

// fetchAll fills the cache. What has come is kept: where the network is so bad that some file does
// not come, the next try asks only for what is missing.
async function fetchAll() {
  const cache = await caches.open(cacheName);
  await Promise.all(files.map(async (file) => {
    const url = file || './';
    if (await cache.match(url)) return;
    const answer = await fetch(url, { cache: file.startsWith('v/') ? 'default' : 'reload' }); // what has a version never changes
    if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
    // index.html has no version in its path
    if (!file && !(await answer.clone().text()).includes(version)) throw new Error('the page is of another version');
    await cache.put(url, answer);
  }));
}

// The version before this one stays for pages that are being loaded just now. Other pages of this
// server have caches of their own.
self.addEventListener('activate', (e) => e.waitUntil((async () => {
  const others = (await caches.keys()).filter((name) => name.startsWith(kept) && name !== cacheName);
  await Promise.all(others.slice(0, -1).map((name) => caches.delete(name)));
  await self.clients.claim();
})()));

self.addEventListener('fetch', (e) => {
  const { scope } = self.registration, { request } = e;
  if (request.method !== 'GET' || !request.url.startsWith(scope)) return;
  const path = request.url.slice(scope.length).split(/[?#]/)[0];
  if (files.includes(path) || path.startsWith('v/')) e.respondWith(find(path || './', request)); // nothing else, as of /api/, is ever kept
});

// find answers with a file of this version, or with one whose path names another.
async function find(path, request) {
  const cache = await caches.open(cacheName);
  return (await cache.match(path)) || (path.startsWith('v/') && (await caches.match(path))) || fetch(request);
}
