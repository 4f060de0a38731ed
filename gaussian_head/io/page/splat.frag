#version 300 es
precision highp float;

const float ALPHA_MAX = 0.999, ALPHA_MIN = 1.0 / 255.0;

in vec2 v_at;
flat in vec4 v_look;
out vec4 o_colour;  // premultiplied

void main() {
  float alpha = min(v_look.a * exp(-0.5 * dot(v_at, v_at)), ALPHA_MAX);
  if (alpha < ALPHA_MIN) discard;
  o_colour = vec4(v_look.rgb * alpha, alpha);
}
