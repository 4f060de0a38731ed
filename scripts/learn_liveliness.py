"""Learn how lively heads are while a sound is made, from captures of several people; writes weights and data card."""

from pathlib import Path

import torch
import tyro

from gaussian_head import Capture
from gaussian_head.durable import replacing
from gaussian_head.motion import Motion
from gaussian_head.motion.liveliness import DATA, expected_liveliness, fit_liveliness, liveliness, weights_card
from gaussian_head.speech.prosody import Prosody, prosody_of
from gaussian_head.voice.scores import correlation


def main(captures: tyro.conf.Positional[list[str]], source: str = "", out: Path = DATA) -> None:
    """Learn, judge each person by weights of the others, write.

    Args:
        captures: NAME=FOLDER of each person.
        source: What the data card says of where they come from.
        out: JSON to write.
    """
    people: dict[str, tuple[Motion, Prosody]] = {}
    for name, _, place in (pair.partition("=") for pair in captures):
        capture = Capture.load(place)
        motion = capture.motion
        people[name] = motion, prosody_of(capture.audio(), motion.fps, len(motion))
    unseen, shuffled = {}, {}
    for name, (motion, sound) in people.items():
        weights = fit_liveliness([clip for other, clip in people.items() if other != name])
        told, true = expected_liveliness(sound, sound, weights), liveliness(motion)
        unseen[name] = round(correlation(told, true), 3)
        shuffled[name] = round(correlation(told.roll(len(told) // 2), true), 3)
    mean = {"unseen": unseen, "shuffled": shuffled}
    card = {
        "learnt from": {name: {"seconds": round(motion.duration, 1)} for name, (motion, _) in people.items()},
        "source": source,
        "protocol": "correlation of told and tracked liveliness of each person, told by weights of the others",
        "correlation, people never seen": unseen,
        "correlation, sound of half the clip later": shuffled,
        "means": {row: round(float(torch.tensor(list(values.values())).mean()), 3) for row, values in mean.items()},
    }
    with replacing(out) as temporary:
        temporary.write_text(weights_card(fit_liveliness(list(people.values())), card), encoding="utf-8")


if __name__ == "__main__":
    tyro.cli(main)
