// The passenger's service worker begins here; package pages adds what keeps the page itself for when the
// network is cut. What a signed-in user's page shows is kept in memory only, so that it can be opened
// again meanwhile.
'use strict';

const kept = 'page-'; // its caches' names begin so

// What is shown, with the issuer's time: counted on by this worker's monotonic clock,
// never by the phone's date. It is gone when the browser puts the worker to sleep.
let memory = null;

// A tab that signs out tells all others, each of which says so here after the last that it
// had to be kept: so nothing of them is left.
self.addEventListener('message', (e) => {
  const { kind, shown, now } = e.data;
  if (kind === 'keep') memory = { shown, now, at: performance.now() };
  if (kind === 'forget') memory = null;
  if (kind === 'recall') e.ports[0].postMessage(memory && { shown: memory.shown, now: memory.now + performance.now() - memory.at });
});
