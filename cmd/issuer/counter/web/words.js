// What the page says, Chinese first.

export const purposes = {
  sale: ['售票', 'Sale'],
  refund: ['退票', 'Refund'],
  change: ['改签', 'Change'],
  inspection: ['查验', 'Inspection'],
};

export const documents = {
  resident_id: ['居民身份证', 'Resident identity card'],
  passport: ['护照', 'Passport'],
  hk_macao_permit: ['港澳居民来往内地通行证', 'Mainland permit, Hong Kong or Macao'],
  taiwan_permit: ['台湾居民来往大陆通行证', 'Mainland permit, Taiwan'],
  foreigner_id: ['外国人永久居留身份证', 'Foreign permanent resident card'],
  other: ['其他', 'Other'],
};

export const classes = { 1: ['电子', 'Electronic'], 2: ['纸质', 'Paper'], 3: ['员工', 'Staff'] };

export const kinds = { single: ['单程', 'Single'], multi: ['计次', 'Multi-ride'], period: ['定期', 'Period'] };

export const labels = {
  name: ['姓名', 'Name'],
  document: ['证件', 'Document'],
  number: ['证件号码', 'Number'],
  class: ['证明', 'Certificate'],
  expires: ['有效至', 'Valid until'],
  purpose: ['用途', 'Purpose'],
};

export const unknown = ['无登记信息', 'Not on record'];
export const tickets = ['当日车票', 'Tickets of the day'];
export const noTickets = ['当日无车票', 'No ticket for today'];
export const ticketsAway = ['车票系统未应答', 'The ticketing system does not answer'];
export const asking = ['核验中…', 'Checking…'];
export const cleared = ['已清除，请扫描下一位', 'Cleared: scan the next code'];
export const cut = ['网络中断，请重试', 'No connection: try again'];
export const capsLock = ['字母为小写：请检查大写锁定键', 'Lower case: check Caps Lock'];
export const inputMethod = ['输入法未关闭：请切换到英文输入', 'An input method is on: switch it to English'];
export const notOurs = ['不是乘车二维码', 'Not a passenger’s code'];

export const sign = {
  unauthorized: [['请先登录', 'Sign in first'], ['请用工作账号登录', 'Use your work account']],
  not_staff: [['您没有此项权限', 'Your account may not do this'], ['请换一个账号登录，需要售票员或列车员权限', 'Sign in as a clerk or a conductor']],
};
