"""Teach a voice prior: from captures or clips of many people to weights and a data card (see gaussian_head/voice)."""

import csv
from pathlib import Path

import torch
import tyro

from gaussian_head.checks import InputError
from gaussian_head.training.causal_voice import learn_causal, streamed_examples_of
from gaussian_head.training.recordings import read_recordings
from gaussian_head.training.voice import learn_voice
from gaussian_head.verbs.bars import drawing
from gaussian_head.voice.causal import CAUSAL
from gaussian_head.voice.prior import DATA

VIDEOS = (".mp4", ".mpg", ".mov", ".webm", ".mkv")


def main(
    folder: tyro.conf.Positional[Path],
    out: Path | None = None,
    encoder: str = "whisper",
    causal: bool = False,
    taught: bool = True,
    sources: Path | None = None,
) -> None:
    """Learn, judge on people left out, write.

    Args:
        folder: Holds one folder for each person, with captures or videos in it; videos are tracked beside them, once.
        out: File of weights; the data card is written beside it as JSON. By default the package's own.
        encoder: Speech encoder.
        causal: Teach the prior of `CausalVoice`, which hears a sound as it comes.
        taught: Let a judge of the same people teach the nets too; not the causal ones.
        sources: CSV with the columns name, source, licence: goes into the data card.
    """
    with drawing() as listener:
        people = {person.name: captures(person, listener) for person in sorted(folder.iterdir()) if person.is_dir()}
        recordings, rejected = read_recordings(people)
        if causal:
            prior, card = learn_causal(
                streamed_examples_of(recordings, encoder=encoder, listener=listener), encoder=encoder
            )
        else:
            prior, card = learn_voice(recordings, rejected, encoder=encoder, taught=taught, listener=listener)
    if sources is not None:
        with open(sources, encoding="utf-8", newline="") as file:
            card["sources"] = list(csv.DictReader(file))
    out = out or (CAUSAL if causal else DATA)
    prior.save(out, card)
    print(f"prior: {out}\njudged on people left out: {card['scores']['causal' if causal else 'prior']}")


def captures(person: Path, listener) -> list[Path]:
    """Folders of a person's captures; videos that have none are tracked first."""
    from gaussian_head import track

    for video in sorted(path for path in person.iterdir() if path.suffix.lower() in VIDEOS):
        if not (person / video.stem / "capture.json").is_file():
            try:
                track(video, person / video.stem, listener=listener)
            except InputError as error:
                print(f"{video.name} is left out: {error}")
    return sorted(path for path in person.iterdir() if (path / "capture.json").is_file())


if __name__ == "__main__":
    torch.set_num_threads(max(torch.get_num_threads(), 1))
    tyro.cli(main)
