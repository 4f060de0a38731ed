// What the head does, as lines over the waveform: one row each, on the waveform's own clock.
const ROW = 19, COLORS = ["#7cc4ff", "#7cc4ff", "#7cc4ff", "#b9e08a", "#b9e08a", "#ffc46b", "#ff8a52"];
const trackPanel = element("canvas", { id: "gh-tracks", title: "What the head does: click or drag to go there" });
trackPanel.style.display = "none";
const trackInk = trackPanel.getContext("2d");
let tracksWanted = false;
const tracks = (on) => { tracksWanted = on; place(); paint(); };
// The height that the rows take above the bar.
const trackHeight = (phone) => (tracksWanted && !phone && rows.length ? rows.length * ROW + 14 + markHeight() : 0);
const placeTracks = (phone, left, width, bottom) => {
  const high = trackHeight(phone);
  trackPanel.style.display = high ? "" : "none";
  trackPanel.style.left = `${left}px`;
  trackPanel.style.width = `${width}px`;
  trackPanel.style.height = `${high - 6}px`;
  trackPanel.style.top = `${bottom - high}px`;
};
const paintTracks = (done) => {
  if (trackPanel.style.display === "none") return;
  const box = trackPanel.getBoundingClientRect(), clock = wave.getBoundingClientRect(), dpr = Math.min(window.devicePixelRatio || 1, 2);
  const w = Math.round(box.width * dpr), h = Math.round(box.height * dpr), from = clock.left - box.left;
  if (trackPanel.width !== w || trackPanel.height !== h) { trackPanel.width = w; trackPanel.height = h; }
  trackInk.setTransform(dpr, 0, 0, dpr, 0, 0);
  trackInk.clearRect(0, 0, box.width, box.height);
  trackInk.font = "11px system-ui,sans-serif"; trackInk.textBaseline = "middle";
  rows.forEach(({ name: what, values }, i) => {
    const middle = 4 + markHeight() + ROW * (i + 0.5);
    trackInk.fillStyle = "#c9cede"; trackInk.fillText(what, 12, middle);
    trackInk.strokeStyle = "rgba(200,205,225,.22)"; trackInk.lineWidth = 1;
    trackInk.beginPath(); trackInk.moveTo(from, middle); trackInk.lineTo(from + clock.width, middle); trackInk.stroke();
    trackInk.strokeStyle = COLORS[i % COLORS.length]; trackInk.lineWidth = 1.4; trackInk.beginPath();
    values.forEach((value, j) => trackInk.lineTo(from + ((j + 0.5) / values.length) * clock.width, middle - (value / 100) * (ROW / 2 - 1)));
    trackInk.stroke();
  });
  paintMarks(from, clock.width);
  trackInk.fillStyle = "#fff";
  trackInk.fillRect(from + Math.min(done * clock.width, clock.width - 2), 2, 2, box.height - 4);
};
