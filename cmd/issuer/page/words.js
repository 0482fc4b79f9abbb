// What the page says, in both languages, Chinese first.

// two writes a text in both languages, Chinese first.
export function two(element, zh, en) {
  const b = document.createElement('b'), span = document.createElement('span');
  b.textContent = zh;
  span.textContent = en;
  span.lang = 'en';
  element.replaceChildren(b, ' ', span);
}

export const words = {
  documents: {
    resident_id: '居民身份证 Resident ID card', passport: '护照 Passport', hk_macao_permit: '港澳居民来往内地通行证 HK/Macao permit',
    taiwan_permit: '台湾居民来往大陆通行证 Taiwan permit', foreigner_id: '外国人永久居留身份证 Foreigner’s ID', other: '其他 Other',
  },
  kinds: { apply: ['申请', 'Apply'], view: ['核验并查看', 'Verify and view'], revoke: ['手机丢失：挂失', 'Lost phone: revoke'] },
  revoked: {
    reason: 'revoked', zh: '已挂失', en: 'Revoked', next: 'view',
    do_zh: '丢失手机上的二维码一分钟内失效。证明仍然有效：在本机核验本人即可使用，不占次数', do_en: 'Codes on the lost phone stop working within a minute. The certificate stays valid: verify yourself to use it on this phone. This is not an application',
  },
  ended: ['证明已失效，请重新申请或走人工通道', 'Certificate ended: apply again or use the staffed lane'], // as at an exit
  besides: { // the other one, and the one that is shown
    earlier: ['另有较早的证明', '现显示较新的一张', 'You also have an earlier certificate', 'The newer one is shown'],
    newer: ['另有较新的证明', '现显示较早的一张', 'You also have a newer certificate', 'The earlier one is shown'],
    paper: ['另有纸质证明', '现显示电子证明', 'You also have a paper certificate', 'The electronic one is shown'],
  },
  helps: {
    apply: ['重新申请', 'Apply again'], view: ['核验并查看', 'Verify and view'], locate: ['重新定位', 'Locate again'], check: ['重新核验', 'Try again'],
    recheck: ['开始核验', 'Verify now'], window: ['前往公安制证窗口', 'To the police window'], form: ['返回修改', 'Back to the form'], signin: ['登录', 'Sign in'], look: ['查看证明', 'View it'],
    companions: ['同行人', 'People with me'],
  },
};

// clockText is a time of the railway's, from milliseconds since 1970; timeText is the
// time of day alone, to the second.
const format = (fields) => {
  const f = new Intl.DateTimeFormat('zh-CN', { timeZone: 'Asia/Shanghai', hourCycle: 'h23', ...fields });
  return (ms) => f.format(ms);
};
const day = { month: '2-digit', day: '2-digit' }, minute = { hour: '2-digit', minute: '2-digit' }, second = { second: '2-digit' };
export const clockText = format({ ...day, ...minute });
export const exactText = format({ ...day, ...minute, ...second });
export const minuteText = format(minute);
export const timeText = format({ ...minute, ...second });

// examples are a bench's passengers.
export const examples = [['李雷', '11010519491231002X'], ['韩梅梅', '440106198803052464'], ['林小满', '51010420140601312X']]; // the last is a minor (R2)
