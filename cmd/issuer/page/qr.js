// A QR code encoder (ISO/IEC 18004) for what RG1 needs: alphanumeric mode, error
// correction M, versions 1 to 15 (up to 600 characters). It makes pictures with the
// network cut.

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';

// Of each version, for M: error correction codewords a block, and blocks (table 9).
const check = [0, 10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24];
const blocks = [0, 1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10];

// quiet is the margin around a code, in modules (§5.3.8).
export const quiet = 4;

// encode gives the modules of a text, true for dark, row by row.
export function encode(text) {
  const version = smallest(text.length);
  const grid = new Grid(version);
  grid.place(interleave(version, codewords(version, text)));
  return grid.masked();
}

// codewordsIn is how many codewords a version holds, data and correction.
function codewordsIn(v) {
  let modules = (16 * v + 128) * v + 64; // all but finders, timing and format
  if (v > 1) {
    const n = Math.floor(v / 7) + 2; // alignment patterns on a side
    modules -= (25 * n - 10) * n - 55;
  }
  if (v > 6) modules -= 36; // the version, twice
  return modules >> 3;
}

const dataIn = (v) => codewordsIn(v) - check[v] * blocks[v];
const countBits = (v) => (v < 10 ? 9 : 11);

function smallest(length) {
  const bits = (v) => 4 + countBits(v) + 11 * (length >> 1) + 6 * (length & 1);
  for (let v = 1; v < check.length; v++) if (bits(v) <= 8 * dataIn(v)) return v;
  throw new RangeError('too long for a code');
}

function codewords(version, text) {
  const bits = [];
  const put = (value, n) => { for (let i = n - 1; i >= 0; i--) bits.push(value >> i & 1); };
  const value = (c) => {
    const v = alphabet.indexOf(c);
    if (v < 0) throw new RangeError('not in the alphanumeric set');
    return v;
  };
  put(2, 4); // alphanumeric
  put(text.length, countBits(version));
  for (let i = 0; i + 1 < text.length; i += 2) put(45 * value(text[i]) + value(text[i + 1]), 11);
  if (text.length & 1) put(value(text.at(-1)), 6);
  const room = 8 * dataIn(version);
  put(0, Math.min(4, room - bits.length)); // the end
  while (bits.length & 7) bits.push(0);
  const out = [];
  for (let i = 0; i < bits.length; i += 8) out.push(parseInt(bits.slice(i, i + 8).join(''), 2));
  for (let pad = 0xec; out.length < dataIn(version); pad ^= 0xec ^ 0x11) out.push(pad);
  return out;
}

// Arithmetic in GF(256) modulo x^8 + x^4 + x^3 + x^2 + 1.
const exp = new Uint8Array(510), log = new Uint8Array(256);
for (let i = 0, x = 1; i < 255; i++) {
  exp[i] = exp[i + 255] = x;
  log[x] = i;
  x = x << 1 ^ (x > 127 ? 0x11d : 0);
}
const times = (a, b) => (a && b ? exp[log[a] + log[b]] : 0);

// generator is (x - 1)(x - 2)(x - 4)…, without its leading 1.
function generator(degree) {
  let g = [1];
  for (let i = 0; i < degree; i++) {
    const next = [...g, 0];
    g.forEach((c, j) => { next[j + 1] ^= times(c, exp[i]); });
    g = next;
  }
  return g.slice(1);
}

function correction(data, g) {
  const rest = new Array(g.length).fill(0);
  for (const d of data) {
    const lead = d ^ rest.shift();
    rest.push(0);
    g.forEach((c, i) => { rest[i] ^= times(c, lead); });
  }
  return rest;
}

// interleave cuts the data into blocks, adds their correction, and deals them out.
function interleave(version, data) {
  const n = blocks[version], g = generator(check[version]);
  const short = Math.floor(data.length / n), long = data.length % n; // the last ones are longer by one
  const parts = [];
  for (let i = 0, at = 0; i < n; i++) {
    const size = short + (i >= n - long ? 1 : 0);
    parts.push(data.slice(at, at + size));
    at += size;
  }
  const out = [];
  for (let i = 0; i <= short; i++) for (const p of parts) if (i < p.length) out.push(p[i]);
  const fix = parts.map((p) => correction(p, g));
  for (let i = 0; i < g.length; i++) for (const f of fix) out.push(f[i]);
  return out;
}

const masks = [
  (x, y) => (x + y) % 2, (x, y) => y % 2, (x) => x % 3, (x, y) => (x + y) % 3,
  (x, y) => ((x / 3 | 0) + (y / 2 | 0)) % 2, (x, y) => x * y % 2 + x * y % 3,
  (x, y) => (x * y % 2 + x * y % 3) % 2, (x, y) => ((x + y) % 2 + x * y % 3) % 2,
];

// remainder of a BCH code: value · x^degree modulo poly.
function remainder(value, degree, poly) {
  let r = value << degree;
  for (let i = 31 - degree; i >= 0; i--) if (r >> (i + degree) & 1) r ^= poly << i;
  return r;
}

class Grid {
  constructor(version) {
    this.version = version;
    this.size = 17 + 4 * version;
    this.dark = Array.from({ length: this.size }, () => new Array(this.size).fill(false));
    this.fixed = Array.from({ length: this.size }, () => new Array(this.size).fill(false));
    this.patterns();
  }

  set(x, y, dark) {
    this.dark[y][x] = Boolean(dark);
    this.fixed[y][x] = true;
  }

  patterns() {
    const end = this.size - 1;
    for (let i = 0; i < this.size; i++) { // timing
      this.set(i, 6, i % 2 === 0);
      this.set(6, i, i % 2 === 0);
    }
    for (const [cx, cy] of [[3, 3], [end - 3, 3], [3, end - 3]]) this.finder(cx, cy);
    const at = this.alignment();
    for (const x of at) {
      for (const y of at) {
        const corner = (x === 6 && y === 6) || (x === 6 && y === end - 6) || (x === end - 6 && y === 6);
        if (!corner) this.square(x, y);
      }
    }
    this.format(0); // keeps the room; masked writes it
    this.versionInfo();
  }

  finder(cx, cy) {
    for (let dy = -4; dy <= 4; dy++) {
      for (let dx = -4; dx <= 4; dx++) {
        const x = cx + dx, y = cy + dy, ring = Math.max(Math.abs(dx), Math.abs(dy));
        if (x >= 0 && y >= 0 && x < this.size && y < this.size) this.set(x, y, ring !== 2 && ring !== 4);
      }
    }
  }

  square(cx, cy) {
    for (let dy = -2; dy <= 2; dy++) {
      for (let dx = -2; dx <= 2; dx++) this.set(cx + dx, cy + dy, Math.max(Math.abs(dx), Math.abs(dy)) !== 1);
    }
  }

  // alignment is where the alignment patterns' centres are, on either side.
  alignment() {
    if (this.version === 1) return [];
    const n = Math.floor(this.version / 7) + 2, last = this.size - 7;
    const step = 2 * Math.ceil((last - 6) / (2 * (n - 1)));
    const out = [6];
    for (let i = n - 2; i >= 0; i--) out.push(last - i * step);
    return out;
  }

  format(mask) {
    const data = mask; // M is 00
    const bits = (data << 10 | remainder(data, 10, 0x537)) ^ 0x5412;
    const bit = (i) => bits >> i & 1, end = this.size - 1;
    for (let i = 0; i < 15; i++) {
      const y = i < 6 ? i : i < 8 ? i + 1 : end - 14 + i; // down column 8
      const x = i < 8 ? end - i : i === 8 ? 7 : 14 - i; // leftwards along row 8
      this.set(8, y, bit(i));
      this.set(x, 8, bit(i));
    }
    this.set(8, end - 7, true);
  }

  versionInfo() {
    if (this.version < 7) return;
    const bits = this.version << 12 | remainder(this.version, 12, 0x1f25);
    for (let i = 0; i < 18; i++) {
      const a = this.size - 11 + i % 3, b = i / 3 | 0;
      this.set(a, b, bits >> i & 1);
      this.set(b, a, bits >> i & 1);
    }
  }

  // place lays the codewords out, in columns of two from the right, up and down.
  place(words) {
    let i = 0;
    for (let right = this.size - 1, up = true; right > 0; right -= 2, up = !up) {
      if (right === 6) right--; // the timing column is skipped
      for (let n = 0; n < this.size; n++) {
        const y = up ? this.size - 1 - n : n;
        for (const x of [right, right - 1]) {
          if (this.fixed[y][x]) continue;
          this.dark[y][x] = Boolean(words[i >> 3] >> (7 - (i & 7)) & 1); // beyond the end: light
          i++;
        }
      }
    }
  }

  // masked is the symbol under the mask that gives the plainest picture (§7.8.3).
  masked() {
    let best = null, least = Infinity;
    for (let m = 0; m < 8; m++) {
      this.format(m);
      const picture = this.dark.map((row, y) => row.map((d, x) => (this.fixed[y][x] ? d : d !== (masks[m](x, y) === 0))));
      const p = penalty(picture);
      if (p < least) [best, least] = [picture, p];
    }
    return best;
  }
}

function penalty(rows) {
  const size = rows.length, columns = rows.map((_, x) => rows.map((row) => row[x]));
  let total = 0, dark = 0;
  for (const line of [...rows, ...columns]) {
    let run = 0;
    for (let i = 0; i < size; i++) {
      run = i > 0 && line[i] === line[i - 1] ? run + 1 : 1;
      if (run === 5) total += 3;
      else if (run > 5) total++;
    }
    const text = line.map((d) => (d ? '1' : '0')).join('');
    for (const like of ['10111010000', '00001011101']) { // like a finder
      for (let i = text.indexOf(like); i >= 0; i = text.indexOf(like, i + 1)) total += 40;
    }
  }
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const d = rows[y][x];
      if (d) dark++;
      if (x && y && d === rows[y - 1][x] && d === rows[y][x - 1] && d === rows[y - 1][x - 1]) total += 3;
    }
  }
  return total + 10 * Math.floor(Math.abs(dark * 20 / (size * size) - 10));
}

// draw puts a text's code on a canvas, crisp, with its quiet zone, and at most room
// CSS pixels wide. Black on white, whatever the page's colours are.
export function draw(canvas, text, room) {
  const rows = encode(text), n = rows.length + 2 * quiet, ratio = window.devicePixelRatio || 1;
  const scale = Math.max(1, Math.floor(room * ratio / n));
  canvas.width = canvas.height = n * scale;
  canvas.style.width = `${n * scale / ratio}px`; // as high as it is wide
  const pen = canvas.getContext('2d');
  pen.fillStyle = '#fff';
  pen.fillRect(0, 0, n * scale, n * scale);
  pen.fillStyle = '#000';
  rows.forEach((row, y) => row.forEach((d, x) => {
    if (d) pen.fillRect((x + quiet) * scale, (y + quiet) * scale, scale, scale);
  }));
}
