// Vectors, quaternions (wxyz) and 3x3 matrices (row by row) as plain arrays.

const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
const mix = (a, b, weight) => Float32Array.from(a, (x, i) => x + weight * (b[i] - x));

function mixQuats(a, b, weight) {
  const flip = dot(a, b) < 0 ? -1 : 1;
  const q = Float32Array.from(a, (x, i) => (1 - weight) * x + weight * flip * b[i]);
  const length = Math.hypot(...q);
  return q.map((x) => x / length);
}

function rotation([w, x, y, z]) {
  return [
    1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
    2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
    2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
  ];
}

function product(A, B) {
  const out = new Array(9);
  for (let i = 0; i < 3; i++)
    for (let j = 0; j < 3; j++) out[3 * i + j] = A[3 * i] * B[j] + A[3 * i + 1] * B[3 + j] + A[3 * i + 2] * B[6 + j];
  return out;
}

const transpose = (A) => [A[0], A[3], A[6], A[1], A[4], A[7], A[2], A[5], A[8]];
const apply = (A, v) => [dot(A.slice(0, 3), v), dot(A.slice(3, 6), v), dot(A.slice(6, 9), v)];
const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
