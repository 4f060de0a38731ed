// Reads a baked sequence (a safetensors file; its layout is documented in gaussian_head/io/baked.py).

const NUMBER_TYPES = {
  F32: Float32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
};

class Baked {
  constructor(buffer) {
    const length = Number(new DataView(buffer).getBigUint64(0, true));
    const index = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
    this.header = JSON.parse(index.__metadata__.gaussian_head_baked);
    delete index.__metadata__;
    this.tensors = {};
    for (const [name, entry] of Object.entries(index)) {
      const [begin, end] = entry.data_offsets;
      const Type = NUMBER_TYPES[entry.dtype];
      this.tensors[name] = new Type(buffer, 8 + length + begin, (end - begin) / Type.BYTES_PER_ELEMENT);
    }
    this.branches = this.header.branches.map((entry) => this.branch(entry));
  }

  // A static table as float32, decoded.
  table(name) {
    const stored = this.tensors[name];
    const { scale, offset } = this.header.decode[name];
    const out = new Float32Array(stored.length);
    for (let i = 0, c = 0; i < stored.length; i++, c = c + 1 === scale.length ? 0 : c + 1)
      out[i] = stored[i] * scale[c] + offset[c];
    return out;
  }

  branch(entry) {
    const moving = (kind) => {
      const columns = entry[`${kind}_columns`];
      const name = `${entry.name}.${kind}`;
      if (!columns.length) return { columns, factors: [] };
      return { columns, stored: this.tensors[name], row: this.tensors[`${name}.row`], factors: this.tensors[`${name}.column`] };
    };
    return { ...entry, basis: moving('basis'), stretch: moving('stretch'), opacity: moving('opacity') };
  }

  get duration() {
    return this.header.num_frames / this.header.fps;
  }

  // Coefficients and poses at `time` seconds, interpolated between frames.
  moment(time) {
    const T = this.header.num_frames;
    let at = time * this.header.fps;
    if (Math.abs(at - Math.round(at)) < 1e-3) at = Math.round(at);
    at = Math.min(Math.max(at, 0), T - 1);
    const first = Math.floor(at), second = Math.min(first + 1, T - 1);
    const rows = (name) => {
      const table = this.tensors[name], width = table.length / T;
      return [table.subarray(first * width, (first + 1) * width), table.subarray(second * width, (second + 1) * width)];
    };
    const code = mix(...rows('coefficients'), at - first);
    const [a, b] = rows('poses');
    const part = (begin, end, blend) => blend(a.subarray(begin, end), b.subarray(begin, end), at - first);
    const headQuat = part(0, 4, mixQuats);
    let torsoQuat = part(7, 11, mixQuats);
    if (dot(headQuat, torsoQuat) < 0) torsoQuat = torsoQuat.map((x) => -x);
    return { code, headQuat, headPosition: part(4, 7, mix), torsoQuat, torsoPosition: part(11, 14, mix), index: Math.round(at) };
  }
}

// The file inside the page: base64 of gzip.
async function unpack(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).arrayBuffer();
}
