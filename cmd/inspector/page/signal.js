// Sound and vibration, one for each kind of answer, as at a gate.

// Times in milliseconds, on and off in turn, and a pitch.
const melodies = { pass: [[100], 1047], again: [[100, 100, 100], 659], staff: [[600], 440] };

let audio, on = true;

// allow is called by a tap: browsers make no sound before one.
export function allow() {
  audio ??= new AudioContext();
  audio.resume();
}

export const turn = (sounds) => { on = sounds; };

// play signals at once or not at all.
export function play(kind) {
  if (!melodies[kind]) return;
  const [times, pitch] = melodies[kind];
  navigator.vibrate?.(times);
  if (!on || audio?.state !== 'running') return;
  const tone = audio.createOscillator(), loud = audio.createGain();
  tone.frequency.value = pitch;
  tone.connect(loud).connect(audio.destination);
  let at = audio.currentTime;
  loud.gain.value = 0;
  times.forEach((ms, i) => {
    loud.gain.setTargetAtTime(i % 2 ? 0 : 0.5, at, 0.005); // without a click
    at += ms / 1000;
  });
  loud.gain.setTargetAtTime(0, at, 0.005);
  tone.start();
  tone.stop(at + 0.1);
}
