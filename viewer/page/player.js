// The player: the sound is the clock, and where there is none, the computer's.
const audio = new Audio();
audio.preload = "auto";
let performanceId = 0, name = "", fps = 25, duration = 1, peaks = [], rows = [], hasSound = false, soundUrl = null;
let playing = false, rate = 1, loop = true, position = 0, anchor = 0, blipTimer = 0;

const time = () => {
  if (!playing) return position;
  if (hasSound) return Math.min(audio.currentTime, duration);
  const now = position + ((performance.now() - anchor) / 1000) * rate;
  return loop ? now % duration : Math.min(now, duration);
};
const rebase = () => { position = time(); anchor = performance.now(); };
const play = () => {
  if (!loop && time() >= duration - 1 / fps) seek(0);
  clearTimeout(blipTimer); blipTimer = 0;
  if (hasSound && Math.abs(audio.currentTime - position) > 0.001) audio.currentTime = position;
  rebase();
  playing = true;
  if (hasSound) {
    audio.play().catch((error) => {
      // A pause or another sound that came meanwhile is nobody's fault.
      if (!playing || error.name === "AbortError") return;
      playing = false; hint("Press play once more to allow sound"); send("clock"); paint();
    });
  }
  send("clock"); paint();
};
const pause = () => { rebase(); playing = false; if (hasSound) audio.pause(); send("clock"); paint(); };
const toggle = () => (playing ? pause() : play());
const seek = (t) => {
  position = Math.min(Math.max(t, 0), Math.max(duration - 1 / fps, 0));
  anchor = performance.now();
  if (hasSound) audio.currentTime = position;
  send("clock"); paint();
};
// A tenth of a second of sound under the pointer, as a tape gives when it is turned by hand.
const blip = () => {
  if (!hasSound || playing || blipTimer) return;
  audio.play().catch(() => {});
  blipTimer = setTimeout(() => {
    blipTimer = 0;
    if (!playing) { audio.pause(); audio.currentTime = position; }
  }, 110);
};
const step = (frames) => {
  if (playing) pause();
  const total = Math.max(Math.round(duration * fps), 1);
  const frame = (Math.floor(time() * fps + 1e-3) + frames + total) % total;
  seek((frame + 0.01) / fps);
};
const setRate = (r) => {
  rebase(); rate = r; audio.playbackRate = r; speed.value = String(r);
  send("clock");
};
const setLoop = (on) => {
  rebase(); loop = on; audio.loop = on; loopButton.classList.toggle("on", on);
  send("clock");
};
audio.addEventListener("ended", () => { rebase(); playing = false; send("clock"); paint(); });

// Another performance: its sound as a data URI or null, its length, its outline for the timeline.
const load = (next) => {
  pause();
  ({ id: performanceId, name, fps, duration, peaks, tracks: rows = [] } = next);
  position = 0; hasSound = false;
  if (soundUrl) URL.revokeObjectURL(soundUrl);
  soundUrl = null; audio.removeAttribute("src");
  if (next.sound) {
    const bytes = Uint8Array.from(atob(next.sound), (c) => c.charCodeAt(0));
    soundUrl = URL.createObjectURL(new Blob([bytes], { type: "audio/wav" }));
    audio.src = soundUrl; audio.loop = loop; audio.playbackRate = rate;
    hasSound = true;
  }
  muteButton.style.display = volume.style.display = hasSound ? "" : "none";
  wave.title = `${name}: click or drag to go there`;
  send("clock"); paint();
};
