#version 300 es
// One fragment is one Gaussian: moves it, projects it (EWA splatting) and finds its colour for this camera.
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp sampler2DArray;
precision highp isampler2DArray;

const float NEAR = 0.01;
const float ALPHA_MIN = 1.0 / 255.0;

uniform sampler2DArray u_rest;      // 0: mean, head weight · 1: quaternion · 2: log-scales, opacity · 3: rows · 4…: SH
uniform isampler2DArray u_basis;    // layer j: x y z
uniform isampler2DArray u_stretch;  // layer 2j: rotation vector, 2j + 1: log-scales
uniform isampler2DArray u_opacity;  // layer j: logit
uniform sampler2D u_code;           // from row 3b on: coefficients of branch b's columns of basis, stretch, opacity
uniform int u_branch, u_first_row, u_basis_columns, u_stretch_columns, u_opacity_columns, u_sh_bases;
uniform vec4 u_head_quat, u_torso_quat;
uniform vec3 u_head_position, u_torso_position;
uniform mat3 u_head, u_torso;  // their rotations
uniform mat3 u_colour_frame;   // world to the frame of the SH
uniform mat3 u_view;
uniform vec3 u_shift, u_eye;
uniform vec4 u_pinhole;  // fx fy cx cy, pixels of the drawing
uniform vec4 u_limits;   // lowest and highest x/z, lowest and highest y/z of the local affine map
uniform vec2 u_size;
uniform float u_blur;
uniform float u_known;  // how much of what changes with the view is known from here

layout(location = 0) out uvec4 o_place;  // centre, first axis
layout(location = 1) out uvec4 o_look;   // second axis (y only), colour, opacity

float code(int kind, int j) { return texelFetch(u_code, ivec2(j, 3 * u_branch + kind), 0).r; }

vec4 rest(int layer) { return texelFetch(u_rest, ivec3(gl_FragCoord.xy, layer), 0); }

vec4 hamilton(vec4 a, vec4 b) {  // wxyz in xyzw
  return vec4(a.x * b.x - dot(a.yzw, b.yzw), a.x * b.yzw + b.x * a.yzw + cross(a.yzw, b.yzw));
}

mat3 rotation(vec4 q) {
  float w = q.x, x = q.y, y = q.z, z = q.w;
  return mat3(1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + w * z), 2.0 * (x * z - w * y),
              2.0 * (x * y - w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z + w * x),
              2.0 * (x * z + w * y), 2.0 * (y * z - w * x), 1.0 - 2.0 * (x * x + y * y));
}

vec3 colour(vec3 d) {
  vec3 rgb = 0.5 + 0.28209479177387814 * rest(4).rgb;
  if (u_sh_bases == 4) rgb += u_known * 0.4886025119029199 * (-d.y * rest(5).rgb + d.z * rest(6).rgb - d.x * rest(7).rgb);
  return max(rgb, 0.0);
}

void main() {
  o_place = o_look = uvec4(0u);  // opacity 0: not drawn
  ivec2 local = ivec2(gl_FragCoord.xy) - ivec2(0, u_first_row);
  vec4 place = rest(0), size = rest(2), rows = rest(3);
  float changed = 0.0;
  for (int j = 0; j < u_opacity_columns; ++j) changed += code(2, j) * float(texelFetch(u_opacity, ivec3(local, j), 0).x);
  float odds = size.w / max(1.0 - size.w, 1e-6) * exp(u_known * rows.z * changed);
  float opacity = changed == 0.0 ? size.w : odds / (1.0 + odds);
  if (opacity < ALPHA_MIN) return;

  vec3 moved = vec3(0.0), turn = vec3(0.0), grow = vec3(0.0);
  for (int j = 0; j < u_basis_columns; ++j)
    moved += code(0, j) * vec3(texelFetch(u_basis, ivec3(local, j), 0).xyz);
  for (int j = 0; j < u_stretch_columns; ++j) {
    float c = code(1, j);
    turn += c * vec3(texelFetch(u_stretch, ivec3(local, 2 * j), 0).xyz);
    grow += c * vec3(texelFetch(u_stretch, ivec3(local, 2 * j + 1), 0).xyz);
  }
  vec3 m = place.xyz + rows.x * moved;
  float w = place.w;
  vec3 mean = w * (u_head * m + u_head_position) + (1.0 - w) * (u_torso * m + u_torso_position);
  vec3 p = u_view * mean + u_shift;
  if (p.z <= NEAR) return;
  vec4 bone = normalize(w * u_head_quat + (1.0 - w) * u_torso_quat);
  vec4 quat = normalize(hamilton(hamilton(bone, vec4(1.0, 0.5 * rows.y * turn)), rest(1)));
  vec3 scale = exp(size.xyz + rows.y * grow);

  vec2 uv = p.xy / p.z, clamped = clamp(uv, u_limits.xz, u_limits.yw);
  mat3 spread = u_view * rotation(quat);  // columns: the Gaussian's axes in the camera
  vec3 along = vec3(1.0, 0.0, -clamped.x), down = vec3(0.0, 1.0, -clamped.y);
  vec3 ux = u_pinhole.x / p.z * (along * spread) * scale, uy = u_pinhole.y / p.z * (down * spread) * scale;
  float xx = dot(ux, ux) + u_blur, xy = dot(ux, uy), yy = dot(uy, uy) + u_blur;
  float width = sqrt(xx), slope = xy / width, height = sqrt(max(yy - slope * slope, 1e-8));  // Cholesky
  vec2 centre = uv * u_pinhole.xy + u_pinhole.zw;
  vec2 reach = sqrt(2.0 * log(opacity / ALPHA_MIN) * vec2(xx, yy));
  if (any(lessThan(centre + reach, vec2(0.0))) || any(greaterThan(centre - reach, u_size))) return;

  vec3 rgb = colour(u_colour_frame * normalize(mean - u_eye));
  o_place = floatBitsToUint(vec4(centre, width, slope));
  o_look = uvec4(floatBitsToUint(height), packHalf2x16(rgb.rg), packHalf2x16(vec2(rgb.b, opacity)), 0u);
}
