// Time of the performance: the sound's where there is one, else the wall clock's.

class Clock {
  constructor(audio, duration) {
    Object.assign(this, { audio, duration, playing: false, loop: true, at: 0, last: 0 });
    if (!audio) return;
    audio.loop = true;
    audio.addEventListener('error', () => this.lose());
    audio.addEventListener('pause', () => !audio.ended && this.playing && this.pause());
    audio.addEventListener('ended', () => this.end());
  }

  // Goes on in silence where the sound cannot be played.
  lose() {
    if (!this.audio) return;
    this.audio = null;
    this.silent = true;
    this.last = performance.now();
    if (this.onLose) this.onLose();
  }

  async play() {
    if (!this.loop && this.at > this.duration - 0.02) this.seek(0);
    this.playing = true;
    this.last = performance.now();
    try {
      if (this.audio) await this.audio.play();
    } catch (error) {
      if (error.name === 'NotSupportedError') this.lose();
      else if (error.name !== 'AbortError') this.playing = false;
    }
  }

  pause() {
    this.playing = false;
    if (this.audio) this.audio.pause();
  }

  end() {
    this.playing = false;
    this.at = this.duration;
  }

  seek(time) {
    this.at = clamp(time, 0, this.duration);
    if (this.audio) this.audio.currentTime = Math.min(this.at, (this.audio.duration || this.duration) - 1e-3);
  }

  setLoop(loop) {
    this.loop = loop;
    if (this.audio) this.audio.loop = loop;
  }

  // Seconds at this moment; the sound's coarse steps are smoothed.
  tick(now) {
    if (!this.playing) return this.at;
    const guess = this.at + (now - this.last) / 1000;
    this.last = now;
    if (this.audio) {
      const heard = this.audio.currentTime;
      this.at = this.audio.seeking || Math.abs(heard - guess) > 0.1 ? heard : guess + 0.1 * (heard - guess);
    } else if (guess < this.duration) {
      this.at = guess;
    } else if (this.loop) {
      this.at = guess % this.duration;
    } else {
      this.end();
    }
    return (this.at = clamp(this.at, 0, this.duration));
  }
}
