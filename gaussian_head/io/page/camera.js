// The viewer's camera: the recording camera turned about the resting head, then cropped like a photograph.

const MAX_YAW = 0.75, MAX_PITCH = 0.4, MAX_ZOOM = 8;  // radians, radians, times; beyond, nothing was recorded

class Camera {
  constructor({ camera, centre, known_deg }) {
    this.base = camera;
    this.centre = centre;
    this.known_deg = known_deg;
    this.wanted = { yaw: 0, pitch: 0, zoom: 1, x: 0, y: 0 };  // x, y: left upper corner of the picture, in stage sizes
    this.now = { ...this.wanted };
  }

  turn(yaw, pitch) {
    const { wanted } = this;
    wanted.yaw = clamp(wanted.yaw + yaw, -MAX_YAW, MAX_YAW);
    wanted.pitch = clamp(wanted.pitch + pitch, -MAX_PITCH, MAX_PITCH);
  }

  // Zooms by a factor; the point (x, y) of the stage, in stage sizes, stays where it is.
  zoom(factor, x, y) {
    const { wanted } = this, zoom = clamp(wanted.zoom * factor, 1, MAX_ZOOM), grown = zoom / wanted.zoom;
    wanted.zoom = zoom;
    this.place(x + (wanted.x - x) * grown, y + (wanted.y - y) * grown);
  }

  shift(dx, dy) {
    this.place(this.wanted.x + dx, this.wanted.y + dy);
  }

  place(x, y) {
    this.wanted.x = clamp(x, 1 - this.wanted.zoom, 0);
    this.wanted.y = clamp(y, 1 - this.wanted.zoom, 0);
  }

  reset() {
    this.wanted = { yaw: 0, pitch: 0, zoom: 1, x: 0, y: 0 };
  }

  jump() {
    this.now = { ...this.wanted };
  }

  // Moves towards what is wanted for `seconds`; true while still on the way.
  follow(seconds) {
    const part = 1 - Math.exp(-seconds / 0.06);
    let far = false;
    for (const key of Object.keys(this.now)) {
      const gap = this.wanted[key] - this.now[key];
      far ||= Math.abs(gap) > 3e-4;
      this.now[key] += part * gap;
    }
    if (!far) this.jump();
    return far;
  }

  // What the renderer needs for a picture of width x height.
  view(width, height) {
    const { base, centre } = this, { yaw, pitch, zoom, x, y } = this.now;
    const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
    const turn = product([cy, 0, sy, 0, 1, 0, -sy, 0, cy], [1, 0, 0, 0, cp, -sp, 0, sp, cp]);
    const m = base.viewmat, R0 = [m[0], m[1], m[2], m[4], m[5], m[6], m[8], m[9], m[10]], t0 = [m[3], m[7], m[11]];
    const swing = apply(turn, centre).map((c, i) => centre[i] - c);
    const R = product(R0, turn), t = apply(R0, swing).map((c, i) => c + t0[i]);
    const sx = (width / base.width) * zoom, sy2 = (height / base.height) * zoom;
    const [eye, filmed] = [[R, t], [R0, t0]].map(([turned, moved]) => apply(transpose(turned), moved).map((c) => -c));
    return {
      camera: base, width, height, zoom, R, t, eye, known: this.known(eye, filmed),
      pinhole: [base.fx * sx, base.fy * sy2, base.cx * sx + x * width, base.cy * sy2 + y * height],
      crop: [zoom, x, y],
    };
  }

  // How much of what changes with the view is known from `eye`: 1 about the camera that filmed, 0 far aside.
  known(eye, filmed) {
    if (!this.known_deg) return 1;
    const [a, b] = [eye, filmed].map((place) => place.map((c, i) => c - this.centre[i]));
    const dot = a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    const angle = Math.acos(clamp(dot / (Math.hypot(...a) * Math.hypot(...b)), -1, 1)) * 180 / Math.PI;
    const [from, to] = this.known_deg, x = clamp((angle - from) / (to - from), 0, 1);
    return 1 - x * x * (3 - 2 * x);
  }
}
