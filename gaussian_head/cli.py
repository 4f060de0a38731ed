"""`gaussian-head VERB …`: parse, call one library function, draw its progress, say where the result is."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from .checks import InputError
from .events import Event, Warned, both
from .exporting import FORMATS

if TYPE_CHECKING:
    from .training import TrainConfig
    from .viewer import LiveView

Positional = tyro.conf.Positional
Preset = Literal["preview", "standard", "full"]


def _formats() -> str:
    """The formats of `export` with what each is, for its help."""
    return "; ".join(f"{name} ({row.description})" for name, row in FORMATS.items())


class ProgressBars:
    """Draws Progress as bars with the time left and prints warnings above them."""

    def __init__(self) -> None:
        self._stage, self._bar = None, None

    def __call__(self, event: Event) -> None:
        from tqdm import tqdm

        if isinstance(event, Warned):
            tqdm.write(f"warning: {event.message}", file=sys.stderr)
            return
        if event.stage != self._stage:
            self.close()
            initial = event.done if event.done > 1 else 0
            self._stage = event.stage
            self._bar = tqdm(total=event.total, initial=initial, desc=event.stage, mininterval=0.5)
        assert self._bar is not None
        self._bar.set_postfix({k: f"{v:.4g}" for k, v in event.values.items()}, refresh=False)
        self._bar.update(event.done - self._bar.n)

    def close(self) -> None:
        """Finish the bar being drawn."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def demo(
    *,
    out: Path = Path("runs/demo"),
    seconds: float = 12.0,
    preset: Preset = "preview",
    seed: int = 0,
) -> None:
    """Make a talking clip from a public-domain photograph, reconstruct it and let it speak: no footage needed.

    Args:
        out: Folder for the clip, the capture, the head and talk.mp4.
        seconds: Length of the clip to make, in seconds.
        preset: How long to train.
        seed: Seed of the clip's motion and of training.
    """
    from .demo import make_demo_clip

    with _drawing() as listener:
        clip = make_demo_clip(out / "clip", seconds=seconds, seed=seed, listener=listener)
    reconstruct(clip.video, out=out, preset=preset, seed=seed)
    render(out / "head", audio=clip.speech, camera="orbit", out=out / "talk.mp4")


def reconstruct(
    video: Positional[Path],
    *,
    out: Path,
    preset: Preset = "standard",
    size: int = 512,
    seed: int = 0,
    resume: bool = False,
    view: bool = False,
    host: str = "127.0.0.1",
    port: int = 8080,
) -> None:
    """From a video of somebody talking to a head: track, then train.

    Args:
        video: Video file with one person talking.
        out: Folder; gets `capture` and `head`.
        preset: How long to train: preview (minutes), standard, full (hours on a CPU).
        size: Width and height of the square picture to work at, in pixels.
        seed: Seed of every random choice.
        resume: Keep a finished capture and go on from the last checkpoint.
        view: Watch the head sharpen in the browser, and steer the run from there.
        host: Address that --view listens on; by default this machine only.
        port: Port that --view listens on; the next free one where it is taken.
    """
    capture = out / "capture"
    with _live_view(view, host, port) as live:
        if not (resume and (capture / "capture.json").exists()):
            _track(video, capture, size, live)
        _train(capture, out / "head", _config(preset, None, seed), resume, live)


def track(video: Positional[Path], *, out: Path, size: int = 512) -> None:
    """Find the face, its shape, pose and expression in every frame; write a capture and a quality report.

    Args:
        video: Video file with one person talking.
        out: Folder of the capture.
        size: Width and height of the square picture to work at, in pixels.
    """
    _track(video, out, size, None)


def import_capture(folder: Positional[Path], *, out: Path, fps: float = 25.0) -> None:
    """Make a capture of a folder preprocessed for AD-NeRF, ER-NeRF or TalkingGaussian.

    Args:
        folder: Their data folder, with transforms_train.json, ori_imgs, parsing, bc.jpg and aud.wav.
        out: Folder of the capture.
        fps: Frame rate that its pictures were extracted at.
    """
    from .tracking.importing import import_capture as run

    with _drawing() as listener:
        capture = run(folder, out, fps=fps, listener=listener)
    print(f"capture: {out}\n{capture.report['imported']['in_words']}")


def train(
    capture: Positional[Path],
    *,
    out: Path,
    preset: Preset = "standard",
    config: Path | None = None,
    seed: int = 0,
    resume: bool = False,
    view: bool = False,
    host: str = "127.0.0.1",
    port: int = 8080,
) -> None:
    """Train a head of Gaussians on a capture.

    Args:
        capture: Folder that `track` wrote.
        out: Folder of the head.
        preset: How long to train: preview (minutes), standard, full (hours on a CPU).
        config: A config.json of an earlier run, perhaps edited, in place of the preset.
        seed: Seed of every random choice.
        resume: Go on from the last checkpoint in `out`, exactly as if never stopped.
        view: Watch the head sharpen in the browser, and steer the run from there.
        host: Address that --view listens on; by default this machine only.
        port: Port that --view listens on; the next free one where it is taken.
    """
    chosen = _config(preset, config, seed)
    with _live_view(view, host, port) as live:
        _train(capture, out, chosen, resume, live)


def render(
    head: Positional[Path],
    *,
    out: Path,
    audio: Path | None = None,
    camera: str = "front",
    size: str | None = None,
    pose: str = "captured",
    background: str = "captured",
    blink: bool = True,
    seed: int = 0,
    resume: bool = False,
) -> None:
    """Let a head speak (or repeat its own clip) and write a video with sound.

    Args:
        head: Folder that `train` wrote.
        out: The video to write: .mp4 (h264), .mov (ProRes 4444), .webm (VP9); a name without ending is a folder that
            gets PNG files and audio.wav.
        audio: Sound or video file to speak, any length and sample rate; without it the captured clip is replayed.
        camera: `front`, `orbit`, `figure-eight`, `dolly`, a JSON file of keyframes, or the folder of another capture,
            whose camera is followed as its head saw it.
        size: Picture height in pixels, or WIDTHxHEIGHT (1280x720: the head as large as in 720, more room at its
            sides); the captured size where absent.
        pose: Head pose: `captured` loops the clip's own, `still` holds it; a motion file (.json) or the folder of
            another capture lends its own.
        background: `captured`, a colour (#rrggbb or a CSS name), a picture file, or `transparent` (.mov, .webm, PNG).
        blink: Blink now and then.
        seed: Seed of the blinks and of the loops.
        resume: Go on where an interrupted render of the same video stopped; the result is the same.
    """
    from .rendering import render_speech

    with _drawing() as listener:
        render_speech(
            head,
            out,
            audio=audio,
            camera=camera,
            size=size,
            pose=pose,
            background=background,
            blink=blink,
            seed=seed,
            resume=resume,
            listener=listener,
        )
    print(f"video: {out}")


def evaluate(head: Positional[Path], *, out: Path, capture: Path | None = None) -> None:
    """Measure a head on the frames it never saw: numbers as JSON, contact sheet as PNG, a page to look at.

    Args:
        head: Folder that `train` wrote.
        out: Folder of the report.
        capture: The capture it was trained on; by default the one it remembers.
    """
    from .metrics.held_out import evaluate as run

    with _drawing() as listener:
        report = run(head, out, capture=capture, listener=listener)
    for name, values in report.summary().items():
        print(f"{name:>28}  " + "  ".join(f"{key} {value:.3f}" for key, value in values.items()))
    print(f"report: {out}")


def view(
    heads: Positional[tuple[Path, ...]],
    *,
    audio: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 8080,
    size: int = 512,
) -> None:
    """Open heads in the browser: look around, play, drive them with sound and sliders.

    Args:
        heads: One or more folders that `train` wrote.
        audio: Sound file to start with.
        host: Address to listen on; by default this machine only.
        port: Port to listen on; the next free one where it is taken.
        size: Height of the rendered picture in pixels.
    """
    from .viewer import serve

    handle = serve(heads, host=host, port=port, audio=audio, size=size, block=False)
    print(f"viewer: {handle.links} (Ctrl+C ends it)")
    handle.wait()


def export(
    head: Positional[Path],
    *,
    out: Path,
    format: Annotated[str, tyro.conf.arg(help=f"What to write: {_formats()}.")] = "ply",
    frame: int | None = None,
    frames: str | None = None,
    audio: Path | None = None,
    motion: Path | None = None,
    pose: Literal["captured", "still"] = "captured",
    camera: str = "orbit",
    capture: Path | None = None,
    precision: Literal["int8", "float16", "float32"] = "int8",
) -> None:
    """Write a head for other programs: one moment of it, or one file per frame of a motion.

    Args:
        head: Folder that `train` wrote.
        out: File to write; for several frames of Gaussians a folder.
        format: Name of the format.
        frame: One frame of the motion; without any of these options the neutral head at rest.
        frames: Frames of the motion as start:stop:step, for example 0:100:2, or : for all.
        audio: Sound or video file whose speech moves the head, in place of the captured clip.
        motion: Motion file (as motion-json writes) that moves the head, in place of the captured clip.
        pose: Head pose: `captured` as in the motion, `still` holds it.
        camera: Camera path of cameras-json and transforms-json, named as for `render`.
        capture: Capture with the tracked face (glb, obj); by default the one the head remembers.
        precision: Numbers of the baked format: int8 is small and looks the same, float32 keeps every bit.
    """
    from .exporting import ExportOptions
    from .exporting import export as run

    with _drawing() as listener:
        options = ExportOptions(
            frame=frame,
            frames=frames,
            audio=audio,
            motion=motion,
            pose=pose,
            camera=camera,
            capture=capture,
            precision=precision,
            listener=listener,
        )
        run(head, out, format=format, options=options)
    print(f"{format}: {out}")


def doctor() -> None:
    """Say what is installed, what is missing and how to get it."""
    from .doctor import diagnose

    for finding in diagnose():
        print(f"[{'ok' if finding.ok else '--'}] {finding.name}: {finding.detail}")
        if not finding.ok and finding.remedy:
            print(f"       {finding.remedy}")


VERBS: dict[str, Callable[..., None]] = {
    verb.__name__.removesuffix("_capture"): verb
    for verb in (demo, reconstruct, track, import_capture, train, render, evaluate, view, export, doctor)
}


def _config(preset: Preset, file: Path | None, seed: int) -> TrainConfig:
    from dataclasses import replace

    from .training import PRESETS, load_config

    return replace(PRESETS[preset] if file is None else load_config(file), seed=seed)


def _track(video: Path, out: Path, size: int, live: LiveView | None) -> None:
    from .tracking import track as run

    with _drawing() as bars:
        run(video, out, size=size, listener=bars if live is None else both(bars, live.listen))
    print(f"capture: {out}\nquality report: {out / 'report.png'}")


def _train(capture: Path, out: Path, config: TrainConfig, resume: bool, live: LiveView | None) -> None:
    from .training import train as run

    with _drawing() as bars:
        if live is None:
            run(capture, out, config, resume=resume, listener=bars)
        else:
            listener = both(bars, live.listen)
            head = run(capture, out, config, resume=resume, listener=listener, observer=live.observe)
            live.finish(head)
    print(f"head: {out}")
    if live is not None:
        print(f"the head is in the viewer at {live.links} (Ctrl+C ends it)")
        live.wait()


@contextmanager
def _live_view(wanted: bool, host: str, port: int) -> Iterator[LiveView | None]:
    """A page on the run where one is wanted; it closes with the command."""
    if not wanted:
        yield None
        return
    from .viewer import LiveView

    live = LiveView(host=host, port=port)
    print(f"viewer: {live.links}", flush=True)
    try:
        yield live
    finally:
        live.stop()


@contextmanager
def _drawing() -> Iterator[ProgressBars]:
    bars = ProgressBars()
    try:
        yield bars
    finally:
        bars.close()


def _prepare_threads() -> None:
    """Let waiting OpenMP threads sleep: spinning ones halve the speed as soon as anything else runs."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def run_verb(verb: Callable[..., None]) -> None:
    """Parse the command line for one verb and run it; a user's mistake ends in one clear line and exit status 2."""
    _prepare_threads()
    _guarded(lambda: tyro.cli(verb))


def main() -> None:
    """Entry point of `gaussian-head`."""
    _prepare_threads()
    _guarded(lambda: tyro.extras.subcommand_cli_from_dict(VERBS, prog="gaussian-head"))


def _guarded(run: Callable[[], None]) -> None:
    try:
        run()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    except OSError as error:
        print(
            f"error: {error}. Nothing was left half-written; free some space or choose another --out.", file=sys.stderr
        )
        raise SystemExit(2) from error
    except KeyboardInterrupt:
        print("stopped; train, reconstruct and render go on from here with --resume", file=sys.stderr)
        raise SystemExit(130) from None
