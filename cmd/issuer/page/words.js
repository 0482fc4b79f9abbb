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
  uses: { buying: ['购票', 'buying'], refunding: ['退票', 'refunding'], changing: ['改签', 'changing'], id_check: ['实名验证', 'real-name check'], entry: ['进站检票', 'entry'], exit: ['出站检票', 'exit'], on_board: ['列车查验', 'on board'] },
  tickets: { single: ['单程', 'single'], multi_ride: ['计次', 'multi-ride'], period: ['定期', 'period'] },
  helps: {
    apply: ['重新申请', 'Apply again'], view: ['核验并查看', 'Verify and view'], locate: ['重新定位', 'Locate again'], check: ['重新核验', 'Try again'],
    recheck: ['开始核验', 'Verify now'], window: ['前往公安制证窗口', 'To the police window'], form: ['返回修改', 'Back to the form'], signin: ['登录', 'Sign in'],
  },
};

// clockText is a time of the railway's, from milliseconds since 1970.
export const clockText = (ms, seconds) => new Intl.DateTimeFormat('zh-CN', {
  timeZone: 'Asia/Shanghai', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', ...(seconds && { second: '2-digit' }), hourCycle: 'h23',
}).format(ms);

// examples are a bench's passengers.
export const examples = [['李雷', '11010519491231002X'], ['韩梅梅', '440106198803052464'], ['林小满', '51010420140601312X']]; // the last is a minor (R2)
