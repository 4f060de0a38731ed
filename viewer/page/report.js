// Reports to the server, through the value of a hidden text field of viser's panel.
const viser = () => window.__viserMutable;
let alive = true, serial = 0, lastClock = 0;
const send = (kind, more = {}) => {
  const value = JSON.stringify({ kind, n: ++serial, id: performanceId, t: time(), playing, rate, loop, ...more });
  viser()?.sendMessage?.({ type: "GuiUpdateMessage", uuid: config.channel, updates: { value } });
};
const element = (tag, more) => Object.assign(document.createElement(tag), more);
