// What a phone makes RG1 codes of: a chain of hashes whose end the issuer signs, or a
// key that the issuer vouches for. docs/wire.md has the format.

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';

// base45 is RFC 9285.
function base45(bytes) {
  let out = '';
  for (let i = 0; i + 1 < bytes.length; i += 2) {
    const v = bytes[i] << 8 | bytes[i + 1];
    out += alphabet[v % 45] + alphabet[(v / 45 | 0) % 45] + alphabet[v / 2025 | 0];
  }
  if (bytes.length & 1) {
    const v = bytes.at(-1);
    out += alphabet[v % 45] + alphabet[v / 45 | 0];
  }
  return out;
}

function join(...parts) {
  const all = parts.map((p) => (typeof p === 'string' ? new TextEncoder().encode(p) : Uint8Array.from(p)));
  const out = new Uint8Array(all.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of all) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
const fromBase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const fromHex = (text) => Uint8Array.from(text.match(/../g), (b) => parseInt(b, 16));

// Deterministic CBOR (RFC 8949), as far as a code needs it.
const uint = (n) => (n < 24 ? [n] : [0x18, n]);
const bstr = (bytes) => join(bytes.length < 24 ? [0x40 | bytes.length] : [0x58, bytes.length], bytes);

// text is the code of a slot: [credential, slot, proof].
const text = (credential, slot, proof) => 'RG1:' + base45(join([0x83], credential, uint(slot), bstr(proof)));

// links makes a chain: v[n] is random, v[i] the first 16 bytes of SHA-256("railgate
// chain v1" ‖ len(cti) ‖ cti ‖ i ‖ v[i+1]). The issuer signs v[0].
async function links(cti, n) {
  const v = new Array(n + 1);
  v[n] = crypto.getRandomValues(new Uint8Array(16));
  for (let i = n - 1; i >= 0; i--) v[i] = (await sha256(join('railgate chain v1', [cti.length], cti, [i], v[i + 1]))).slice(0, 16);
  return v;
}

// prepare makes what a certificate's way needs: what is given to the issuer, and what
// the phone keeps.
export async function prepare(certificate, slots) {
  switch (certificate.way) {
    case 'chain': {
      const chain = await links(fromHex(certificate.id), slots);
      return { give: { anchor: base64(chain[0]) }, secret: { chain } };
    }
    case 'device': {
      const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
      const point = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
      return { give: { key: base64(point) }, secret: { key: pair.privateKey } };
    }
  }
  return { give: {}, secret: {} };
}

// make gives the text of a slot from what the issuer answered and the phone keeps. It
// needs no network.
export async function make(issued, secret, slot) {
  if (issued.way === 'issuer') return issued.text;
  const credential = fromBase64(issued.credential);
  if (issued.way === 'chain') return text(credential, slot, secret.chain[slot + 1]);
  // COSE's Sig_structure (RFC 9052): ["Signature1", << {1: -7} >>, SHA-256(credential), << slot >>]
  const message = join([0x84, 0x6a], 'Signature1', bstr([0xa1, 0x01, 0x26]), bstr(await sha256(credential)), bstr(uint(slot)));
  const proof = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, secret.key, message);
  return text(credential, slot, new Uint8Array(proof));
}
