// Plots of an hour, drawn as SVG in the pixels of the screen: letters keep their size.

const ns = 'http://www.w3.org/2000/svg';

function draw(parent, name, attributes, text) {
  const e = document.createElementNS(ns, name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  if (text !== undefined) e.textContent = text;
  parent.append(e);
  return e;
}

const left = 42, bottom = 20, top = 8, right = 4;

// round is the least of 4, 6, 8, 10, 20, 30, 40, 60, ... that is not below a number; its half is whole.
export function round(n) {
  for (let step = 1; ; step *= 10) for (const m of [4, 6, 8, 10, 20, 30]) if (m * step >= n) return m * step;
}

// plot draws stacked bars, one for each of minutes: [{ begins, parts: [[kind, n], …] }]. A
// kind is a class of the style sheet. tell is told which minute the pointer is at, or
// null.
export function plot(svg, minutes, clock, tell) {
  const width = Math.max(240, svg.clientWidth), height = Math.max(120, svg.clientHeight);
  const sums = minutes.map((m) => m.parts.reduce((a, [, n]) => a + n, 0)), most = round(Math.max(0, ...sums));
  const wide = (width - left - right) / minutes.length, high = height - top - bottom;
  const y = (n) => top + high * (1 - n / most);
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.replaceChildren();
  for (const n of [0, most / 2, most]) {
    draw(svg, 'line', { x1: left, x2: width - right, y1: y(n), y2: y(n), class: n ? 'grid' : 'axis' });
    draw(svg, 'text', { x: left - 6, y: y(n) + 4, 'text-anchor': 'end' }, n);
  }
  const every = width < 420 ? 20 : 10;
  minutes.forEach((m, i) => {
    const x = left + i * wide;
    if (new Date(m.begins).getUTCMinutes() % every === 0 && i > 1 && i < minutes.length - 2) draw(svg, 'text', { x: x + wide / 2, y: height - 4, 'text-anchor': 'middle' }, clock(m.begins));
    let sum = 0;
    for (const [kind, n] of m.parts) {
      if (!n) continue;
      sum += n;
      draw(svg, 'rect', { x: x + wide * 0.1, width: wide * 0.8, y: y(sum), height: high * n / most, class: kind });
    }
  });
  svg.onpointermove = (e) => {
    const i = Math.floor((e.offsetX * width / svg.clientWidth - left) / wide);
    tell(minutes[i] ?? null);
  };
  svg.onpointerleave = () => tell(null);
}
