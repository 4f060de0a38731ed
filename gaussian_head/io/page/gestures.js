// Mouse, pen and fingers on the picture: one pointer turns the head, two zoom and shift, the wheel zooms.

const DRAG_START = 4;  // pixels before a press counts as a drag

class Gestures {
  constructor(canvas, camera, changed, tapped) {
    Object.assign(this, { canvas, camera, changed, tapped, held: new Map(), dragged: false });
    canvas.addEventListener('pointerdown', (event) => this.down(event));
    canvas.addEventListener('pointermove', (event) => this.move(event));
    for (const name of ['pointerup', 'pointercancel']) canvas.addEventListener(name, (event) => this.up(event));
    canvas.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    canvas.addEventListener('contextmenu', (event) => event.preventDefault());
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
  }

  down(event) {
    if (!this.held.size) this.dragged = false;
    this.canvas.setPointerCapture(event.pointerId);
    this.held.set(event.pointerId, { ...this.point(event), from: this.point(event) });
  }

  move(event) {
    const before = this.held.get(event.pointerId);
    if (!before) return;
    const after = this.point(event), box = this.canvas.getBoundingClientRect();
    const away = Math.hypot((after.x - before.from.x) * box.width, (after.y - before.from.y) * box.height);
    if (!this.dragged && this.held.size === 1 && away < DRAG_START) return;
    this.dragged = true;
    this.canvas.classList.add('dragging');
    const dx = after.x - before.x, dy = after.y - before.y;
    if (this.held.size > 1) this.pinch(event.pointerId, before, after);
    else if (event.shiftKey || event.buttons & 6) this.camera.shift(dx, dy);
    else this.camera.turn(-Math.PI * dx, Math.PI * dy);
    Object.assign(before, after);
    this.changed();
  }

  pinch(id, before, after) {
    const other = [...this.held].find(([key]) => key !== id)[1];
    const spread = (p) => Math.hypot(p.x - other.x, p.y - other.y);
    this.camera.shift((after.x - before.x) / 2, (after.y - before.y) / 2);
    this.camera.zoom(spread(after) / Math.max(spread(before), 1e-3), (after.x + other.x) / 2, (after.y + other.y) / 2);
  }

  up(event) {
    if (!this.held.delete(event.pointerId) || this.held.size) return;
    this.canvas.classList.remove('dragging');
    if (!this.dragged && event.type === 'pointerup' && event.button === 0) this.tapped();
  }

  wheel(event) {
    event.preventDefault();
    const { x, y } = this.point(event), unit = event.deltaMode === 1 ? 16 : 1;
    this.camera.zoom(Math.exp(-clamp(event.deltaY * unit, -120, 120) * 0.002), x, y);
    this.changed();
  }
}
