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

// states are those of overview's gates, the worst first.
export const states = {
  silent: ['无响应', 'silent'], closed: ['已关闭', 'closed'], stopped: ['停用', 'stopped'],
  degraded: ['降级', 'degraded'], stale: ['数据过旧', 'stale'], fresh: ['正常', 'fresh'],
};

export const directions = { entry: ['进站', 'entry'], exit: ['出站', 'exit'], check: ['核验', 'check'] };

// troubles: what is wrong, and what to do.
export const troubles = {
  store_rolled_back: ['存储被回滚：旧存储卡或克隆卡', 'store rolled back: an old or a cloned card', '更换存储卡，重新登记', 'replace the card and enroll the gate again'],
  clock_disputed: ['时钟有争议', 'clock disputed', '检查该闸机的时间来源', 'look at what sets this gate’s clock'],
  refused: ['记录被拒绝', 'its journal is refused', '运行 station audit', 'run station audit'],
  spent_codes_lost: ['已用记录丢失，暂时全部拒绝', 'spent codes lost: it denies for now', '保持通电，随后自动恢复', 'leave it on: it recovers by itself'],
};

export const ends = { key: ['密钥', 'key'], certificate: ['证书', 'certificate'], repository: ['发布', 'publication'] };

// reasons of decisions; one that is not here is shown by its name.
export const reasons = {
  ok: '通过', already_used: '已使用', passback: '重复进出', code_expired: '已过期', not_yet_valid: '未生效', liveness_expired: '需重新核验',
  certificate_expired: '证明失效', no_ticket: '无车票', too_early: '未到时间', wrong_station: '非本站', out_of_hours: '非开放时段', limit_reached: '次数已满',
  out_of_touch: '离线', malformed: '无法识别', bad_signature: '签名无效', bad_proof: '证明无效', unknown_key: '未知密钥', revoked: '已吊销',
  clock_untrusted: '时钟不可信', spent_codes_lost: '记录丢失', out_of_service: '暂停使用', wrong_class: '类别不符',
};

// ago is a span of time up to now, in both languages.
export function ago(from, now) {
  const s = Math.max(0, Math.round((now - from) / 1000));
  if (s < 120) return [`${s}秒前`, `${s} s ago`];
  if (s < 7200) return [`${Math.round(s / 60)}分钟前`, `${Math.round(s / 60)} min ago`];
  if (s < 172800) return [`${Math.round(s / 3600)}小时前`, `${Math.round(s / 3600)} h ago`];
  return [`${Math.round(s / 86400)}天前`, `${Math.round(s / 86400)} days ago`];
}

// until is a span of time from now on.
export function until(to, now) {
  const s = Math.round((to - now) / 1000);
  if (s <= 0) return ['已失效', 'ended'];
  if (s < 7200) return [`${Math.max(1, Math.round(s / 60))}分钟`, `${Math.max(1, Math.round(s / 60))} min`];
  if (s < 172800) return [`${Math.round(s / 3600)}小时`, `${Math.round(s / 3600)} h`];
  return [`${Math.round(s / 86400)}天`, `${Math.round(s / 86400)} days`];
}

// clocks are the formats of times in the station's zone.
export function clocks(zone) {
  const format = (fields) => {
    let f;
    try {
      f = new Intl.DateTimeFormat('sv', { timeZone: zone || 'UTC', hourCycle: 'h23', ...fields });
    } catch { // a browser that does not know the zone
      f = new Intl.DateTimeFormat('sv', { timeZone: 'UTC', hourCycle: 'h23', ...fields });
    }
    return (t) => f.format(new Date(t));
  };
  const minute = { hour: '2-digit', minute: '2-digit' }, day = { year: 'numeric', month: '2-digit', day: '2-digit' };
  return { minute: format(minute), second: format({ ...minute, second: '2-digit' }), full: format({ ...day, ...minute }), exact: format({ ...day, ...minute, second: '2-digit' }) };
}
