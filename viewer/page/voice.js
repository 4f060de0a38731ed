// A voice for the head: a file chosen in the panel, dropped on the page or recorded here, sent piece by piece, so that
// it can be refused before it is sent, shows how far it is, and can be called off.
const PIECE = 192 * 1024;
let outgoing = null, uploads = 0, recorder = null;

const base64 = (blob) => new Promise((done, failed) => {
  const reader = new FileReader();
  reader.onload = () => done(String(reader.result).split(",", 2)[1] ?? "");
  reader.onerror = () => failed(reader.error);
  reader.readAsDataURL(blob);
});
const offer = (blob, fileName) => {
  const upload = ++uploads;
  if (blob.size > config.maxBytes) { send("toolarge", { name: fileName, size: blob.size }); return; }
  outgoing = { upload, fileName, blob };
  sendPiece(0);
};
const sendPiece = async (offset) => {
  const job = outgoing;
  try {
    const data = await base64(job.blob.slice(offset, offset + PIECE));
    if (job === outgoing) send("upload", { upload: job.upload, name: job.fileName, size: job.blob.size, offset, data });
  } catch {
    if (job === outgoing) { outgoing = null; send("lost", { upload: job.upload, name: job.fileName }); }
  }
};
// The server has everything up to `offset`.
const more = (upload, offset) => {
  if (outgoing?.upload !== upload) return;
  if (offset < outgoing.blob.size) sendPiece(offset);
  else outgoing = null;
};
const callOff = () => { outgoing = null; };

// viser's own upload button serves where this script does not run; here its file is taken over.
const onFile = (event) => {
  const input = event.target;
  if (input.type !== "file" || !input.accept?.startsWith("audio/") || !input.files?.length) return;
  event.stopImmediatePropagation();
  offer(input.files[0], input.files[0].name);
  input.value = "";
};
const onDragOver = (event) => { if (event.dataTransfer?.types.includes("Files")) event.preventDefault(); };
const onDrop = (event) => {
  const file = event.dataTransfer?.files[0];
  if (!file) return;
  event.preventDefault();
  offer(file, file.name);
};

const toggleRecording = async () => {
  if (recorder) { recorder.stop(); return; }
  if (!navigator.mediaDevices || !window.MediaRecorder) {
    hint("Browsers lend their microphone to localhost and https only");
    return;
  }
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const parts = [], began = new Date();
    recorder = new MediaRecorder(stream);
    recorder.ondataavailable = (event) => parts.push(event.data);
    recorder.onstop = () => {
      for (const track of stream.getTracks()) track.stop();
      const type = recorder.mimeType || "audio/webm", ending = type.includes("mp4") ? "mp4" : type.includes("ogg") ? "ogg" : "webm";
      recorder = null;
      showRecording();
      if (alive) offer(new Blob(parts, { type }), `Recording ${began.toTimeString().slice(0, 8).replaceAll(":", ".")}.${ending}`);
    };
    if (playing) pause();
    recorder.start();
    hint("Recording: press again to end");
  } catch (error) {
    recorder = null;
    hint(`The microphone cannot be used: ${error.message}`);
  }
  showRecording();
};
const showRecording = () => {
  const label = recorder ? "End recording" : "Record a voice";
  recordButton.classList.toggle("recording", Boolean(recorder));
  recordButton.title = label; recordButton.setAttribute("aria-label", label);
};
