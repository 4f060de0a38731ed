// The picture and what is written over it. Pictures are drawn on a canvas of their own, over viser's: the browser
// need not redraw its 3D scene for them.
const screen = element("canvas", { id: "gh-screen" });
const chip = element("div", { id: "gh-chip", className: "gh-note" });
const legendBox = element("div", { id: "gh-legend", className: "gh-note" });
const leftLabel = element("div", { id: "gh-left", className: "gh-note" });
const rightLabel = element("div", { id: "gh-right", className: "gh-note" });
const splitLine = element("div", { id: "gh-split", title: "Drag to compare" });
chip.setAttribute("role", "status");
const glCanvas = () => [...document.querySelectorAll("canvas")].filter((c) => c !== wave && c !== screen && c !== trackPanel)
  .sort((a, b) => b.clientWidth * b.clientHeight - a.clientWidth * a.clientHeight)[0];
const picture = () => glCanvas()?.getBoundingClientRect() ?? { left: 0, width: innerWidth, top: 0, bottom: innerHeight };
const ink = screen.getContext("2d");
let newest = 0, last = 0, splitAt = null, legendText = "";

const show = async (data, info) => {
  const number = ++newest, arrived = performance.now(), image = new Image();
  image.src = `data:image/jpeg;base64,${data}`;
  await image.decode();
  requestAnimationFrame(() => {
    if (!alive) return;
    // Several may be on their way: each that is not overtaken is drawn, and all are acknowledged.
    if (number < last) return acknowledge(arrived);
    last = number;
    if (screen.parentElement !== glCanvas()?.parentElement) glCanvas()?.after(screen);
    screen.style.display = "";
    if (screen.width !== image.width) screen.width = image.width;
    if (screen.height !== image.height) screen.height = image.height;
    ink.drawImage(image, 0, 0);
    seen(info, arrived);
  });
};
// The browser itself draws the Gaussians: take the canvas away, and answer once it has drawn.
const drawn = (info) => {
  const number = ++newest, arrived = performance.now();
  requestAnimationFrame(() => requestAnimationFrame(() => {
    if (!alive) return;
    last = number;
    screen.style.display = "none";
    seen(info, arrived);
  }));
};
const acknowledge = (arrived) => {
  lastClock = performance.now();
  send("shown", { busy: (lastClock - arrived) / 1000 });
};
const seen = (info, arrived) => {
  acknowledge(arrived);
  chip.textContent = info.status;
  linkQuery = info.link;
  leftLabel.textContent = info.labels?.[0] ?? "";
  rightLabel.textContent = info.labels?.[1] ?? "";
  const moved = splitAt !== info.split;
  splitAt = info.split;
  const text = JSON.stringify(info.legend);
  if (text !== legendText) { legendText = text; writeLegend(info.legend); place(); }
  else if (moved) place();
};
const writeLegend = (legend) => {
  legendBox.replaceChildren();
  if (!legend) return;
  legendBox.append(element("div", { textContent: legend.title }));
  if (legend.ramp.length) {
    const ramp = element("div", { className: "ramp" });
    ramp.style.background = `linear-gradient(90deg, ${legend.ramp.join(",")})`;
    const ends = element("div", { className: "ends" });
    ends.append(element("span", { textContent: legend.low }), element("span", { textContent: legend.high }));
    legendBox.append(ramp, ends);
  }
  for (const [label, color] of legend.swatches) {
    const swatch = element("span", { className: "swatch" });
    swatch.style.background = color;
    legendBox.append(swatch, element("span", { className: "swatch-name", textContent: label }));
  }
};
// On a phone viser's panel is a sheet at the window's foot. Picture, player and sheet then stand one under the other:
// the sheet is made as wide as the window, and viser's page as high as what the other two leave.
const BAR = 56, TALL_BAR = 104;
const narrow = matchMedia("(max-width: 36em)");
const drawer = () => narrow.matches ? [...document.querySelectorAll(".mantine-Paper-root")]
  .find((node) => getComputedStyle(node).position === "fixed" && node.clientHeight > 0) : undefined;
const relaid = (sheetNode) => {
  document.documentElement.classList.toggle("gh-phone", Boolean(sheetNode));
  sheetNode?.classList.add("gh-sheet");
  const page = document.getElementById("root"), height = sheetNode ? `${innerHeight - sheetNode.offsetHeight - TALL_BAR}px` : "";
  if (page && page.style.height !== height) page.style.height = height;
};
const place = () => {
  const sheetNode = drawer();
  relaid(sheetNode);
  const box = picture(), phone = Boolean(sheetNode), floor = phone ? box.bottom + 12 : box.bottom - BAR - trackHeight(phone);
  const put = (node, left, top) => { node.style.left = `${left}px`; node.style.top = `${top}px`; };
  const width = phone ? innerWidth : Math.min(box.width - 24, 900);
  bar.style.width = `${width}px`;
  const left = phone ? 0 : box.left + (box.width - width) / 2, top = phone ? box.bottom : box.bottom - BAR - 12;
  put(bar, left, top);
  placeTracks(phone, left, width, top);
  timeText.style.display = width < 520 && !phone ? "none" : "";
  chip.style.maxWidth = `${box.width - 24}px`;
  put(chip, box.left + 12, floor - 48);
  put(hintBox, box.left + (box.width - hintBox.clientWidth) / 2, box.top + 12);
  put(legendBox, box.left + 12, floor - 56 - legendBox.offsetHeight);
  put(leftLabel, box.left + 12, box.top + 12);
  put(rightLabel, box.left + box.width - rightLabel.offsetWidth - 12, box.top + 12);
  splitLine.style.display = splitAt === null || splitAt === undefined ? "none" : "block";
  put(splitLine, box.left + (splitAt ?? 0) * box.width, box.top);
  splitLine.style.height = `${floor - box.top - 24}px`;
};
let dragging = false;
splitLine.addEventListener("pointerdown", (event) => { dragging = true; splitLine.setPointerCapture(event.pointerId); });
splitLine.addEventListener("pointermove", (event) => {
  if (!dragging) return;
  const box = picture(), at = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
  splitLine.style.left = `${box.left + at * box.width}px`;
  send("split", { value: at });
});
splitLine.addEventListener("pointerup", () => { dragging = false; });
splitLine.addEventListener("pointercancel", () => { dragging = false; });
