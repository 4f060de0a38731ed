// How a drag turns the camera: so many degrees a pixel, and no further round than the head holds up to.
const DEGREES_PER_PIXEL = 0.15, DEGREE = Math.PI / 180, TURN = 2 * Math.PI;
let front = null, roams = false;
// The camera stands where it recorded: from here turns are counted, and drags end at so many degrees either way.
const home = (yaw, pitch) => {
  const control = viser()?.cameraControl;
  if (control) front = { azimuth: control.azimuthAngle, polar: control.polarAngle, yaw: yaw * DEGREE, pitch: pitch * DEGREE };
};
const roam = (on) => { roams = on; };
// Before every drag: the canvas may have another height, and the server may have put the camera elsewhere.
const harness = () => {
  const control = viser()?.cameraControl, height = glCanvas()?.clientHeight;
  if (!control || !height) return;
  control.azimuthRotateSpeed = control.polarRotateSpeed = (DEGREES_PER_PIXEL * height) / 360;
  const free = roams || !front, { azimuthAngle: now, polarAngle: high } = control;
  const middle = free ? now : front.azimuth + TURN * Math.round((now - front.azimuth) / TURN);
  // From beyond the limits a drag leads back, and never further.
  control.minAzimuthAngle = free ? -Infinity : Math.min(middle - front.yaw, now);
  control.maxAzimuthAngle = free ? Infinity : Math.max(middle + front.yaw, now);
  control.minPolarAngle = free ? 0 : Math.max(Math.min(front.polar - front.pitch, high), 0);
  control.maxPolarAngle = free ? Math.PI : Math.min(Math.max(front.polar + front.pitch, high), Math.PI);
};
