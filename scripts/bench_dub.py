"""Measures dubbing and writes tests/bench/dub.json: `python scripts/bench_dub.py NAME=HEAD… --voices a.wav b.wav`.

Self-dub: the last tenth of each clip, which no stage saw, dubbed with its own sound; beside it the head alone, another
sound, a mouth that stays shut, the voice without the prior, recorded mouths, the patch without the recording's detail,
and there and back: dubbed with another sound first and the result with its own, so that nothing of the recorded mouth
can help. With `--film` the last tenth is that of a longer capture, in which the head's person is followed. Cross-dub:
whole clips with foreign voices; lips are tracked again in the dubbed pictures, and the judge tells how well they fit;
with `--pauses` every 1.5 s of the voice are followed by a second of silence.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from gaussian_head.actor import Actor
from gaussian_head.actor.speak import voice_of
from gaussian_head.camera import Camera
from gaussian_head.capture import Capture
from gaussian_head.conventions import SAMPLE_RATE
from gaussian_head.dubbing.compose import DrawnMouth, Mouth, Part, dubbed_frame
from gaussian_head.dubbing.lips import Speech, fitted, said
from gaussian_head.dubbing.measures import LooksMeter
from gaussian_head.dubbing.patch import put_back
from gaussian_head.dubbing.reordered import RecordedMouths, donors_of
from gaussian_head.dubbing.stretches import Stretch, states_of
from gaussian_head.dubbing.surface import LowerFace
from gaussian_head.facenet import LandmarkTracker
from gaussian_head.lips import LipJudge
from gaussian_head.media import read_audio
from gaussian_head.metrics.lips import mouth_opening, silence_scores
from gaussian_head.metrics.regions import region_masks
from gaussian_head.motion import Motion
from gaussian_head.motion.drive import with_spoken
from gaussian_head.quiet import silent_frames
from gaussian_head.rendering import render_frame, to_uint8
from gaussian_head.tracking.follow import follow
from gaussian_head.voice import BlendedVoice

OUT = Path(__file__).parents[1] / "tests" / "bench" / "dub.json"
FOLDER = Path("/tmp")
LEAD = 50
"""Frames before the held-out ones in which somebody is followed too: a voice wants to hear what came before."""
PAUSE_EVERY, PAUSE, HUSH = 1.5, 1.0, 1e-4
"""Seconds of a voice between pauses, seconds of a pause, and its noise."""


WAYS = ("drawn", "recorded_mouths")


class Plain(DrawnMouth):
    """The drawn mouth without what the recording has beyond its rendering: ring, seam and grain alone."""

    def put(self, picture, recorded, wanted, k, camera, seed):
        pair = self.face.pair(recorded.at(k), wanted.at(k), camera)
        if pair is None:
            return None
        pair = replace(pair, seen=np.zeros_like(pair.seen))
        return pair.box, put_back(picture[pair.box.slices], pair, seed=seed)


class Case:
    """A head, and a clip at its capture's own size: the head's own, or a longer ``film`` of the same camera."""

    def __init__(self, folder: Path, film: Path | None = None) -> None:
        self.actor = Actor.load(folder)
        self.learnt = Capture.load(self.actor.clip.capture_path)
        self.capture = self.learnt if film is None else Capture.load(film)
        self.camera: Camera = self.actor.head.camera
        self.face = LowerFace(self.actor.head, self.actor.clip.motion)
        self.speech = Speech.of_actor(self.actor)
        self.first = 0 if film is None else int(self.capture.test_frames[0]) - LEAD
        count = self.capture.num_frames - self.first
        if film is None:
            self.motion = self.actor.clip.motion
        else:
            self.motion = seen_again(self, (self.picture(self.first + k) for k in range(count)))[0]
        believed = np.ones(self.capture.num_frames, bool)
        believed[self.capture.info.bad_frames] = False
        states = states_of(believed[self.first :], self.motion.fps)
        self.stretch = Stretch(person=1, first=self.first, recorded=self.motion, camera=self.camera, states=states)

    @property
    def sound(self) -> np.ndarray:
        """The clip's own, from the stretch's first frame on."""
        return self.capture.audio()[round(self.first / self.motion.fps * SAMPLE_RATE) :]

    def picture(self, t: int) -> np.ndarray:
        return self.capture.frame(t).image

    def reordered(self, wanted: Motion) -> Mouth:
        kept = self.capture.train_frames.numpy()
        shape = self.capture.shape
        donors = donors_of(((int(t), self.picture(int(t))) for t in kept), shape, self.stretch, kept, FOLDER)
        return RecordedMouths(shape, self.stretch, self.stretch, wanted, donors, kept)

    def parts(self, wanted: Motion, mouth: Mouth) -> list[Part]:
        return [Part(stretch=self.stretch, wanted=wanted, mouth=mouth)]


def psnr(squared: list[float]) -> float:
    """Mean over frames of each frame's own, as `evaluate` takes it, from mean squared errors of 0-255."""
    return float(np.mean(10 * np.log10(255**2 / np.maximum(squared, 1e-9))))


def scores(case: Case, frames: list[int], make) -> dict[str, float]:
    """Pictures of ``make(t) -> (picture, mask or None)`` against the recording."""
    errors: dict[str, list[float]] = {"mouth": [], "full": []}
    meter, outside, spent = LooksMeter(), 0, 0.0
    for t in frames:
        recorded = case.picture(t)
        begun = time.process_time()
        picture, patches = make(t)
        spent += time.process_time() - begun
        regions = region_masks(case.capture.frame(t).labels, case.capture.landmarks[t].numpy())
        apart = np.square(picture.astype(float) - recorded)
        for name, row in errors.items():
            if regions[name] is not None:
                row.append(float(apart[regions[name]].mean()))
        for _, box, patched in patches:
            meter.update(recorded[box.slices], patched.image, patched.mask, (box.x0, box.y0), patched.skin)
            mask = np.zeros(recorded.shape[:2], bool)
            mask[box.slices] = patched.mask > 0
            outside = max(outside, int(np.abs(picture[~mask].astype(int) - recorded[~mask]).max()))
    row = {f"{name}_psnr": round(psnr(values), 2) for name, values in errors.items()}
    looks = {name: round(value, 3) for name, value in asdict(meter.result()).items() if np.isfinite(value)}
    if looks:
        looks["largest_change_outside"] = outside
    return row | looks | {"cpu_ms_a_frame": round(1000 * spent / len(frames), 1)}


def self_dub(case: Case, every: int, only: list[str]) -> dict[str, dict]:
    frames = case.capture.test_frames.tolist()[::every]
    sound = case.sound
    other = np.roll(sound, len(sound) // 2)
    own, foreign = (said(case.speech, case.motion, samples) for samples in (sound, other))
    drawn = DrawnMouth(face=case.face)
    habit = said_by_habit(case, sound)
    still = said(case.speech, case.motion, sound, exaggerate=0.0)
    voice = case.speech.voice
    alone = voice.learnt if isinstance(voice, BlendedVoice) else None

    def dubbed(wanted: Motion, mouth: Mouth):
        parts = case.parts(wanted, mouth)

        def make(t: int):
            made = dubbed_frame(t, case.picture(t), parts, 0)
            return made.image, made.patches

        return make

    there = case.parts(foreign, drawn)
    back = [replace(case.parts(own, drawn)[0], stretch=replace(case.stretch, recorded=foreign))]

    def there_and_back(t: int):
        once = dubbed_frame(t, case.picture(t), there, 0).image
        made = dubbed_frame(t, once, back, 1)
        return made.image, made.patches

    def head(wanted: Motion):
        def make(t: int):
            frame = render_frame(case.actor.head, wanted, t - case.first, background=case.actor.head.background)
            return to_uint8(frame), ()

        return make

    makers = {
        "dub": dubbed(own, drawn),
        "head_alone": head(own),
        "dub_pauses_by_habit": dubbed(habit, drawn),
        "head_alone_pauses_by_habit": head(habit),
        "other_sound": dubbed(foreign, drawn),
        "still_mouth": dubbed(still, drawn),
        "head_alone_still_mouth": head(still),
        "head_alone_other_sound": head(foreign),
        "there_and_back": there_and_back,
        "without_the_recordings_detail": dubbed(own, Plain(face=case.face)),
    }
    if alone is not None:
        unaided = said(replace(case.speech, voice=alone), case.motion, sound)
        makers |= {"voice_without_prior": dubbed(unaided, drawn), "head_alone_voice_without_prior": head(unaided)}
    rows = {name: scores(case, frames, make) for name, make in makers.items() if not only or name in only}
    if not only or "recorded_mouths" in only:
        rows["recorded_mouths"] = scores(case, frames, dubbed(own, case.reordered(own)))
    rows.get("there_and_back", {}).pop("largest_change_outside", None)
    return rows


def said_by_habit(case: Case, sound: np.ndarray) -> Motion:
    """As `evaluate` drives a head by sound: pauses are left to the speaker's habit instead of shut by rule."""
    voice = voice_of(case.actor)
    units = voice.predict(sound, case.motion.fps, len(case.motion), close_in_silence=False)
    return with_spoken(case.motion, units, case.speech.lips)


def seen_again(case: Case, pictures) -> tuple[Motion, np.ndarray]:
    """Lips as they are tracked in pictures, and how far mouths are open."""
    first = case.capture.landmarks[case.first].numpy()
    finder = LandmarkTracker(np.concatenate([first.min(0), first.max(0)]))
    points = [finder(picture) for picture in pictures]
    seen = np.array([p is not None for p in points])
    landmarks = np.stack([np.zeros((478, 3), np.float32) if p is None else p for p in points])
    K = case.camera.K
    centre = K[:2, 2].numpy()
    result = follow(case.learnt, landmarks, seen, fps=case.capture.fps, focal=float(K[0, 0]), centre=centre)
    return result.motion, np.where(seen, mouth_opening(landmarks), np.nan)


def with_pauses(samples: np.ndarray) -> np.ndarray:
    """A voice with a second of near silence after every 1.5 s."""
    part = round(PAUSE_EVERY * SAMPLE_RATE)
    hush = (HUSH * np.random.default_rng(0).standard_normal(round(PAUSE * SAMPLE_RATE))).astype(np.float32)
    return np.concatenate([x for k in range(0, len(samples), part) for x in (samples[k : k + part], hush)])


def cross_dub(case: Case, voice: Path, most: int, pauses: bool, drawn_only: bool) -> dict[str, dict]:
    judge, fps = LipJudge.load(), case.motion.fps
    samples = with_pauses(read_audio(voice)) if pauses else read_audio(voice)
    count = min(len(case.motion), round(len(samples) / SAMPLE_RATE * fps), most)
    sound = fitted(samples, round(count / fps * SAMPLE_RATE))
    wanted = said(case.speech, case.motion, sound)
    rows: dict[str, dict] = {}
    own_sound = case.capture.audio()[: len(sound)]
    recorded, usual = seen_again(case, (case.picture(t) for t in range(count)))
    silent = silent_frames(sound, fps, count)
    for name in WAYS[: 1 if drawn_only else 2]:
        mouth = DrawnMouth(face=case.face) if name == "drawn" else case.reordered(wanted)
        parts = case.parts(wanted, mouth)
        meter = LooksMeter()

        def pictures(parts=parts, meter=meter):
            for t in range(count):
                made = dubbed_frame(t, case.picture(t), parts, 0)
                for _, box, patched in made.patches:
                    meter.update(
                        case.picture(t)[box.slices], patched.image, patched.mask, (box.x0, box.y0), patched.skin
                    )
                yield made.image

        motion, opening = seen_again(case, pictures())
        rows[name] = judged(judge, motion, fps, sound) | closings(usual, opening, silent)
        rows[name] |= {
            **{key: round(value, 3) for key, value in asdict(meter.result()).items() if np.isfinite(value)},
        }
        if name == "drawn":
            rows["drawn_against_another_sound"] = judged(judge, motion, fps, np.roll(sound, len(sound) // 2))
    rows["frames"] = {"count": count}
    rows["unchanged_picture"] = judged(judge, recorded, fps, sound)
    rows["recording_and_its_own_sound"] = judged(judge, recorded, fps, own_sound)
    return rows


def closings(usual: np.ndarray, opening: np.ndarray, silent: np.ndarray) -> dict[str, float | None]:
    """Mouths shut in silence; beside them the recorded mouths of these moments, and the dubbed ones of the others."""
    if not silent.any():
        return {"closed_in_silence": None, "silent_frames": 0}
    quiet, spoken = (silence_scores(usual, opening[where], usual[where]) for where in (silent, ~silent))
    return {
        "closed_in_silence": quiet.closed,
        "recorded_closed_there": quiet.closed_truth,
        "closed_while_speaking": spoken.closed,
        "silent_frames": int(silent.sum()),
    }


def judged(judge: LipJudge, motion: Motion, fps: float, sound: np.ndarray) -> dict[str, float]:
    curve = judge.sync(motion.units, fps, sound)
    return {
        "readability": round(float(judge.readability(motion.units, fps, sound).mean()), 3),
        "offset_s": round(curve.offset, 3),
        "sync_confidence": round(curve.confidence, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("heads", nargs="+", help="NAME=FOLDER of a trained head beside its capture")
    parser.add_argument("--voices", nargs="*", type=Path, default=[], help="foreign sounds to dub each with")
    parser.add_argument("--film", type=Path, help="capture of the whole film that the heads were learnt from a part of")
    parser.add_argument("--pauses", action="store_true", help="put pauses into the voices")
    parser.add_argument("--drawn-only", action="store_true", help="no cross-dub with recorded mouths")
    parser.add_argument("--every", type=int, default=1, help="take every so many-th held-out frame")
    parser.add_argument("--most-frames", type=int, default=10**6, help="of a cross-dub, from the clip's beginning")
    parser.add_argument("--only", nargs="*", default=[], help="rows of the self-dub to measure again")
    parser.add_argument("--note", default="", help="what else the numbers depend on: preset, machine")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    report = json.loads(options.out.read_text()) if options.out.exists() else {"protocol": __doc__, "clips": {}}
    for given in options.heads:
        name, folder = given.split("=", 1)
        case = Case(Path(folder), options.film)
        row = {"date": time.strftime("%Y-%m-%d"), "commit": commit.stdout.strip(), "note": options.note}
        row |= {"held_out_frames": len(case.capture.test_frames), "every": options.every}
        old = report["clips"].get(name, {})
        row["self_dub"] = old.get("self_dub", {}) | self_dub(case, options.every, options.only)
        row["cross_dub"] = old.get("cross_dub", {})
        report["clips"][name] = row
        for voice in [None, *options.voices]:
            if voice is not None:
                key = voice.stem + ("_with_pauses" if options.pauses else "")
                row["cross_dub"][key] = cross_dub(case, voice, options.most_frames, options.pauses, options.drawn_only)
            options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        print(json.dumps({name: row}, indent=1))


if __name__ == "__main__":
    main()
