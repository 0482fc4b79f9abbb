// The camera: which one, its light, and its frames.

const video = document.getElementById('video');
let stream = null;

// open starts a camera: by its id, or the one that looks away from whoever holds the phone.
export async function open(id) {
  close();
  const size = { width: { ideal: 1280 }, height: { ideal: 720 } };
  stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: id ? { ...size, deviceId: { exact: id } } : { ...size, facingMode: 'environment' } });
  video.srcObject = stream;
  await video.play();
  return track().getSettings().deviceId;
}

export function close() {
  for (const t of stream?.getTracks() ?? []) t.stop();
  stream = video.srcObject = null;
}

const track = () => stream.getVideoTracks()[0];

// ended calls when the camera is gone: another program took it, or it was unplugged.
export const ended = (call) => track().addEventListener('ended', call);

// all are the cameras that there are.
export const all = async () => (await navigator.mediaDevices.enumerateDevices()).filter((d) => d.kind === 'videoinput');

// hasTorch tells whether the camera has a light; light turns it on or off.
export const hasTorch = () => Boolean(track().getCapabilities?.().torch);
export const light = (on) => track().applyConstraints({ advanced: [{ torch: on }] });

// frames hands on one frame after the other; see(frame) gives a promise, and no frame is made before it
// is kept.
export function frames(see) {
  let busy = false;
  const next = video.requestVideoFrameCallback ? (f) => video.requestVideoFrameCallback(f) : requestAnimationFrame;
  const each = async () => {
    next(each);
    if (busy || document.hidden || !stream || video.readyState < 2) return;
    busy = true;
    const began = performance.now();
    try {
      await see(window.VideoFrame ? new VideoFrame(video) : await createImageBitmap(video), began);
    } finally {
      busy = false;
    }
  };
  next(each);
}
