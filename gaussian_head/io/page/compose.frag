#version 300 es
// The drawing over the background plate, or over a plain backdrop.
precision highp float;

uniform sampler2D u_drawing, u_plate;
uniform vec2 u_size;
uniform vec3 u_crop;  // zoom, and where the picture's left upper corner lies, in pictures
uniform bool u_plain;
uniform vec3 u_centre, u_edge;
out vec4 o_colour;

void main() {
  vec4 drawing = texelFetch(u_drawing, ivec2(gl_FragCoord.xy), 0);
  vec2 at = vec2(gl_FragCoord.x, u_size.y - gl_FragCoord.y) / u_size;
  vec3 behind = u_plain ? mix(u_centre, u_edge, smoothstep(0.1, 0.8, distance(at, vec2(0.5, 0.4))))
                        : texture(u_plate, (at - u_crop.yz) / u_crop.x).rgb;
  o_colour = vec4(drawing.rgb + (1.0 - drawing.a) * behind, 1.0);
}
