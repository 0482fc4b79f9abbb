// What the page says, in both languages, Chinese first.

// two writes a text in both languages, Chinese first.
export function two(element, zh, en) {
  const b = document.createElement('b'), span = document.createElement('span');
  b.textContent = zh;
  span.textContent = en;
  span.lang = 'en';
  element.replaceChildren(b, ' ', span);
  return element;
}

export const documents = {
  resident_id: ['居民身份证', 'Resident ID card'], passport: ['护照', 'Passport'], hk_macao_permit: ['港澳居民来往内地通行证', 'HK/Macao permit'],
  taiwan_permit: ['台湾居民来往大陆通行证', 'Taiwan permit'], foreigner_id: ['外国人永久居留身份证', 'Foreigner’s ID'], other: ['其他', 'Other'],
  birth_certificate: ['出生医学证明', 'Birth certificate'],
};

export const reasons = {
  no_phone: ['没有可用的手机', 'No working phone'], monthly_limit: ['本月已申请3次', '3 this month'],
  document: ['证件种类不支持', 'Other document'], check_failed: ['实人核验未通过', 'Check failed'],
  no_location: ['无法定位', 'No location'], infant: ['婴幼儿', 'Infant'], other: ['其他', 'Other'],
};

export const states = {
  valid: ['有效', 'valid'], expired: ['已过期', 'ended'], cancelled: ['已作废', 'cancelled'], revoked: ['已吊销', 'revoked'],
};

export const revoke = {
  lost: ['遗失', 'Lost'], misused: ['被他人冒用', 'Used by somebody else'], wrong: ['内容有误', 'Its content is wrong'], not_needed: ['不再需要', 'No longer needed'],
};

// ended is how it is said of one that was revoked.
export const ended = { ...revoke, by_operator: ['由系统管理员吊销', 'By whoever runs the issuer'] };

export const words = {
  print: ['打印', 'Print'], reprint: ['补打', 'Print again'], cancel: ['作废', 'Cancel'], revoke: ['吊销', 'Revoke'],
  today: ['今天', 'Today'], tomorrow: ['明天', 'Tomorrow'],
  list: ['今天及有效的证明', 'Today’s and valid ones'], found: ['查找结果', 'Found'],
  cancelTitle: ['作废证明', 'Cancel the certificate'], revokeTitle: ['吊销证明', 'Revoke the certificate'],
  cancelSays: ['只用于开具错误且未使用的证明。作废后闸机不再放行。', 'Only for a mistake that was not used. Gates will no longer let it through.'],
  revokeSays: ['吊销后闸机不再放行，不能恢复。', 'Gates will no longer let it through. This cannot be undone.'],
  onPhone: ['手机上的电子证明', 'Electronic, on a phone'], phoneTitle: ['吊销手机上的证明', 'Revoke what the phone holds'],
  phoneSays: ['用于手机丢失。该手机上的二维码一分钟内失效；本人可在另一部手机上重新核验后使用。', 'For a lost phone. Its codes are void within a minute; the holder can verify on another phone and go on.'],
  cut: ['网络中断', 'No connection'], cutDo: ['请检查网络后重试。刚才的操作可能已完成，请先查看列表。', 'Check the network and try again. What you last did may have been done: look at the list first.'],
  paperFirst: ['请先收回证明并勾选', 'Take the paper back and tick the box first'],
};

const format = (fields) => {
  const f = new Intl.DateTimeFormat('sv', { timeZone: 'Asia/Shanghai', hourCycle: 'h23', ...fields });
  return (ms) => f.format(ms);
};
const day = { year: 'numeric', month: '2-digit', day: '2-digit' };
export const dayText = format(day);
export const clockText = format({ ...day, hour: '2-digit', minute: '2-digit' });

// numberText is a slip's number as it is printed: four digits at a time.
export const numberText = (id) => id.toUpperCase().match(/.{4}/g).join(' ');
