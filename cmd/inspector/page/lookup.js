// With a network and a sign-in: the masked name and the tickets of a code that is good. The issuer
// records each look-up, and answers it by the same decision; a station has none.

const from = (path) => new URL('../' + path, document.baseURI); // beside the page: at the issuer's root
const patience = 8000;
const ask = (path, more = {}) => fetch(from(path), { ...more, signal: AbortSignal.timeout(patience) });

// who tells who is signed in and may look up: a name; "" nobody, who can; null: there is nothing to sign in
// to. refused: somebody is signed in who may not.
export async function who() {
  const answer = await ask('counter/me');
  if (answer.ok) return { name: (await answer.json()).name };
  const refused = answer.status === 403;
  return { name: refused || answer.status === 401 ? '' : null, refused };
}

export const signOut = () => ask('signin/out', { method: 'POST' });

// A code may run out on its way to the issuer: that says nothing about the verdict.
const late = new Set(['code_expired', 'not_yet_valid', 'liveness_expired']);

// lookUp asks about a code. It gives lines to show, [zh, en] each; denied: the issuer knows that the code is
// not good, and why; out: nobody is signed in any more.
export async function lookUp(text) {
  let answer;
  try {
    answer = await ask('v1/resolve', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ code: text, purpose: 'inspection' }) });
  } catch {
    return { lines: [['未能联网查询姓名和车票', 'No network: name and ticket are not looked up']] };
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) return { out: answer.status === 401, lines: [[said.zh || '未能查询姓名和车票', said.title || 'Name and ticket cannot be looked up']] };
  if (said.decision !== 'granted') return late.has(said.reason) ? { lines: [['二维码已变，未能查询', 'The code has changed meanwhile: not looked up']] } : { denied: said.reason };
  return { lines: [...names(said), ...tickets(said.tickets)] };
}

const names = (said) => (said.name ? [[[said.name, said.number].filter(Boolean).join(' '), '']] : [['登记中没有此人', 'Nobody on record']]);

const minute = new Intl.DateTimeFormat('zh-CN', { timeZone: 'Asia/Shanghai', hourCycle: 'h23', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' });
function tickets(all) {
  if (!all) return [['未能查询车票', 'Tickets cannot be looked up']];
  if (!all.length) return [['未查到当日车票', 'No ticket for today']];
  return all.map((t) => [[t.train, `${t.from}→${t.to}`, t.departs && minute.format(new Date(t.departs)), t.seat].filter(Boolean).join(' '), '']);
}
