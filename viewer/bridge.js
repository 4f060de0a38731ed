// The player at the foot of the picture: transport, waveform, sound, hotkeys; and the reports to the server.
// The server sends this file once per connection with __CONFIG__ filled in, then calls window.gaussianHead.*.
(() => {
  const config = __CONFIG__;
  window.gaussianHead?.dispose();

  const viser = () => window.__viserMutable;
  let alive = true;
  const audio = new Audio();
  audio.preload = "auto";
  let performanceId = 0, name = "", fps = 25, duration = 1, peaks = [], hasSound = false, soundUrl = null;
  let playing = false, rate = 1, loop = true, position = 0, anchor = 0, serial = 0, lastClock = 0;

  // ---- reports -------------------------------------------------------------------------------
  const send = (kind, more = {}) => {
    const value = JSON.stringify({ kind, n: ++serial, id: performanceId, t: time(), playing, rate, loop, ...more });
    viser()?.sendMessage?.({ type: "GuiUpdateMessage", uuid: config.channel, updates: { value } });
  };

  // ---- player: the sound is the clock, and where there is none, the computer's ------------------
  const time = () => {
    if (hasSound) return Math.min(audio.currentTime, duration);
    if (!playing) return position;
    const now = position + ((performance.now() - anchor) / 1000) * rate;
    return loop ? now % duration : Math.min(now, duration);
  };
  const rebase = () => { position = time(); anchor = performance.now(); };
  const play = () => {
    if (!loop && time() >= duration - 1 / fps) seek(0);
    rebase();
    playing = true;
    if (hasSound) {
      audio.play().catch(() => { playing = false; hint("Press play once more to allow sound"); send("clock"); paint(); });
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
  const step = (frames) => {
    if (playing) pause();
    const total = Math.max(Math.round(duration * fps), 1);
    const frame = (Math.floor(time() * fps + 1e-3) + frames + total) % total;
    seek((frame + 0.01) / fps);
  };
  const setRate = (r) => { rebase(); rate = r; audio.playbackRate = r; speed.textContent = `${r}×`; send("clock"); };
  const setLoop = (on) => { rebase(); loop = on; audio.loop = on; loopButton.classList.toggle("on", on); send("clock"); };
  audio.addEventListener("ended", () => { playing = false; send("clock"); paint(); });

  // ---- the bar -----------------------------------------------------------------------------------
  const icon = (path) => `<svg viewBox="0 0 24 24" width="18" height="18" fill="currentColor"><path d="${path}"/></svg>`;
  const ICONS = {
    play: icon("M8 5v14l11-7z"), pause: icon("M6 5h4v14H6zm8 0h4v14h-4z"),
    back: icon("M6 6h2v12H6zm3.5 6 8.5 6V6z"), forward: icon("M16 6h2v12h-2zM6 18l8.5-6L6 6z"),
    loop: icon("M7 7h10v3l4-4-4-4v3H5v6h2zm10 10H7v-3l-4 4 4 4v-3h12v-6h-2z"),
    loud: icon("M3 9v6h4l5 5V4L7 9zm13.5 3A4.5 4.5 0 0 0 14 8v8a4.5 4.5 0 0 0 2.5-4z"),
    mute: icon("M3 9v6h4l5 5V4L7 9zm18.6 0L20 7.4 17.4 10 14.8 7.4 13.4 8.8 16 11.4 13.4 14l1.4 1.4 2.6-2.6 2.6 2.6 1.4-1.4-2.6-2.6z"),
  };
  const style = document.createElement("style");
  style.textContent = `
    #gh-bar{position:fixed;z-index:50;display:flex;align-items:center;gap:6px;height:56px;padding:0 12px;box-sizing:border-box;
      border-radius:14px;background:rgba(18,20,26,.82);color:#eef;font:13px/1 system-ui,sans-serif;user-select:none;
      box-shadow:0 4px 18px rgba(0,0,0,.35)}
    #gh-bar button{all:unset;cursor:pointer;height:32px;min-width:32px;border-radius:9px;display:grid;place-items:center;color:#c9cede}
    #gh-bar button:hover{background:rgba(255,255,255,.12);color:#fff} #gh-bar button.on{color:#ff9d6c}
    #gh-bar button:focus-visible{outline:2px solid #ff9d6c}
    #gh-bar .play{background:#ff8a52;color:#1b1009;width:38px;height:38px;border-radius:50%}
    #gh-bar .play:hover{background:#ffa377;color:#1b1009}
    #gh-bar .wave{flex:1;min-width:40px;height:44px;cursor:pointer;touch-action:none}
    #gh-bar .time{font-variant-numeric:tabular-nums;white-space:nowrap;color:#aab}
    #gh-screen{position:absolute;z-index:1;inset:0;width:100%;height:100%;pointer-events:none}
    #gh-chip,#gh-hint{position:fixed;z-index:50;padding:6px 10px;border-radius:9px;background:rgba(18,20,26,.62);color:#dde;
      font:12px/1.2 system-ui,sans-serif;font-variant-numeric:tabular-nums;pointer-events:none;white-space:nowrap}
    #gh-hint{opacity:0;transition:opacity .3s;background:rgba(18,20,26,.86)}`;
  const element = (tag, more) => Object.assign(document.createElement(tag), more);
  const bar = element("div", { id: "gh-bar" });
  const chip = element("div", { id: "gh-chip" });
  const hintBox = element("div", { id: "gh-hint" });
  chip.setAttribute("role", "status");
  const button = (label, html, action, className = "") => {
    const b = element("button", { innerHTML: html, className, title: label });
    b.setAttribute("aria-label", label);
    // Focus stays off the buttons so that space always means play.
    b.addEventListener("click", () => { action(); b.blur(); });
    bar.append(b);
    return b;
  };
  button("Previous frame", ICONS.back, () => step(-1));
  const playButton = button("Play", ICONS.play, toggle, "play");
  button("Next frame", ICONS.forward, () => step(1));
  const wave = element("canvas", { className: "wave", title: "Timeline: click or drag to go there" });
  wave.setAttribute("role", "slider");
  wave.setAttribute("aria-label", "Timeline");
  bar.append(wave);
  const timeText = element("span", { className: "time" });
  bar.append(timeText);
  const RATES = [1, 0.5, 0.25, 2];
  const speed = button("Speed", "1×", () => setRate(RATES[(RATES.indexOf(rate) + 1) % RATES.length]));
  const loopButton = button("Loop", ICONS.loop, () => setLoop(!loop), "on");
  const muteButton = button("Mute", ICONS.loud, () => {
    audio.muted = !audio.muted;
    muteButton.innerHTML = audio.muted ? ICONS.mute : ICONS.loud;
  });
  // Pictures are drawn here, over viser's own canvas: the browser need not redraw its 3D scene for them.
  const screen = element("canvas", { id: "gh-screen" });
  const glCanvas = () => [...document.querySelectorAll("canvas")].filter((c) => c !== wave && c !== screen)
    .sort((a, b) => b.clientWidth * b.clientHeight - a.clientWidth * a.clientHeight)[0];
  const ink = screen.getContext("2d");
  let newest = 0;
  const show = async (data) => {
    const number = ++newest, image = new Image();
    image.src = `data:image/jpeg;base64,${data}`;
    await image.decode();
    requestAnimationFrame(() => {
      if (!alive || number !== newest) return;
      if (screen.parentElement !== glCanvas()?.parentElement) glCanvas()?.after(screen);
      if (screen.width !== image.width) screen.width = image.width;
      if (screen.height !== image.height) screen.height = image.height;
      ink.drawImage(image, 0, 0);
      lastClock = performance.now();
      send("shown");
    });
  };
  document.head.append(style);
  document.body.append(bar, chip, hintBox);

  let hintTimer = 0;
  const hint = (text) => {
    hintBox.textContent = text; hintBox.style.opacity = 1;
    clearTimeout(hintTimer); hintTimer = setTimeout(() => (hintBox.style.opacity = 0), 3500);
  };
  const clockText = (t) => `${Math.floor(t / 60)}:${(t % 60).toFixed(1).padStart(4, "0")}`;
  const sheet = wave.getContext("2d");
  let lastPaint = 0;
  const paint = () => {
    lastPaint = performance.now();
    const now = time(), w = wave.clientWidth, h = wave.clientHeight, dpr = Math.min(window.devicePixelRatio || 1, 2);
    if (wave.width !== Math.round(w * dpr)) { wave.width = Math.round(w * dpr); wave.height = Math.round(h * dpr); }
    sheet.setTransform(dpr, 0, 0, dpr, 0, 0);
    sheet.clearRect(0, 0, w, h);
    const bars = Math.max(Math.floor(w / 3), 1), done = now / duration;
    for (let i = 0; i < bars; i++) {
      const from = Math.floor((i / bars) * peaks.length), to = Math.max(Math.floor(((i + 1) / bars) * peaks.length), from + 1);
      let peak = 0;
      for (let j = from; j < to && j < peaks.length; j++) peak = Math.max(peak, peaks[j]);
      const tall = Math.max((peak / 100) * (h - 8), 2);
      sheet.fillStyle = (i + 0.5) / bars <= done ? "#ff8a52" : "rgba(200,205,225,.38)";
      sheet.fillRect(i * 3, (h - tall) / 2, 2, tall);
    }
    sheet.fillStyle = "#fff";
    sheet.fillRect(Math.min(done * w, w - 2), 2, 2, h - 4);
    timeText.textContent = `${clockText(now)} / ${clockText(duration)}`;
    wave.setAttribute("aria-valuenow", now.toFixed(2));
    wave.setAttribute("aria-valuemax", duration.toFixed(2));
    const want = playing ? "Pause" : "Play";
    if (playButton.title !== want) {
      playButton.title = want; playButton.setAttribute("aria-label", want);
      playButton.innerHTML = playing ? ICONS.pause : ICONS.play;
    }
  };
  const place = () => {
    const box = glCanvas()?.getBoundingClientRect() ?? { left: 0, width: innerWidth, top: 0, bottom: innerHeight };
    const width = Math.min(box.width - 24, 900);
    bar.style.width = `${width}px`;
    bar.style.left = `${box.left + (box.width - width) / 2}px`;
    bar.style.top = `${box.bottom - 68}px`;
    timeText.style.display = width < 420 ? "none" : "";
    chip.style.left = `${box.left + 12}px`; chip.style.top = `${box.bottom - 104}px`;
    hintBox.style.left = `${box.left + (box.width - hintBox.clientWidth) / 2}px`; hintBox.style.top = `${box.bottom - 112}px`;
  };

  // ---- pointer and keys --------------------------------------------------------------------------
  let scrubbing = false;
  const scrub = (event) => {
    const box = wave.getBoundingClientRect();
    seek(((event.clientX - box.left) / Math.max(box.width, 1)) * duration);
  };
  wave.addEventListener("pointerdown", (event) => { scrubbing = true; wave.setPointerCapture(event.pointerId); scrub(event); });
  wave.addEventListener("pointermove", (event) => { if (scrubbing) scrub(event); });
  wave.addEventListener("pointerup", () => { scrubbing = false; });
  wave.addEventListener("pointercancel", () => { scrubbing = false; });

  const KEYS = {
    " ": toggle, k: toggle, ArrowRight: () => step(1), ArrowLeft: () => step(-1), Home: () => seek(0),
    ">": () => step(Math.round(fps)), "<": () => step(-Math.round(fps)),
    l: () => setLoop(!loop), m: () => muteButton.click(), r: () => send("reset"),
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
  const onPointer = () => { walking = false; };
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
  document.body.addEventListener("keydown", onKeyDone);
  window.addEventListener("keydown", onKey, true);
  window.addEventListener("pointerdown", onPointer, true);

  // ---- heartbeat ---------------------------------------------------------------------------------
  const beat = () => {
    if (!alive) return;
    if (playing && performance.now() - lastClock > 50) { lastClock = performance.now(); send("clock"); }
    if (playing && performance.now() - lastPaint > 70) paint();
    requestAnimationFrame(beat);
  };
  const placing = setInterval(() => { place(); paint(); }, 300);

  window.gaussianHead = {
    // Another performance: its sound as a data URI or null, its length, its outline for the timeline.
    load(next) {
      pause();
      ({ id: performanceId, name, fps, duration, peaks } = next);
      position = 0; hasSound = false;
      if (soundUrl) URL.revokeObjectURL(soundUrl);
      soundUrl = null; audio.removeAttribute("src");
      if (next.sound) {
        const bytes = Uint8Array.from(atob(next.sound), (c) => c.charCodeAt(0));
        soundUrl = URL.createObjectURL(new Blob([bytes], { type: "audio/wav" }));
        audio.src = soundUrl; audio.loop = loop; audio.playbackRate = rate;
        hasSound = true;
      }
      muteButton.style.display = hasSound ? "" : "none";
      wave.title = `${name}: click or drag to go there`;
      send("clock"); paint();
    },
    show, play, pause, toggle, seek, step, hint, setRate, setLoop,
    status(text) { chip.textContent = text; },
    state: () => ({ t: time(), playing, rate, loop, duration, hasSound, name }),
    dispose() {
      alive = false; clearInterval(placing); clearTimeout(hintTimer);
      audio.pause(); audio.removeAttribute("src");
      if (soundUrl) URL.revokeObjectURL(soundUrl);
      document.body.removeEventListener("keydown", onKeyDone);
      window.removeEventListener("keydown", onKey, true);
      window.removeEventListener("pointerdown", onPointer, true);
      for (const node of [bar, chip, hintBox, screen, style]) node.remove();
    },
  };
  place(); paint(); send("hello"); beat();
})();
