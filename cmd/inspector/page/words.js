// What the page says, in both languages, Chinese first.

// two writes a text in both languages, Chinese first.
export function two(element, zh, en) {
  const b = document.createElement('b'), span = document.createElement('span');
  b.textContent = zh;
  span.textContent = en;
  span.lang = 'en';
  element.replaceChildren(b, ' ', span);
}

// A gate's words come from the server's program (says.json): one table for gates and inspectors.
// "" is for every reason that has no words of its own.
let gates = {};
export async function loadWords() {
  gates = await (await fetch(new URL('says.json', import.meta.url))).json();
}

// says is what is shown for a reason: light, sound, zh, en.
export const says = (reason) => own[reason] || gates[reason] || gates[''];

// What an inspector says and no gate.
const own = {
  time_unknown: { light: 'unsure', sound: 'again', zh: '签名有效，时间未确认，请联网', en: 'Genuine, but the time is not confirmed: connect' },
  no_keys: { light: 'unsure', sound: 'again', zh: '本机没有密钥，请联网', en: 'No keys on this phone: connect to a network' },
};

// What an inspector may know beyond the words that a passenger reads.
export const whats = {
  unknown_key: ['签发密钥不在本机密钥集内：请联网更新', 'Signed with a key that this phone does not have: connect to update'],
  bad_signature: ['签名不符：伪造或损坏', 'The signature does not hold: forged or damaged'],
  key_revoked: ['签发密钥已吊销', 'The key that signed it was revoked'],
  key_not_valid: ['签发时密钥不在有效期内', 'Signed outside the time of its key'],
  class_not_accepted: ['密钥无权签发此类证明', 'The key may not sign this kind of certificate'],
  bad_claims: ['证明内容超出规定', 'The certificate says what no issuer may give'],
  revoked: ['证明已被撤销', 'The certificate was revoked'],
  bad_proof: ['动态部分不符：疑似伪造', 'The changing part does not match: probably forged'],
  not_yet_valid: ['二维码时间未到', 'The code is of a later minute'],
  code_expired: ['二维码超过一分钟：可能为截图', 'The code is more than a minute old: it may be a screenshot'],
};

export const classes = { 1: ['电子证明', 'Electronic certificate'], 2: ['纸质证明', 'Paper certificate'], 3: ['工作人员码', 'Staff code'] };

export const doubts = {
  no_server: ['时间未确认：打开后尚未连接服务器。请联网', 'Time not confirmed: no server seen since this page was opened. Connect to a network'],
  slept: ['时间未确认：手机休眠或改过时间后尚未联网。请联网', 'Time not confirmed: the phone slept or its date was set, and no server was seen since. Connect to a network'],
  too_long: ['时间未确认：离线已超过12小时。请联网', 'Time not confirmed: no server for 12 hours. Connect to a network'],
};

// Times are the railway's, from milliseconds since 1970.
const format = (fields) => {
  const f = new Intl.DateTimeFormat('zh-CN', { timeZone: 'Asia/Shanghai', hourCycle: 'h23', ...fields });
  return (ms) => f.format(ms);
};
const day = { month: '2-digit', day: '2-digit' }, minute = { hour: '2-digit', minute: '2-digit' };
export const clockText = format({ ...day, ...minute });
export const minuteText = format(minute);
export const secondText = format({ ...minute, second: '2-digit' });

// ageText is a length of time.
export function ageText(ms) {
  const m = Math.max(0, Math.floor(ms / 60000));
  if (m < 60) return [`${m}分钟`, `${m} min`];
  if (m < 48 * 60) return [`${Math.floor(m / 60)}小时`, `${Math.floor(m / 60)} h`];
  return [`${Math.floor(m / 1440)}天`, `${Math.floor(m / 1440)} days`];
}
