// Draws Gaussians from far to near: their depths, computed here on the CPU, and a counting sort.

const DEPTH_STEPS = 65536;

class Order {
  // slots: place of every Gaussian in the renderer's tables, [N]
  constructor(baked, slots) {
    const N = baked.header.num_gaussians;
    this.baked = baked;
    this.slots = slots;
    this.rest = baked.table('means');
    this.weights = baked.table('head_weights');
    this.means = new Float32Array(3 * N);
    this.depths = new Float32Array(N);
    this.steps = new Uint16Array(N);
    this.counts = new Uint32Array(DEPTH_STEPS);
    this.sorted = new Uint32Array(N);
  }

  // Canonical centres under the coefficients of a moment.
  deform(code) {
    for (const { start, count, basis } of this.baked.branches) {
      const means = this.means.subarray(3 * start, 3 * (start + count));
      const rest = this.rest.subarray(3 * start, 3 * (start + count));
      means.fill(0);
      basis.columns.forEach((column, j) => {
        const factor = code[column] * basis.factors[j];
        if (factor !== 0) accumulate(means, basis.stored.subarray(3 * count * j, 3 * count * (j + 1)), factor);
      });
      for (let n = 0, i = 0; n < count; n++)
        for (let k = 0; k < 3; k++, i++) means[i] = rest[i] + (basis.row ? basis.row[n] * means[i] : 0);
    }
  }

  // Slots from far to near as seen along row `axis` [3] of a camera with offset `shift`.
  sort(moment, axis, shift) {
    const { means, depths, weights } = this;
    const h = apply(transpose(rotation(moment.headQuat)), axis), h0 = dot(axis, moment.headPosition) + shift;
    const t = apply(transpose(rotation(moment.torsoQuat)), axis), t0 = dot(axis, moment.torsoPosition) + shift;
    let low = Infinity, high = -Infinity;
    for (let n = 0, i = 0; n < depths.length; n++, i += 3) {
      const x = means[i], y = means[i + 1], z = means[i + 2], w = weights[n];
      const depth = w * (h[0] * x + h[1] * y + h[2] * z + h0) + (1 - w) * (t[0] * x + t[1] * y + t[2] * z + t0);
      depths[n] = depth;
      if (depth < low) low = depth;
      if (depth > high) high = depth;
    }
    return this.count(low, high);
  }

  count(low, high) {
    const { depths, steps, counts, sorted, slots } = this;
    const scale = (DEPTH_STEPS - 1) / Math.max(high - low, 1e-9);
    counts.fill(0);
    for (let n = 0; n < steps.length; n++) {
      steps[n] = (high - depths[n]) * scale;
      counts[steps[n]]++;
    }
    for (let s = 0, sum = 0; s < DEPTH_STEPS; s++) {
      const here = counts[s];
      counts[s] = sum;
      sum += here;
    }
    for (let n = steps.length - 1; n >= 0; n--) sorted[counts[steps[n]]++] = slots[n];
    return sorted;
  }
}

function accumulate(sums, plane, factor) {
  for (let i = 0; i < sums.length; i++) sums[i] += factor * plane[i];
}
