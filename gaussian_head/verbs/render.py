"""`gaussian-head render`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tyro.conf import Positional

from ..checks import InputError, require_count
from ..events import Listener, Said, ignore
from ._calling import function_of
from ._values import ActorLike, Named, PathLike

if TYPE_CHECKING:
    import numpy as np

    from ..actor import Actor
    from ..motion import Motion, Performance
    from ..rendering.video import Film


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
    """`front`, `orbit`, `figure-eight`, `dolly`, the name of one of several cameras that filmed, a JSON file of \
keyframes, or the folder of another capture, whose camera is followed as its head saw it."""
    size: int | str | None = None
    """Picture height in pixels, or WIDTHxHEIGHT (1280x720: the head as large as in 720, more room at its sides); the \
captured size where absent."""
    pose: Named = "captured"
    """Head pose: `captured` loops the clip's own, `learned` moves as the person does when saying such things, \
`sampled` as people do, drawn by chance in this person's sizes (with head acts: "sampled: nods twice at 2 s"), `still` \
holds it, `frontal` looks straight ahead; another video, the folder of a capture or a motion file (.json) lends its \
own; or in words: "nods twice, then looks slowly to the left", which may stand in a file (.txt)."""
    pose_range: Literal["subject", "free"] = "subject"
    """Bring a leader's turns into what this head shows well, or leave them `free`."""
    emotion: Named = ""
    """Moods with strengths, "happy:0.6 surprised:0.2": happy, sad, angry, surprised, disgusted, afraid, contempt, or \
the capture of another clip of this person; or a file of moods keyed in time (.json)."""
    background: Named = "captured"
    """`captured`, a colour (#rrggbb or a CSS name), a picture file, or `transparent` (.mov, .webm, PNG)."""
    blink: bool = True
    """Blink now and then."""
    lips: Literal["mean", "sampled"] = "mean"
    """Lips as this voice usually says it, or `sampled`: one of the ways in which people do, another with each seed."""
    style: Named = ""
    """Folder of another person's capture whose way of speaking is lent: how far and how the lips move."""
    seed: int = 0
    """Seed of the blinks, of the loops and of sampled lips."""
    label: bool = True
    """Let the video say in its metadata that it is synthetic."""
    credentials: PathLike | None = None
    """Folder with `chain.pem` and `key.pem` (ES256) of a certificate of yours, which signs the video's C2PA content \
credentials."""
    device: str = "auto"
    """Where it is drawn: `cpu`, `cuda`, `cuda:1` for the second GPU, or `auto`, which is CUDA where that can run."""
    resume: bool = False
    """Go on where an interrupted render of the same video stopped; the result is the same."""


def run(options: Options, listener: Listener = ignore) -> Path:
    """Where the video is.

    Raises:
        InputError: no sound in ``audio``, a head trained on a silent clip was asked to speak, an option that names
            nothing, or a device that nothing can run on.
    """
    from ..kernels import drawing_on
    from ..motion import Performance

    with drawing_on(options.device):
        actor = _ready(options)
        motion, samples, rate = _performed(actor, options, listener)
        return _joined(options, actor, Performance(motion=motion, samples=samples, sample_rate=rate), listener)


def begin(options: Options, listener: Listener = ignore) -> int:
    """Work out the motion for workers who draw the video in parts; returns how many parts there are."""
    from ..rendering.shares import begin_video

    actor = _ready(options)
    motion, _, _ = _performed(actor, options, listener)
    return begin_video(_film(options, actor, motion))


def draw(options: Options, parts: range, listener: Listener = ignore) -> None:
    """Draw some parts of the video that ``begin`` began."""
    from ..kernels import drawing_on
    from ..rendering.shares import draw_parts
    from ..rendering.video import laid_motion

    with drawing_on(options.device):
        draw_parts(_film(options, _ready(options), laid_motion(options.out)), parts, listener=listener)


def finish(options: Options, listener: Listener = ignore) -> Path:
    """Join the parts that were drawn, with the sound; where the video is."""
    from ..motion import Performance
    from ..rendering.video import laid_motion

    actor = _ready(options)
    _, samples, rate = _heard(actor, options, listener)
    played = Performance(motion=laid_motion(options.out), samples=samples, sample_rate=rate)
    return _joined(replace(options, resume=True), actor, played, listener)


def _ready(options: Options) -> Actor:
    """The actor, once it is known that the output can be written."""
    from ..actor import Actor
    from ..rendering import picture_size, with_soft_ends
    from ..rendering.backdrop import TRANSPARENT
    from ..rendering.video import require_output

    actor = options.head if isinstance(options.head, Actor) else Actor.load(options.head)
    require_output(options.out, transparent=options.background == TRANSPARENT)
    width, height = picture_size(options.size, actor.head.camera)
    require_count(options.seed, "seed")
    if options.camera == "front" and width * actor.head.camera.height <= height * actor.head.camera.width:
        return actor
    return replace(actor, head=with_soft_ends(actor.head))  # more is seen than was recorded


def _seen(options: Options, actor: Actor, motion: Motion) -> dict[str, Any]:
    """Cameras and what is behind, as `render_video` takes them."""
    from ..actor import behind_of, recorded_views
    from ..rendering import backdrop, camera_path, framed, picture_size
    from ..rendering.paths import PATHS

    width, height = picture_size(options.size, actor.head.camera)
    views = {} if options.camera in PATHS else recorded_views(actor.clip)
    still = {name: view.camera for name, view in views.items()}
    cameras = camera_path(
        actor.head, options.camera, len(motion), fps=motion.fps, seed=options.seed, recorded=still
    ).map(lambda camera: framed(camera, width, height))
    filmed = actor.head if options.camera not in views else behind_of(actor.head, views[str(options.camera)])
    behind = backdrop(filmed, options.background, cameras[0])
    return {"cameras": cameras, "background": behind, "transparent": behind is None, "label": options.label}


def _film(options: Options, actor: Actor, motion: Motion) -> Film:
    from ..rendering.video import filmed

    return filmed(actor.head, motion, out=options.out, **_seen(options, actor, motion))


def _joined(options: Options, actor: Actor, performance: Performance, listener: Listener) -> Path:
    from ..media.credentials import Credentials
    from ..rendering import render_video

    signing = None if options.credentials is None else Credentials.load(options.credentials, options.out)
    video = render_video(
        actor.head,
        performance,
        out=options.out,
        resume=options.resume,
        listener=listener,
        **_seen(options, actor, performance.motion),
    )
    if signing is not None:
        signing.sign(video, "rendered")
    listener(Said(message=f"video: {options.out}"))
    return video


class _Sound(NamedTuple):
    """What is said and what is heard."""

    speech: np.ndarray | None
    """To be spoken, ``[S]`` 16 kHz mono."""
    samples: np.ndarray | None
    """To be heard."""
    rate: int
    """Of ``samples``, Hz."""


def _heard(actor: Actor, options: Options, listener: Listener) -> _Sound:
    """What the video sounds like; of a sound to listen to, only where nothing is said."""
    from ..actor import captured_sound
    from ..conventions import SAMPLE_RATE
    from ..media import read_recorded_audio, read_spoken_audio

    folder = Path(options.out).parent
    if options.motion is not None:
        if options.audio is None:
            return _Sound(None, None, SAMPLE_RATE)
        return _Sound(None, *read_recorded_audio(options.audio, folder=folder, listener=listener))
    if options.audio is not None:
        return _Sound(*read_spoken_audio(options.audio, folder=folder, listener=listener))
    if options.listen is not None:
        return _Sound(*read_spoken_audio(options.listen, folder=folder, listener=listener))
    return _Sound(None, captured_sound(actor.clip), SAMPLE_RATE)


def _performed(actor: Actor, options: Options, listener: Listener) -> tuple[Motion, np.ndarray | None, int]:
    """What the head does, what is heard meanwhile, and the rate of that."""
    from ..actor import Direction, attend, perform, replay
    from ..media import read_spoken_audio

    folder = Path(options.out).parent
    direction = Direction(
        pose=options.pose,
        bounds=options.pose_range,
        emotion=options.emotion,
        blink=options.blink,
        lips=options.lips,
        style=options.style,
        seed=options.seed,
        beside=folder,
    )
    if options.motion is not None and options.listen is not None:
        raise InputError("motion and listen were both given; a head either does what a motion says or listens.")
    if options.motion is not None:
        motion = replay(actor, direction, options.motion, listener=listener)
        return motion, *_heard(actor, options, listener)[1:]
    other = None
    if options.listen is not None and options.audio is not None:
        other, _, _ = read_spoken_audio(options.listen, folder=folder, listener=listener)
    speech, samples, rate = _heard(actor, options, listener)
    if options.audio is not None:
        assert speech is not None
        return perform(actor, speech, direction, other=other, listener=listener), samples, rate
    if speech is not None:
        return attend(actor, speech, direction, listener=listener), samples, rate
    return replay(actor, direction, listener=listener), samples, rate


render = function_of(Options, run)
