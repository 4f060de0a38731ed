"use strict";
// One peer connection: the head's picture and sound come in, the microphone goes out, a data channel carries the rest.

const of = (id) => document.getElementById(id);
const head = of("head"), volume = of("volume");
const token = new URLSearchParams(location.hash.slice(1)).get("token") || "";
const BEAT = 1000, PATIENCE = 4000, TURN = 0.25, REACH = { yaw: 60, pitch: 25 };
const live = {
  peer: null, channel: null, session: "", microphone: null, camera: { yaw: 0, pitch: 0, distance: 1 },
  trip: 0, delay: 0, told: 0, wanted: false, quiet: 1, tries: 0, number: 0,
};
window.gaussianHeadLive = live;

async function ask(path, body, type = "application/json", query = {}) {
  const headers = { ...(body !== undefined && { "Content-Type": type }), ...(token && { Authorization: `Bearer ${token}` }) };
  const where = new URLSearchParams({ ...query, ...(live.session && path !== "/offer" && { session: live.session }) });
  const answer = await fetch(`${path}?${where}`, { method: body === undefined ? "GET" : "POST", headers, body });
  const told = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(told.error), { status: answer.status });
  return told;
}

const complain = (why) => { of("problem").textContent = why || ""; };
const tell = (state) => { of("state").textContent = state; };

function send(kind, values) {
  if (live.channel?.readyState === "open") live.channel.send(JSON.stringify({ kind, ...values }));
}

async function connect() {
  const number = ++live.number, late = () => number !== live.number;
  live.peer?.close();
  tell(live.session ? "Connecting again …" : "Connecting …");
  const helpers = await ask("/ice");
  if (late()) return;
  const peer = (live.peer = new RTCPeerConnection(helpers));
  const video = peer.addTransceiver("video", { direction: "recvonly" });
  const audio = peer.addTransceiver(live.microphone?.getAudioTracks()[0] || "audio", { direction: "sendrecv" });
  for (const { receiver } of [video, audio]) receiver.jitterBufferTarget = 0;
  const codec = new URLSearchParams(location.search).get("codec");
  if (codec) {
    const all = RTCRtpReceiver.getCapabilities("video").codecs;
    const first = all.filter((one) => one.mimeType.toLowerCase() === `video/${codec}`);
    video.setCodecPreferences([...first, ...all.filter((one) => !first.includes(one))]);
  }
  live.emitted = live.held = 0;
  live.channel = peer.createDataChannel("head");
  live.channel.onmessage = ({ data }) => hear(JSON.parse(data));
  // Picture and sound in one stream, which the browser keeps in step.
  const stream = new MediaStream();
  peer.ontrack = ({ track }) => {
    stream.addTrack(track);
    head.srcObject = stream;
    head.play().catch(() => {});
  };
  peer.onconnectionstatechange = () => {
    if (late()) return;
    if (peer.connectionState === "connected") {
      live.tries = 0;
      live.told = performance.now();
      tell("");
      of("start").hidden = true;
      of("file").disabled = of("mic").disabled = false;
      head.muted = false;
    } else if (peer.connectionState === "failed") again();
  };
  await peer.setLocalDescription(await peer.createOffer());
  await gathered(peer);
  if (late()) return;
  const offer = { sdp: peer.localDescription.sdp, head: of("who").value };
  if (live.session) offer.session = live.session;
  const answer = await ask("/offer", JSON.stringify(offer));
  if (late()) return;
  await peer.setRemoteDescription({ type: "answer", sdp: answer.sdp });
  live.session = answer.session;
  introduce(answer);
}

function gathered(peer) {
  return new Promise((done) => {
    const look = () => { if (peer.iceGatheringState === "complete") done(); };
    peer.addEventListener("icegatheringstatechange", look);
    setTimeout(done, 1000);
    look();
  });
}

function introduce({ head: name, heads, session }) {
  const who = of("who");
  who.replaceChildren(...heads.map((one) => new Option(one, one, one === name, one === name)));
  who.parentElement.hidden = heads.length < 2;
  of("name").textContent = `Programs reach this head as session ${session}.`;
}

async function again() {
  if (!live.wanted) return;
  const number = live.number;
  const wait = Math.min(500 * 2 ** live.tries++, 8000);
  tell("The connection was lost; trying again …");
  await new Promise((done) => setTimeout(done, wait));
  if (number === live.number && live.wanted) begin();
}

async function begin() {
  live.wanted = true;
  complain();
  try {
    await connect();
  } catch (error) {
    tell("");
    if (error.status === 503 || error.status === 401 || error.status === 403) {
      live.wanted = false;
      of("start").hidden = false;
      complain(error.message);
    } else {
      if (error.status) live.session = "";
      again();
    }
  }
}

function hear(told) {
  if (told.kind === "error") return complain(told.error);
  if (told.kind !== "pong") return;
  live.told = performance.now();
  live.trip = live.told - told.at;
  live.delay = told.delay - told.waiting;
  live.fps = told.fps;
  of("stop").disabled = !told.waiting;
}

async function measure() {
  let hold = 0;
  for (const report of (await live.peer.getStats()).values()) {
    if (report.type === "inbound-rtp" && report.kind === "video") {
      const count = report.jitterBufferEmittedCount - (live.emitted || 0);
      if (count > 0) hold = (report.jitterBufferDelay - live.held) / count;
      [live.emitted, live.held] = [report.jitterBufferEmittedCount, report.jitterBufferDelay];
      live.shown = report.framesPerSecond || 0;
    }
  }
  live.latency = live.delay * 1000 + live.trip / 2 + hold * 1000;
  of("facts").textContent = `${Math.round(live.latency)} ms · ${Math.round(live.shown)} fps`;
}

setInterval(() => {
  if (!live.wanted || !live.peer) return;
  send("ping", { at: performance.now() });
  const lost = live.peer.connectionState === "connected" && performance.now() - live.told > PATIENCE;
  if (lost) {
    live.told = performance.now();
    again();
  } else if (live.peer.connectionState === "connected") measure().catch(() => {});
}, BEAT);

async function useMicrophone(yes) {
  live.microphone?.getTracks().forEach((track) => track.stop());
  live.microphone = null;
  if (yes) {
    const wanted = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    live.microphone = await navigator.mediaDevices.getUserMedia({ audio: wanted });
    live.quiet = head.volume;
  }
  const sender = live.peer?.getTransceivers().find((one) => one.receiver.track.kind === "audio")?.sender;
  await sender?.replaceTrack(live.microphone?.getAudioTracks()[0] || null);
  of("mic").setAttribute("aria-pressed", String(yes));
  // One's own words a quarter of a second late are hard to speak against.
  volume.value = head.volume = yes ? 0 : live.quiet;
}

async function say(file) {
  if (!file) return;
  complain();
  tell(`Sending ${file.name} …`);
  await ask("/say", file, "application/octet-stream", { mode: "interrupt" });
  tell("");
  of("stop").disabled = false;
}

const told = (work) => (...given) => Promise.resolve(work(...given)).catch((error) => { tell(""); complain(error.message); });

of("start").onclick = () => { if (!live.wanted) begin(); };
of("file").onclick = () => of("chosen").click();
of("chosen").onchange = told(async () => { await say(of("chosen").files[0]); of("chosen").value = ""; });
of("mic").onclick = told(() => useMicrophone(of("mic").getAttribute("aria-pressed") !== "true"));
of("stop").onclick = told(() => ask("/interrupt", ""));
of("mood").onchange = () => send("emotion", { mood: of("mood").value });
of("who").onchange = () => { live.session = ""; if (live.wanted) begin(); };
volume.oninput = () => { head.volume = Number(volume.value); };
addEventListener("pagehide", () => {
  live.wanted = false;
  send("bye");
});
addEventListener("pageshow", ({ persisted }) => { if (persisted) location.reload(); });

// Dragging looks from elsewhere: two fingers or the wheel go nearer and further.
const fingers = new Map();
let moved = false;
function look(change) {
  const { camera } = live;
  camera.yaw = Math.max(-REACH.yaw, Math.min(REACH.yaw, camera.yaw + (change.yaw || 0)));
  camera.pitch = Math.max(-REACH.pitch, Math.min(REACH.pitch, camera.pitch + (change.pitch || 0)));
  camera.distance = Math.max(0.35, Math.min(2.5, camera.distance * (change.nearer || 1)));
  of("front").hidden = false;
  if (moved) return;
  moved = true;
  setTimeout(() => { moved = false; send("camera", live.camera); }, 33);
}
const apart = () => { const [a, b] = [...fingers.values()]; return Math.hypot(a.x - b.x, a.y - b.y); };
head.onpointerdown = (event) => { head.setPointerCapture(event.pointerId); fingers.set(event.pointerId, event); };
head.onpointerup = head.onpointercancel = (event) => fingers.delete(event.pointerId);
head.onpointermove = (event) => {
  const before = fingers.get(event.pointerId);
  if (!before) return;
  const width = fingers.size === 2 ? apart() : 0;
  fingers.set(event.pointerId, event);
  if (fingers.size === 2) look({ nearer: width / Math.max(apart(), 1) });
  else look({ yaw: (before.x - event.x) * TURN, pitch: (before.y - event.y) * TURN });
};
head.addEventListener("wheel", (event) => { event.preventDefault(); look({ nearer: Math.exp(event.deltaY / 800) }); }, { passive: false });
of("front").onclick = () => {
  live.camera = { yaw: 0, pitch: 0, distance: 1 };
  send("camera", live.camera);
  of("front").hidden = true;
};
