// Pointer and keys, the heartbeat, and what the server may call.
let scrubbing = false;
const scrub = (event) => {
  const box = wave.getBoundingClientRect();
  seek(((event.clientX - box.left) / Math.max(box.width, 1)) * duration);
  blip();
};
for (const strip of [wave, trackPanel]) {
  strip.addEventListener("pointerdown", (event) => {
    strip.setPointerCapture(event.pointerId);
    held = strip === trackPanel ? markAt(event) : -1;
    if (held < 0) { scrubbing = true; scrub(event); }
  });
  strip.addEventListener("pointermove", (event) => { if (held >= 0) dragMark(event); else if (scrubbing) scrub(event); });
  for (const end of ["pointerup", "pointercancel"]) strip.addEventListener(end, () => { if (held >= 0) dropMark(); scrubbing = false; });
}

const KEYS = {
  " ": toggle, k: toggle, ArrowRight: () => step(1), ArrowLeft: () => step(-1), Home: () => seek(0),
  ">": () => step(Math.round(fps)), "<": () => step(-Math.round(fps)),
  f: () => toggleFull(), l: () => setLoop(!loop), m: () => muteButton.click(), r: () => send("reset"), b: () => send("blink"),
  1: () => send("preset", { index: 0 }), 2: () => send("preset", { index: 1 }), 3: () => send("preset", { index: 2 }),
  4: () => send("preset", { index: 3 }), 5: () => send("preset", { index: 4 }),
};
// Typing belongs to text fields, arrows to a focused slider, and everything to whoever walks by keyboard;
// what was merely clicked on keeps no key from the player.
const belongsElsewhere = (target, key) => {
  if (!target.closest || target === document.body) return false;
  if (target.closest("textarea,select,[contenteditable],input:not([type=checkbox])")) return true;
  if (target.closest("[role=slider]") && target !== wave) return key.startsWith("Arrow") || key === "Home";
  return walking && target.closest("button,input,a,[role=tab]") !== null;
};
let walking = false;
const onPointer = () => { walking = false; harness(); };
const onKey = (event) => {
  if (event.key === "Tab") walking = true;
  if (event.ctrlKey || event.metaKey || event.altKey || belongsElsewhere(event.target, event.key)) return;
  const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  action();
};
// viser turns the camera with the arrow keys wherever they are pressed, in a slider too.
const onKeyDone = (event) => { if (belongsElsewhere(event.target, event.key)) event.stopPropagation(); };
// A browser that leaves ends what is being saved for it: let it be asked first.
let isSaving = false;
const saving = (on) => { isSaving = on; };
const onLeave = (event) => { if (isSaving) event.preventDefault(); };
const LISTENERS = [
  [document.body, "keydown", onKeyDone, false], [window, "keydown", onKey, true], [window, "pointerdown", onPointer, true],
  [window, "beforeunload", onLeave, false], [window, "change", onFile, true], [window, "dragover", onDragOver, true], [window, "drop", onDrop, true],
];
for (const [target, event, action, early] of LISTENERS) target.addEventListener(event, action, early);

const beat = () => {
  if (!alive) return;
  if (playing && performance.now() - lastClock > 50) { lastClock = performance.now(); send("clock"); }
  if (playing && performance.now() - lastPaint > 70) paint();
  requestAnimationFrame(beat);
};
const style = element("style", { textContent: config.style });
const NODES = [bar, trackPanel, chip, hintBox, legendBox, leftLabel, rightLabel, splitLine];
document.head.append(style);
document.body.append(...NODES);
// The picture comes from the server: that this browser draws 3D slowly, as viser warns over it, matters to nobody.
const hush = () => {
  for (const note of document.querySelectorAll(".mantine-Notification-root"))
    if (note.textContent.includes("Software WebGL")) note.querySelector("button")?.click();
};
const placing = setInterval(() => { place(); paint(); hush(); }, 300);

window.gaussianHead = {
  load, show, drawn, play, pause, toggle, seek, step, hint, setRate, setLoop, more, callOff, offer, link, home, roam, ticks, tracks, mark, saving,
  state: () => ({ t: time(), playing, rate, loop, duration, hasSound, name, number: performanceId, rows: rows.map((row) => row.name), marks: keyed }),
  dispose() {
    alive = false; clearInterval(placing); clearTimeout(hintTimer); clearTimeout(blipTimer);
    recorder?.stop();
    audio.pause(); audio.removeAttribute("src");
    if (soundUrl) URL.revokeObjectURL(soundUrl);
    for (const [target, event, action, early] of LISTENERS) target.removeEventListener(event, action, early);
    for (const node of [...NODES, screen, style]) node.remove();
    relaid(null);
  },
};
place(); paint(); send("hello", { text: location.search }); beat();
