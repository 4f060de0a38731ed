// WebGL2: per picture one pass that moves and projects every Gaussian, one that blends them sorted, one that composes.

const WIDTH = 256;  // Gaussians per row of the tables
const BLUR = 0.3;   // variance in square pixels that the rasterizer of training adds to every splat
const FRUSTUM_MARGIN = 0.3;
const KINDS = 3;    // tables that coefficients weigh: basis, stretch, opacity

class Renderer {
  constructor(canvas, baked, plate) {
    const gl = canvas.getContext('webgl2', { alpha: false, antialias: false, depth: false, powerPreference: 'high-performance' });
    if (!gl) throw new Unsupported('WebGL2 is not available in this browser.');
    Object.assign(this, { gl, canvas, baked });
    this.deep = Boolean(gl.getExtension('EXT_color_buffer_float') || gl.getExtension('EXT_color_buffer_half_float'));
    this.programs = {
      prepare: program(gl, SHADERS['full.vert'], SHADERS['prepare.frag']),
      splat: program(gl, SHADERS['splat.vert'], SHADERS['splat.frag']),
      compose: program(gl, SHADERS['full.vert'], SHADERS['compose.frag']),
    };
    gl.bindVertexArray(gl.createVertexArray());
    gl.disable(gl.DEPTH_TEST);
    gl.disable(gl.DITHER);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    this.layOut();
    this.fillTables();
    this.makeTargets();
    this.plate = texture(gl, gl.TEXTURE_2D, gl.LINEAR);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, plate);
    this.drawing = { texture: texture(gl, gl.TEXTURE_2D), buffer: gl.createFramebuffer(), width: 0, height: 0 };
  }

  // Every branch begins on a row of its own.
  layOut() {
    let row = 0;
    this.slots = new Uint32Array(this.baked.header.num_gaussians);
    this.places = this.baked.branches.map(({ start, count }) => {
      const place = { row, rows: Math.max(Math.ceil(count / WIDTH), 1) };
      for (let n = 0; n < count; n++) this.slots[start + n] = row * WIDTH + n;
      row += place.rows;
      return place;
    });
    this.rows = row;
    this.columns = Math.max(...this.baked.branches.flatMap((b) => [b.basis.columns.length, b.stretch.columns.length, b.opacity.columns.length]), 1);
    this.code = new Float32Array(this.columns * KINDS * this.baked.branches.length);
  }

  fillTables() {
    const { gl, baked } = this;
    const tables = ['means', 'head_weights', 'quats', 'log_scales', 'opacities', 'sh'].map((name) => baked.table(name));
    const [means, weights, quats, scales, opacities, sh] = tables;
    this.bases = sh.length / weights.length / 3;
    const layers = 4 + this.bases, size = WIDTH * this.rows * 4;
    const data = new Float32Array(layers * size);
    const put = (layer, n, values) => data.set(values, layer * size + 4 * this.slots[n]);
    for (let n = 0; n < weights.length; n++) {
      put(0, n, [means[3 * n], means[3 * n + 1], means[3 * n + 2], weights[n]]);
      const q = quats.subarray(4 * n, 4 * n + 4), length = Math.hypot(q[0], q[1], q[2], q[3]) || 1;
      put(1, n, [q[0] / length, q[1] / length, q[2] / length, q[3] / length]);
      put(2, n, [scales[3 * n], scales[3 * n + 1], scales[3 * n + 2], opacities[n]]);
      for (let b = 0; b < this.bases; b++) put(4 + b, n, sh.subarray(3 * (this.bases * n + b), 3 * (this.bases * n + b) + 3));
    }
    for (const { start, count, ...branch } of baked.branches) {
      const rows = [branch.basis.row, branch.stretch.row, branch.opacity.row];
      for (let n = 0; n < count; n++) put(3, start + n, rows.map((row) => (row ? row[n] : 0)));
    }
    this.rest = texture(gl, gl.TEXTURE_2D_ARRAY);
    gl.texImage3D(gl.TEXTURE_2D_ARRAY, 0, gl.RGBA32F, WIDTH, this.rows, layers, 0, gl.RGBA, gl.FLOAT, data);
    this.moving = baked.branches.map((branch, b) => ({
      basis: planes(gl, branch.basis, branch.count, this.places[b].rows, 1),
      stretch: planes(gl, branch.stretch, branch.count, this.places[b].rows, 2),
      opacity: planes(gl, branch.opacity, branch.count, this.places[b].rows, 1, 1),
    }));
    this.codes = texture(gl, gl.TEXTURE_2D);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.R32F, this.columns, KINDS * baked.branches.length);
  }

  makeTargets() {
    const { gl } = this;
    this.prepared = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.prepared);
    [this.place, this.look] = [0, 1].map((i) => {
      const target = texture(gl, gl.TEXTURE_2D);
      gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA32UI, WIDTH, this.rows);
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0 + i, gl.TEXTURE_2D, target, 0);
      return target;
    });
    gl.drawBuffers([gl.COLOR_ATTACHMENT0, gl.COLOR_ATTACHMENT1]);
    this.order = texture(gl, gl.TEXTURE_2D);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.R32UI, WIDTH, this.rows);
    this.orderData = new Uint32Array(WIDTH * this.rows);
    const N = this.slots.length, corners = new Uint32Array(6 * N);
    for (let n = 0; n < N; n++) corners.set([4 * n, 4 * n + 1, 4 * n + 2, 4 * n + 2, 4 * n + 1, 4 * n + 3], 6 * n);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, corners, gl.STATIC_DRAW);
  }

  resize(width, height) {
    const { gl, drawing } = this;
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    if (drawing.width === width && drawing.height === height) return;
    const [inner, type] = this.deep ? [gl.RGBA16F, gl.HALF_FLOAT] : [gl.RGBA8, gl.UNSIGNED_BYTE];
    gl.bindTexture(gl.TEXTURE_2D, drawing.texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, inner, width, height, 0, gl.RGBA, type, null);
    gl.bindFramebuffer(gl.FRAMEBUFFER, drawing.buffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, drawing.texture, 0);
    if (this.deep && gl.checkFramebufferStatus(gl.FRAMEBUFFER) !== gl.FRAMEBUFFER_COMPLETE) {
      this.deep = false;
      return this.resize(width, height);
    }
    Object.assign(drawing, { width, height });
  }

  // One picture; `view` comes from Camera.view, `order` from Order.sort, `backdrop` is {plain, centre, edge}.
  draw(moment, view, order, backdrop) {
    this.prepare(moment, view);
    this.blend(view, order);
    this.compose(view, backdrop);
  }

  prepare(moment, view) {
    const { gl } = this, { use, set } = this.programs.prepare;
    use();
    this.sendCode(moment.code);
    const head = rotation(moment.headQuat), torso = rotation(moment.torsoQuat);
    const scale = view.width / view.camera.width * view.zoom;
    set.u_head_quat(moment.headQuat), set.u_torso_quat(moment.torsoQuat);
    set.u_head_position(moment.headPosition), set.u_torso_position(moment.torsoPosition);
    set.u_head(head), set.u_torso(torso), set.u_view(view.R), set.u_shift(view.t), set.u_eye(view.eye);
    set.u_pinhole(view.pinhole), set.u_limits(limits(view.camera)), set.u_size([view.width, view.height]);
    set.u_blur(BLUR * Math.max(scale, 1) ** 2), set.u_sh_bases(this.bases), set.u_known(view.known);
    bind(gl, 0, gl.TEXTURE_2D_ARRAY, this.rest, set.u_rest);
    bind(gl, 3, gl.TEXTURE_2D, this.codes, set.u_code);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.prepared);
    gl.disable(gl.BLEND);
    this.baked.branches.forEach((branch, b) => {
      const { row, rows } = this.places[b];
      set.u_branch(b), set.u_first_row(row);
      set.u_basis_columns(branch.basis.columns.length), set.u_stretch_columns(branch.stretch.columns.length);
      set.u_opacity_columns(branch.opacity.columns.length);
      set.u_colour_frame(transpose(branch.name === 'torso' ? torso : head));
      bind(gl, 1, gl.TEXTURE_2D_ARRAY, this.moving[b].basis, set.u_basis);
      bind(gl, 2, gl.TEXTURE_2D_ARRAY, this.moving[b].stretch, set.u_stretch);
      bind(gl, 4, gl.TEXTURE_2D_ARRAY, this.moving[b].opacity, set.u_opacity);
      gl.viewport(0, row, WIDTH, rows);
      gl.drawArrays(gl.TRIANGLES, 0, 3);
    });
  }

  sendCode(code) {
    const { gl } = this;
    this.baked.branches.forEach(({ basis, stretch, opacity }, b) => {
      [basis, stretch, opacity].forEach(({ columns, factors }, kind) => {
        columns.forEach((column, j) => (this.code[(KINDS * b + kind) * this.columns + j] = code[column] * factors[j]));
      });
    });
    gl.activeTexture(gl.TEXTURE0 + 3);
    gl.bindTexture(gl.TEXTURE_2D, this.codes);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, this.columns, KINDS * this.baked.branches.length, gl.RED, gl.FLOAT, this.code);
  }

  blend(view, order) {
    const { gl } = this, { use, set } = this.programs.splat;
    use();
    set.u_size([view.width, view.height]);
    bind(gl, 0, gl.TEXTURE_2D, this.order, set.u_order);
    this.orderData.set(order);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, WIDTH, this.rows, gl.RED_INTEGER, gl.UNSIGNED_INT, this.orderData);
    bind(gl, 1, gl.TEXTURE_2D, this.place, set.u_place);
    bind(gl, 2, gl.TEXTURE_2D, this.look, set.u_look);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.drawing.buffer);
    gl.viewport(0, 0, view.width, view.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.drawElements(gl.TRIANGLES, 6 * order.length, gl.UNSIGNED_INT, 0);
  }

  compose(view, backdrop) {
    const { gl } = this, { use, set } = this.programs.compose;
    use();
    set.u_size([view.width, view.height]), set.u_crop(view.crop);
    set.u_plain(backdrop.plain ? 1 : 0), set.u_centre(backdrop.centre), set.u_edge(backdrop.edge);
    bind(gl, 0, gl.TEXTURE_2D, this.drawing.texture, set.u_drawing);
    bind(gl, 1, gl.TEXTURE_2D, this.plate, set.u_plate);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, view.width, view.height);
    gl.disable(gl.BLEND);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }
}

// The local affine map of the projection is held within these x/z and y/z.
function limits({ fx, fy, cx, cy, width, height }) {
  const x = FRUSTUM_MARGIN * 0.5 * width / fx, y = FRUSTUM_MARGIN * 0.5 * height / fy;
  return [-cx / fx - x, (width - cx) / fx + x, -cy / fy - y, (height - cy) / fy + y];
}
