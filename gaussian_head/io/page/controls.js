// Buttons, timeline and keys.

const ICONS = {
  play: '<path d="M7 4.5v15l12.5-7.5z" fill="currentColor"/>',
  pause: '<path d="M8 5v14M16 5v14" stroke-width="3.4"/>',
  loop: '<path d="M4 11V9a4 4 0 0 1 4-4h11m-3-3 3 3-3 3M20 13v2a4 4 0 0 1-4 4H5m3 3-3-3 3-3"/>',
  sound: '<path d="M4 9.5v5h3.5L12 18V6L7.5 9.5zM15.5 9a4 4 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11"/>',
  muted: '<path d="M4 9.5v5h3.5L12 18V6L7.5 9.5zM16 9.5l5 5m0-5-5 5"/>',
  backdrop: '<rect x="3.5" y="4.5" width="17" height="15" rx="2"/><path d="m4 16.5 5-5 4 4 2.5-2.5 4.5 4"/><circle cx="15.5" cy="9" r="1.2"/>',
  reset: '<path d="M4.5 12a7.5 7.5 0 1 1 2.3 5.4M4.5 19v-4.5H9"/>',
  full: '<path d="M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5"/>',
};
const icon = (name) => `<svg viewBox="0 0 24 24" aria-hidden="true">${ICONS[name]}</svg>`;
const element = (id) => document.getElementById(id);
const IDLE_AFTER = 2500;  // milliseconds without a move until the controls hide while playing

class Controls {
  constructor(player) {
    this.player = player;
    this.stage = element('stage');
    const { clock } = player;
    element('start').innerHTML = icon('play');
    const buttons = {
      play: () => this.toggle(),
      start: () => this.toggle(),
      loop: () => (clock.setLoop(!clock.loop), this.show()),
      mute: () => clock.audio && ((clock.audio.muted = !clock.audio.muted), this.show()),
      backdrop: () => player.toggleBackdrop(),
      reset: () => player.resetView(),
      full: () => this.toggleFull(),
      hide: () => this.toggleCaption(),
    };
    for (const [id, press] of Object.entries(buttons))
      element(id).addEventListener('click', (event) => {
        press();
        if (event.detail) element(id).blur();  // clicked: the space bar goes on playing and pausing
      });
    this.slide(element('timeline'));
    document.addEventListener('keydown', (event) => this.key(event, buttons));
    for (const name of ['pointermove', 'pointerdown', 'keydown', 'focusin']) document.addEventListener(name, () => this.wake());
    document.addEventListener('fullscreenchange', () => player.changed());
    element('full').hidden = !document.fullscreenEnabled;
    element('mute').hidden = !clock.audio;
    clock.onLose = () => {
      element('mute').hidden = true;
      this.tell('This browser cannot play the sound; the picture goes on without it.');
    };
    this.show();
  }

  slide(timeline) {
    const { clock } = this.player;
    timeline.max = clock.duration;
    timeline.addEventListener('input', () => this.player.seek(Number(timeline.value)));
    let resume = false;
    timeline.addEventListener('pointerdown', () => ((resume = clock.playing), clock.pause()));
    const release = () => resume && ((resume = false), this.toggle());
    for (const name of ['pointerup', 'pointercancel']) timeline.addEventListener(name, release);
  }

  key(event, buttons) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { clock, baked } = this.player, frame = 1 / baked.header.fps;
    const step = (seconds) => (clock.pause(), this.player.seek(Math.round((clock.at + seconds) / frame) * frame));
    const actions = {
      ' ': buttons.play, k: buttons.play, r: buttons.reset, m: buttons.mute, l: buttons.loop, f: buttons.full, b: buttons.backdrop,
      c: buttons.hide,
      ArrowRight: () => step(event.shiftKey ? 1 : frame), ArrowLeft: () => step(event.shiftKey ? -1 : -frame),
      Home: () => step(-clock.duration), End: () => step(clock.duration),
    };
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || (event.key === ' ' && event.target.tagName === 'BUTTON')) return;
    event.preventDefault();
    action();
  }

  toggle() {
    const { clock } = this.player;
    if (clock.playing) clock.pause();
    else clock.play().then(() => this.show());
    this.stage.classList.add('started');
    this.player.changed();
    this.show();
  }

  toggleFull() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (document.fullscreenEnabled) this.stage.requestFullscreen();
  }

  toggleCaption() {
    element('caption').hidden = !element('caption').hidden;
  }

  wake() {
    this.stage.classList.remove('idle');
    clearTimeout(this.sleep);
    this.sleep = setTimeout(() => this.player.clock.playing && this.stage.classList.add('idle'), IDLE_AFTER);
  }

  tell(text) {
    const notice = element('notice');
    notice.textContent = text;
    notice.hidden = false;
    setTimeout(() => (notice.hidden = true), 6000);
  }

  // Brings every control up to date.
  show() {
    const { clock, plain } = this.player, muted = Boolean(clock.audio && clock.audio.muted);
    label('play', clock.playing ? 'pause' : 'play', clock.playing ? 'Pause (space)' : 'Play (space)');
    label('loop', 'loop', clock.loop ? 'Loop is on (L)' : 'Loop is off (L)', !clock.loop);
    label('mute', muted ? 'muted' : 'sound', muted ? 'Sound on (M)' : 'Mute (M)');
    label('backdrop', 'backdrop', plain ? 'Recorded background (B)' : 'Plain background (B)', plain);
    label('reset', 'reset', 'Reset view (R)');
    label('full', 'full', 'Fullscreen (F)');
    const timeline = element('timeline');
    timeline.value = clock.at;
    timeline.style.setProperty('--done', `${(100 * clock.at) / clock.duration}%`);
    element('time').textContent = `${minutes(clock.at)} / ${minutes(clock.duration)}`;
    if (!clock.playing) this.stage.classList.remove('idle');
  }
}

function label(id, name, text, off = false) {
  const button = element(id);
  if (button.title === text) return;
  button.innerHTML = icon(name);
  button.title = text;
  button.setAttribute('aria-label', text.replace(/ \(.*/, ''));
  button.classList.toggle('off', off);
}

const minutes = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
