// The player: draws a picture whenever time or view have changed, and nothing otherwise.

const FINEST = 2;          // pixels drawn per recorded pixel, at most: finer ones show nothing more
const SLOW_FRAME = 45;     // milliseconds; slower moving pictures are drawn smaller
const SMALLEST = 0.4;
const BACKDROPS = {
  light: { centre: [0.93, 0.925, 0.91], edge: [0.72, 0.71, 0.7] },
  dark: { centre: [0.27, 0.28, 0.31], edge: [0.08, 0.08, 0.09] },
};

class Player {
  constructor(baked, plate, audio) {
    this.canvas = element('picture');
    this.baked = baked;
    this.plate = plate;
    this.clock = new Clock(audio, baked.duration);
    this.camera = new Camera(baked.header);
    this.renderer = new Renderer(this.canvas, baked, plate);
    this.order = new Order(baked, this.renderer.slots);
    this.plain = false;
    this.quality = 1;
    this.dirty = true;
    this.drawn = 0;
    this.slow = this.rested = 0;
    this.spent = {};
    this.controls = new Controls(this);
    new Gestures(this.canvas, this.camera, () => this.changed(), () => this.controls.toggle());
    new ResizeObserver(() => this.changed()).observe(this.canvas);
    this.canvas.addEventListener('webglcontextlost', (event) => (event.preventDefault(), (this.lost = true)));
    this.canvas.addEventListener('webglcontextrestored', () => this.restore());
    requestAnimationFrame((now) => this.tick(now));
  }

  restore() {
    this.renderer = new Renderer(this.canvas, this.baked, this.plate);
    this.lost = false;
    this.changed();
  }

  changed() {
    this.dirty = true;
  }

  seek(time) {
    this.clock.seek(time);
    this.changed();
  }

  resetView() {
    this.camera.reset();
    this.changed();
  }

  toggleBackdrop() {
    this.plain = !this.plain;
    this.controls.show();
    this.changed();
  }

  tick(now) {
    requestAnimationFrame((next) => this.tick(next));
    const wasPlaying = this.clock.playing, time = this.clock.tick(now);
    const turning = this.camera.follow(Math.min(now - (this.lastTick || now), 100) / 1000);
    const moving = wasPlaying || turning;
    if (this.wasMoving && !moving) this.dirty = true;  // a last picture at full size
    this.pace(moving, now - (this.lastTick || now));
    this.lastTick = now;
    this.wasMoving = moving;
    if (this.lost || !(moving || this.dirty)) return;
    this.dirty = false;
    this.draw(time, moving ? this.quality : 1);
    this.controls.show();
  }

  // Smaller pictures while a slow machine moves them; after a rest it may try larger ones again.
  pace(moving, milliseconds) {
    const late = moving && milliseconds > SLOW_FRAME;
    this.slow = late ? this.slow + Math.min(milliseconds, 250) : Math.max(this.slow - milliseconds, 0);
    this.rested = moving ? 0 : this.rested + milliseconds;
    if (this.slow > 700 && this.quality > SMALLEST) {
      this.quality = Math.max(this.quality * 0.7, SMALLEST);
      this.slow = 0;
    } else if (this.rested > 5000) {
      this.quality = Math.min(this.quality / 0.7, 1);
      this.rested = 0;
    }
  }

  draw(time, quality) {
    const box = this.canvas.getBoundingClientRect();
    const finest = (FINEST * this.baked.header.camera.width) / Math.max(box.width, 1);
    const most = Math.min(window.devicePixelRatio || 1, finest) * quality;
    const width = Math.max(Math.round(box.width * most), 1), height = Math.max(Math.round(box.height * most), 1);
    const moment = this.baked.moment(time), view = this.camera.view(width, height);
    const begin = performance.now();
    if (this.deformed !== time) this.order.deform(moment.code);
    this.deformed = time;
    const middle = performance.now();
    const sorted = this.order.sort(moment, view.R.slice(6), view.t[2]);
    const end = performance.now();
    const theme = matchMedia('(prefers-color-scheme: dark)').matches ? BACKDROPS.dark : BACKDROPS.light;
    this.renderer.resize(width, height);
    this.renderer.draw(moment, view, sorted, { plain: this.plain, ...theme });
    this.spent = { deform: middle - begin, sort: end - middle, draw: performance.now() - end };
    this.index = moment.index;
    this.drawn++;
  }

  // For programs that steer the page.
  state() {
    const { clock, camera, canvas, spent, drawn, index, quality, baked } = this;
    return {
      time: clock.at, playing: clock.playing, loop: clock.loop, duration: clock.duration, frame: index, drawn, quality,
      sound: clock.audio ? { time: clock.audio.currentTime, muted: clock.audio.muted, ready: clock.audio.readyState } : null,
      view: { ...camera.now }, size: [canvas.width, canvas.height], gaussians: baked.header.num_gaussians, spent,
    };
  }

  look(yaw, pitch = 0, zoom = 1) {
    this.camera.reset();
    this.camera.turn(yaw, pitch);
    this.camera.zoom(zoom, 0.5, 0.5);
    this.camera.jump();
    this.changed();
  }
}

function fail(error) {
  const stage = element('stage');
  stage.classList.remove('loading');
  stage.classList.add('failed');
  const plea = 'Open this page in a current Chrome, Edge, Firefox or Safari with hardware acceleration switched on.';
  element('message').textContent = error instanceof Unsupported ? `${error.message} ${plea}` : `This page cannot be shown: ${error.message || error}`;
}

async function start() {
  if (location.hash.includes('bare')) document.body.classList.add('bare');
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));  // shows that it loads
  if (!window.WebGL2RenderingContext) throw new Unsupported('WebGL2 is not available in this browser.');
  if (!window.DecompressionStream) throw new Unsupported('This browser is too old to unpack the page.');
  const text = element('baked');
  const baked = new Baked(await unpack(text.textContent));
  text.remove();
  const { background, sound } = baked.header;
  const plate = await createImageBitmap(new Blob([baked.tensors.background], { type: background.type }));
  const audio = sound ? new Audio(URL.createObjectURL(new Blob([baked.tensors.sound], { type: sound.type }))) : null;
  if (audio) audio.preload = 'auto';
  window.gaussianHead = new Player(baked, plate, audio);
  element('stage').classList.remove('loading');
}

start().catch(fail);
