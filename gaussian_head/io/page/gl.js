// Small helpers around WebGL2.

class Unsupported extends Error {}

// A linked program: use(), and set.NAME(value) for every uniform.
function program(gl, vertex, fragment) {
  const handle = gl.createProgram();
  for (const [type, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(handle, shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost())
      throw new Error(`A shader does not compile here: ${gl.getShaderInfoLog(shader)}`);
  }
  gl.linkProgram(handle);
  if (!gl.getProgramParameter(handle, gl.LINK_STATUS) && !gl.isContextLost())
    throw new Error(`A shader does not link here: ${gl.getProgramInfoLog(handle)}`);
  const set = {};
  for (let i = 0; i < gl.getProgramParameter(handle, gl.ACTIVE_UNIFORMS); i++) {
    const { name, type } = gl.getActiveUniform(handle, i);
    set[name] = setter(gl, gl.getUniformLocation(handle, name), type);
  }
  const known = new Proxy(set, { get: (object, name) => object[name] || (() => {}) });
  return { use: () => gl.useProgram(handle), set: known };
}

function setter(gl, at, type) {
  switch (type) {
    case gl.FLOAT: return (x) => gl.uniform1f(at, x);
    case gl.FLOAT_VEC2: return (x) => gl.uniform2fv(at, x);
    case gl.FLOAT_VEC3: return (x) => gl.uniform3fv(at, x);
    case gl.FLOAT_VEC4: return (x) => gl.uniform4fv(at, x);
    case gl.FLOAT_MAT3: return (x) => gl.uniformMatrix3fv(at, true, x);
    default: return (x) => gl.uniform1i(at, x);  // int, bool, samplers
  }
}

// A new texture, bound.
function texture(gl, target, filter = gl.NEAREST) {
  const handle = gl.createTexture();
  gl.bindTexture(target, handle);
  gl.texParameteri(target, gl.TEXTURE_MIN_FILTER, filter);
  gl.texParameteri(target, gl.TEXTURE_MAG_FILTER, filter);
  gl.texParameteri(target, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
  gl.texParameteri(target, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  return handle;
}

function bind(gl, unit, target, handle, setUnit) {
  gl.activeTexture(gl.TEXTURE0 + unit);
  gl.bindTexture(target, handle);
  setUnit(unit);
}

// Signed bytes [J, M, 3 * parts] as a texture array with `parts` layers per column.
function planes(gl, { columns, stored }, count, rows, parts, width = 3) {
  const layers = Math.max(columns.length * parts, 1), size = WIDTH * rows * 4;
  if (layers > gl.getParameter(gl.MAX_ARRAY_TEXTURE_LAYERS)) throw new Unsupported('The graphics processor has too few texture layers.');
  const data = new Int8Array(layers * size);
  for (let layer = 0; layer < columns.length * parts; layer++) {
    const j = Math.floor(layer / parts), part = layer % parts;
    for (let n = 0; n < count; n++) {
      const from = ((j * count + n) * parts + part) * width, to = layer * size + 4 * n;
      for (let k = 0; k < width; k++) data[to + k] = stored[from + k];
    }
  }
  const handle = texture(gl, gl.TEXTURE_2D_ARRAY);
  gl.texImage3D(gl.TEXTURE_2D_ARRAY, 0, gl.RGBA8I, WIDTH, rows, layers, 0, gl.RGBA_INTEGER, gl.BYTE, data);
  return handle;
}
