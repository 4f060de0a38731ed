"""`gaussian-head render`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tyro.conf import Positional

from ..checks import InputError, require_count
from ..events import Listener, Said, ignore
from ._calling import function_of
from ._values import ActorLike, Named, PathLike

if TYPE_CHECKING:
    import numpy as np

    from ..actor import Actor
    from ..motion import Motion


EXAMPLES = (
    "gaussian-head render runs/me/head --audio speech.wav --camera orbit --out talk.mp4",
    "gaussian-head render runs/me/head --audio speech.wav --background transparent --out overlay.webm",
    "gaussian-head render runs/me/head --motion performance.json --size 1280x720 --out wide.mp4",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Let a head speak (or repeat its own clip) and write a video with sound."""

    head: Positional[ActorLike] = field(kw_only=False)
    """Folder that `train` wrote."""
    out: PathLike = field(kw_only=False)
    """The video to write: .mp4 (h264), .mov (ProRes 4444), .webm (VP9); a name without ending is a folder that gets \
PNG files and audio.wav."""
    audio: PathLike | None = None
    """Sound or video file to speak, any length and sample rate; without it the captured clip is replayed."""
    motion: PathLike | None = None
    """What to do instead: a motion file, a take of Live Link Face (.csv), MediaPipe blendshapes (.json), or all that \
somebody does in another video; a sound given besides is heard with it."""
    listen: PathLike | None = None
    """Sound or video file of somebody whom the head listens to: breath, blinks, small nods. With `audio` it does so \
in pauses; without, it only listens, and that is what is heard."""
    camera: Named = "front"
    """`front`, `orbit`, `figure-eight`, `dolly`, a JSON file of keyframes, or the folder of another capture, whose \
camera is followed as its head saw it."""
    size: int | str | None = None
    """Picture height in pixels, or WIDTHxHEIGHT (1280x720: the head as large as in 720, more room at its sides); the \
captured size where absent."""
    pose: Named = "captured"
    """Head pose: `captured` loops the clip's own, `learned` moves as the person does when saying such things, `still` \
holds it, `frontal` looks straight ahead; another video, the folder of a capture or a motion file (.json) lends its \
own; or in words: "nods twice, then looks slowly to the left"."""
    pose_range: Literal["subject", "free"] = "subject"
    """Bring a leader's turns into what this head shows well, or leave them `free`."""
    emotion: Named = ""
    """Moods with strengths, "happy:0.6 surprised:0.2": happy, sad, angry, surprised, disgusted, afraid, contempt, or \
the capture of another clip of this person; or a file of moods keyed in time (.json)."""
    background: Named = "captured"
    """`captured`, a colour (#rrggbb or a CSS name), a picture file, or `transparent` (.mov, .webm, PNG)."""
    blink: bool = True
    """Blink now and then."""
    seed: int = 0
    """Seed of the blinks and of the loops."""
    label: bool = True
    """Let the video say in its metadata that it is synthetic."""
    resume: bool = False
    """Go on where an interrupted render of the same video stopped; the result is the same."""


def run(options: Options, listener: Listener = ignore) -> Path:
    """Where the video is.

    Raises:
        InputError: no sound in ``audio``, a head trained on a silent clip was asked to speak, or an option that
            names nothing.
    """
    from ..actor import Actor
    from ..motion import Performance
    from ..rendering import backdrop, camera_path, framed, picture_size, render_video
    from ..rendering.backdrop import TRANSPARENT
    from ..rendering.video import require_output

    out = Path(options.out)
    actor = options.head if isinstance(options.head, Actor) else Actor.load(options.head)
    head = actor.head
    require_output(out, transparent=options.background == TRANSPARENT)
    width, height = picture_size(options.size, head.camera)
    seed = require_count(options.seed, "seed")
    motion, samples, rate = _performed(actor, options, out.parent, seed, listener)
    cameras = camera_path(head, options.camera, len(motion), fps=motion.fps, seed=seed)
    cameras = cameras.map(lambda camera: framed(camera, width, height))
    behind = backdrop(head, options.background, cameras[0])
    video = render_video(
        head,
        Performance(motion=motion, samples=samples, sample_rate=rate),
        cameras,
        out,
        background=behind,
        transparent=behind is None,
        label=options.label,
        resume=options.resume,
        listener=listener,
    )
    listener(Said(message=f"video: {out}"))
    return video


def _performed(
    actor: Actor, options: Options, folder: Path, seed: int, listener: Listener
) -> tuple[Motion, np.ndarray | None, int]:
    """What the head does, what is heard meanwhile, and the rate of that."""
    from ..actor import Direction, attend, captured_sound, perform, replay
    from ..conventions import SAMPLE_RATE
    from ..media import read_recorded_audio, read_spoken_audio

    direction = Direction(
        pose=options.pose,
        bounds=options.pose_range,
        emotion=options.emotion,
        blink=options.blink,
        seed=seed,
        beside=folder,
    )
    if options.motion is not None and options.listen is not None:
        raise InputError("motion and listen were both given; a head either does what a motion says or listens.")
    if options.motion is not None:
        motion = replay(actor, direction, options.motion, listener=listener)
        if options.audio is None:
            return motion, None, SAMPLE_RATE
        return motion, *read_recorded_audio(options.audio, folder=folder, listener=listener)
    other = heard = None
    if options.listen is not None:
        other, samples, rate = read_spoken_audio(options.listen, folder=folder, listener=listener)
    if options.audio is not None:
        heard, samples, rate = read_spoken_audio(options.audio, folder=folder, listener=listener)
    if heard is not None:
        return perform(actor, heard, direction, other=other, listener=listener), samples, rate
    if other is not None:
        return attend(actor, other, direction, listener=listener), samples, rate
    return replay(actor, direction, listener=listener), captured_sound(actor.clip), SAMPLE_RATE


render = function_of(Options, run)
