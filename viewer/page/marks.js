// Keys of moods and head acts above the tracks: aside is their time, up is how strong a mood is.
const MARKS = 44, REACH = 11, MOOD = "#ffd479", ACTS = "#9fd0ff";
let keyed = [], held = -1;
const markHeight = () => (keyed.length ? MARKS : 0);
const mark = (next) => { if (held < 0) keyed = next; place(); paint(); };
// Where a key is in the panel: acts lie at the bottom of the strip.
const markPlace = ({ at, strength }, from, width) =>
  [from + (at / Math.max(duration, 1e-3)) * width, strength === null ? MARKS - 7 : 8 + (1 - strength) * (MARKS - 18)];
const paintMarks = (from, width) => {
  if (!keyed.length) return;
  trackInk.fillStyle = "#c9cede"; trackInk.fillText("keys", 12, MARKS / 2);
  trackInk.strokeStyle = MOOD; trackInk.lineWidth = 1; trackInk.setLineDash([3, 3]); trackInk.beginPath();
  keyed.filter((key) => key.strength !== null).forEach((key) => trackInk.lineTo(...markPlace(key, from, width)));
  trackInk.stroke(); trackInk.setLineDash([]);
  keyed.forEach((key, i) => {
    const [x, y] = markPlace(key, from, width), r = i === held ? 6 : 4.5;
    const text = key.strength === null ? key.what : `${key.what} ${key.strength.toFixed(2)}`;
    const wide = trackInk.measureText(text).width, left = x + 9 + wide > from + width ? x - 9 - wide : x + 9;
    trackInk.fillStyle = "#12141a"; trackInk.fillRect(left - 2, y - 7, wide + 4, 14);
    trackInk.fillStyle = key.strength === null ? ACTS : MOOD;
    trackInk.fillText(text, left, y);
    trackInk.beginPath(); trackInk.moveTo(x, y - r); trackInk.lineTo(x + r, y); trackInk.lineTo(x, y + r); trackInk.lineTo(x - r, y); trackInk.fill();
  });
};
// The key under a pointer; -1 for none.
const markAt = (event) => {
  if (trackPanel.style.display === "none") return -1;
  const box = trackPanel.getBoundingClientRect(), clock = wave.getBoundingClientRect();
  const far = keyed.map((key) => {
    const [x, y] = markPlace(key, clock.left - box.left, clock.width);
    return Math.hypot(x - (event.clientX - box.left), y - (event.clientY - box.top));
  });
  const best = far.indexOf(Math.min(...far));
  return best >= 0 && far[best] <= REACH ? best : -1;
};
const dragMark = (event) => {
  const box = trackPanel.getBoundingClientRect(), clock = wave.getBoundingClientRect(), key = keyed[held];
  const within = (x, low, high) => Math.min(Math.max(x, low), high);
  key.at = within((event.clientX - clock.left) / Math.max(clock.width, 1), 0, 1) * duration;
  if (key.strength !== null) key.strength = within(1 - (event.clientY - box.top - 8) / (MARKS - 18), 0, 1);
  paint();
};
const dropMark = () => {
  const index = held, { at, strength } = keyed[index];
  held = -1;
  send("mark", { index, t: at, value: strength ?? 0 });
};
