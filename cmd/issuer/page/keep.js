// What outlives a page: the service worker, which has the page's files and, in memory,
// what a signed-in user's page shows; and the word that somebody has signed out, which
// every tab must hear.

const worker = () => navigator.serviceWorker?.controller;
const others = 'BroadcastChannel' in window ? new BroadcastChannel('railgate') : null;

// keep lets a signed-in user's page be opened again with the network cut.
export const keep = (what, now) => worker()?.postMessage({ kind: 'keep', shown: what, now });

// recall gives what was kept, and the time of it by now; null: nothing.
export function recall() {
  if (!worker() || leaving.pending()) return Promise.resolve(null);
  const channel = new MessageChannel();
  return new Promise((done) => {
    channel.port1.onmessage = (e) => done(e.data);
    worker().postMessage({ kind: 'recall' }, [channel.port2]);
    setTimeout(done, 2000, null);
  });
}

// drop has the worker forget.
export async function drop() {
  if (worker()) worker().postMessage({ kind: 'forget' });
  else (await navigator.serviceWorker?.getRegistration())?.active?.postMessage({ kind: 'forget' });
}

// tellOthers tells the other tabs that somebody signs out here ("left"), and that the
// issuer knows ("gone"); hearOthers calls when another does.
export const tellOthers = (what) => others?.postMessage(what);
export function hearOthers(call) {
  if (others) others.onmessage = (e) => call(e.data);
}

// leaving is a sign-out that the issuer has not heard of: the network was cut. It is
// told before anything else is asked, by whichever tab comes first.
const guarded = (storage) => { try { return storage(); } catch { return null; } }; // a browser may refuse to store
export const leaving = {
  pending: () => Boolean(guarded(() => localStorage.getItem('leaving'))),
  begin: () => guarded(() => localStorage.setItem('leaving', '1')),
  done: () => guarded(() => localStorage.removeItem('leaving')),
};

// until is when the certificate ends that this tab has shown to a visitor, for who loads
// the page again by accident. It says nothing of whose it is, and goes with the tab.
export const noted = {
  until: () => Number(guarded(() => sessionStorage.getItem('until')) || 0),
  set: (ends) => guarded(() => sessionStorage.setItem('until', ends)),
  forget: () => guarded(() => sessionStorage.removeItem('until')),
};

// away is what is under way while this tab shows the page of the check: the errand, a
// visitor's token, what was filled in. It is gone when the tab is closed, and when the page is
// back.
export const away = {
  leaving: false, // for the check: a visitor is not gone then
  put(what) {
    this.leaving = true;
    setTimeout(() => { this.leaving = false; }, 10000);
    guarded(() => sessionStorage.setItem('away', JSON.stringify(what)));
  },
  take() {
    const kept = guarded(() => JSON.parse(sessionStorage.getItem('away')));
    this.forget();
    return kept;
  },
  forget: () => guarded(() => sessionStorage.removeItem('away')),
};

// install registers the worker. A page that shows nothing worth keeping is loaded again
// when a worker of another version takes over.
export function install(mayReload) {
  if (!navigator.serviceWorker) return;
  const controlled = Boolean(worker());
  navigator.serviceWorker.register('sw.js', { updateViaCache: 'none' }).catch(() => {}); // without it the page is not there with the network cut
  navigator.serviceWorker.addEventListener('controllerchange', () => { if (controlled && mayReload()) location.reload(); });
}
