// Talking to the issuer, and its time.

// What is known of the talk. The last tap wins: action is the signal that ends what the
// taps before it asked for.
export const talk = {
  state: null,     // what the issuer says; null: nothing yet
  page: '',        // a visitor's token, which lives here alone
  whom: '',        // the companion whom a signed-in user acts for; '': oneself
  online: true,
  action: null,    // an AbortSignal
  changed() {},    // online may be another
};

function network(there) {
  talk.online = there;
  talk.changed();
}
window.addEventListener('offline', () => network(false)); // the next answer says otherwise, if it is not so

// The issuer's time: what it last said, and the monotonic clock since.
export const time = {
  offset: null,
  now() { return performance.now() + this.offset; },
  // heard takes what an answer says; it was written between asking and hearing.
  heard(now, asked) {
    const heard = performance.now();
    if (this.offset !== null && heard - asked > 4000) return; // too vague to be worth it
    this.offset = now + (heard - asked) / 2 - heard;
  },
};

export class Denied extends Error { constructor(why) { super(why.reason); this.why = why; } } // the issuer says no, and why
export class Cut extends Error {}        // nobody answers
export class Superseded extends Error {} // a later tap has ended it

// These are about everybody who is here; all else is for one of them.
const forAll = ['state', 'visit', 'signin', 'signout', 'signup', 'companions/add', 'companions/drop'];

// ask asks the issuer: GET without a body, POST with one. It waits for patience
// milliseconds, and throws one of the above.
export async function ask(path, body, patience = 8000, whom = talk.whom) {
  const asked = performance.now(), control = new AbortController(), stop = () => control.abort(), mine = talk.action;
  const timer = setTimeout(stop, patience);
  mine?.addEventListener('abort', stop);
  let answer, data = null;
  try {
    answer = await fetch('api/' + path, {
      method: body === undefined ? 'GET' : 'POST', body: body === undefined ? undefined : JSON.stringify(body),
      headers: { 'Content-Type': 'application/json', ...(talk.page && { 'Railgate-Page': talk.page }), ...(whom && !forAll.includes(path) && { 'Railgate-For': whom }) }, signal: control.signal, cache: 'no-store',
    });
    if (answer.headers.get('Content-Type') === 'application/json') data = await answer.json();
    else if (answer.status >= 500) throw new Error('nobody behind the proxy');
  } catch (e) {
    if (mine?.aborted) throw new Superseded();
    network(false);
    throw new Cut(String(e));
  } finally {
    clearTimeout(timer);
    mine?.removeEventListener('abort', stop);
  }
  if (mine?.aborted) throw new Superseded();
  network(true);
  if (!data) throw new Denied({ reason: 'refused', zh: '请求未被接受', en: 'The request was refused', do_zh: '请刷新页面后重试', do_en: 'Load the page again' });
  if (data.denied) throw new Denied(data.denied);
  if (typeof data.now === 'number') time.heard(data.now, asked);
  return data;
}
