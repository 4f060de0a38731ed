#version 300 es
// Four vertices around each splat, as far out as it can be seen.
precision highp float;
precision highp int;
precision highp usampler2D;

uniform usampler2D u_order, u_place, u_look;
uniform vec2 u_size;
out vec2 v_at;  // in standard deviations
flat out vec4 v_look;

void main() {
  int splat = gl_VertexID >> 2;
  uint slot = texelFetch(u_order, ivec2(splat & 255, splat >> 8), 0).r;
  ivec2 texel = ivec2(slot & 255u, slot >> 8u);
  uvec4 look = texelFetch(u_look, texel, 0);
  vec2 blue = unpackHalf2x16(look.z);
  v_look = vec4(unpackHalf2x16(look.y), blue);
  v_at = vec2(0.0);
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  if (blue.y == 0.0) return;
  vec4 place = uintBitsToFloat(texelFetch(u_place, texel, 0));
  vec2 corner = vec2(gl_VertexID & 1, (gl_VertexID >> 1) & 1) * 2.0 - 1.0;
  v_at = corner * sqrt(2.0 * log(255.0 * blue.y));
  vec2 pixel = place.xy + v_at.x * place.zw + v_at.y * vec2(0.0, uintBitsToFloat(look.x));
  gl_Position = vec4(2.0 * pixel.x / u_size.x - 1.0, 1.0 - 2.0 * pixel.y / u_size.y, 0.0, 1.0);
}
