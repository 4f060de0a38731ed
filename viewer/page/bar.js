// The bar at the foot of the picture: transport, waveform, speed, sound, link.
const icon = (path) => `<svg viewBox="0 0 24 24" width="18" height="18" fill="currentColor"><path d="${path}"/></svg>`;
const ICONS = {
  play: icon("M8 5v14l11-7z"), pause: icon("M6 5h4v14H6zm8 0h4v14h-4z"),
  back: icon("M6 6h2v12H6zm3.5 6 8.5 6V6z"), forward: icon("M16 6h2v12h-2zM6 18l8.5-6L6 6z"),
  loop: icon("M7 7h10v3l4-4-4-4v3H5v6h2zm10 10H7v-3l-4 4 4 4v-3h12v-6h-2z"),
  loud: icon("M3 9v6h4l5 5V4L7 9zm13.5 3A4.5 4.5 0 0 0 14 8v8a4.5 4.5 0 0 0 2.5-4z"),
  mute: icon("M3 9v6h4l5 5V4L7 9zm18.6 0L20 7.4 17.4 10 14.8 7.4 13.4 8.8 16 11.4 13.4 14l1.4 1.4 2.6-2.6 2.6 2.6 1.4-1.4-2.6-2.6z"),
  record: icon("M12 14a3 3 0 0 0 3-3V5a3 3 0 0 0-6 0v6a3 3 0 0 0 3 3zm5-3a5 5 0 0 1-10 0H5a7 7 0 0 0 6 6.9V21h2v-3.1a7 7 0 0 0 6-6.9z"),
  full: icon("M4 4h6v2H6v4H4zm10 0h6v6h-2V6h-4zM4 14h2v4h4v2H4zm14 0h2v6h-6v-2h4z"),
  link: icon("M4 12a3 3 0 0 1 3-3h4V7H7a5 5 0 0 0 0 10h4v-2H7a3 3 0 0 1-3-3zm5 1h6v-2H9zm8-6h-4v2h4a3 3 0 0 1 0 6h-4v2h4a5 5 0 0 0 0-10z"),
};
const bar = element("div", { id: "gh-bar" });
const hintBox = element("div", { id: "gh-hint", className: "gh-note" });
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
const speed = element("select", { title: "Speed" });
speed.setAttribute("aria-label", "Speed");
for (const r of [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2]) speed.append(element("option", { value: String(r), textContent: `${r}×` }));
speed.value = "1";
speed.addEventListener("change", () => { setRate(Number(speed.value)); speed.blur(); });
bar.append(speed);
const loopButton = button("Loop", ICONS.loop, () => setLoop(!loop), "on");
const showMuted = () => { muteButton.innerHTML = audio.muted || audio.volume === 0 ? ICONS.mute : ICONS.loud; };
const muteButton = button("Mute", ICONS.loud, () => { audio.muted = !audio.muted; showMuted(); });
const volume = element("input", { type: "range", min: "0", max: "1", step: "0.05", value: "1", className: "volume", title: "Volume" });
volume.setAttribute("aria-label", "Volume");
volume.addEventListener("input", () => { audio.volume = Number(volume.value); audio.muted = false; showMuted(); });
volume.addEventListener("change", () => volume.blur());
bar.append(volume);
const recordButton = button("Record a voice", ICONS.record, () => toggleRecording());
button("Copy link", ICONS.link, () => copyLink());
const fullButton = button("Full screen", ICONS.full, () => toggleFull(), "full");
if (!document.fullscreenEnabled) fullButton.style.display = "none";
const toggleFull = () => {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.().catch((error) => hint(`Full screen is refused: ${error.message}`));
};

let hintTimer = 0;
const hint = (text) => {
  hintBox.textContent = text; hintBox.style.opacity = 1;
  clearTimeout(hintTimer); hintTimer = setTimeout(() => (hintBox.style.opacity = 0), 3500);
};

// The link to what is seen: the server says who and from where, the player adds when.
let linkQuery = "";
const link = () => {
  const query = new URLSearchParams(location.search);
  for (const [key, value] of new URLSearchParams(linkQuery)) query.set(key, value);
  query.set("t", time().toFixed(2));
  return `${location.origin}${location.pathname}?${query}`;
};
const copyLink = async () => {
  try {
    await navigator.clipboard.writeText(link());
    hint("Link to this view copied");
  } catch {
    window.prompt("Link to this view", link());
  }
};

const clockText = (t) => `${Math.floor(t / 60)}:${(t % 60).toFixed(1).padStart(4, "0")}`;
const sheet = wave.getContext("2d");
let lastPaint = 0, marks = [];
// Moments of the keyframes, in seconds.
const ticks = (times) => { marks = times; paint(); };
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
  sheet.fillStyle = "#7cc4ff";
  for (const t of marks) {
    const x = Math.min(Math.max((t / duration) * w, 4), w - 4);
    sheet.beginPath(); sheet.moveTo(x - 4, 0); sheet.lineTo(x + 4, 0); sheet.lineTo(x, 7); sheet.fill();
  }
  sheet.fillStyle = "#fff";
  sheet.fillRect(Math.min(done * w, w - 2), 2, 2, h - 4);
  paintTracks(done);
  timeText.textContent = `${clockText(now)} / ${clockText(duration)}`;
  wave.setAttribute("aria-valuenow", now.toFixed(2));
  wave.setAttribute("aria-valuemax", duration.toFixed(2));
  const want = playing ? "Pause" : "Play";
  if (playButton.title !== want) {
    playButton.title = want; playButton.setAttribute("aria-label", want);
    playButton.innerHTML = playing ? ICONS.pause : ICONS.play;
  }
};
