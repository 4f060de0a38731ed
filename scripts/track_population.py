"""Track made-up people by the normal pipeline and write a table of how well their truth was found."""

import csv
from pathlib import Path
from typing import Literal

import numpy as np
import tyro

from gaussian_head import Capture
from gaussian_head.checks import InputError
from gaussian_head.demo.population import PersonTruth, make_person_clip
from gaussian_head.durable import replacing
from gaussian_head.evaluation.population import PersonScores, correlations, score_person
from gaussian_head.face import UNITS
from gaussian_head.tracking import track
from gaussian_head.tracking.filmed import FilmedFace
from gaussian_head.tracking.photometric import Pictures
from gaussian_head.tracking.units import UnitTrack, units_of
from gaussian_head.verbs.bars import drawing


def main(
    work: Path,
    out: Path,
    people: int = 20,
    first: int = 1000,
    seconds: float = 3.2,
    fps: float = 20.0,
    refine: Literal["none", "photometric", "other"] = "none",
) -> None:
    """Write a CSV: a row a person, then rows of the means, the null rows and each unit.

    Args:
        work: Folder for clips and captures; what is there already is used again.
        out: CSV to write.
        people: How many.
        first: Number of the first person.
        seconds: Length of each clip.
        fps: Frames per second.
        refine: As `track` takes it; with `other` pixels are asked half a clip later, which is the null row of that.
    """
    scores: list[PersonScores] = []
    tracks: list[UnitTrack] = []
    truths: list[PersonTruth] = []
    names: list[str] = []
    refused: list[list[object]] = []
    with drawing() as listener:
        for seed in range(first, first + people):
            truth = work / f"person_{seed}.safetensors"
            if not truth.exists():
                make_person_clip(work, seed=seed, seconds=seconds, fps=fps, listener=listener)
            capture = work / f"cap_{seed}"
            if not (capture / "capture.json").exists():
                try:
                    track(truth.with_suffix(".mp4"), capture, listener=listener)
                except InputError as error:
                    refused.append([f"person {seed}", f"refused: {str(error).rpartition('.mp4: ')[2]}"])
                    continue
            loaded = Capture.load(capture)
            names.append(f"person {seed}")
            truths.append(PersonTruth.load(truth))
            pictures = None if refine == "none" else _pictures(loaded, loaded.num_frames // 2 * (refine == "other"))
            tracks.append(units_of(FilmedFace.of(loaded), pictures=pictures))
            scores.append(score_person(loaded, tracks[-1], truths[-1]))
    others = [correlations(tracks[i - 1].units, truths[i].units) for i in range(len(truths))]
    with replacing(out) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        file.write(
            f"# {people} made-up people from number {first}, {seconds} s at {fps:g} pictures a second, 512 pixels\n"
        )
        csv.writer(file, lineterminator="\n").writerows(_rows(names, scores, others) + refused)
    print(f"table: {out}")


def _pictures(capture: Capture, later: int) -> Pictures:
    def read(t: int) -> tuple[np.ndarray, np.ndarray]:
        frame = capture.frame((t + later) % capture.num_frames)
        return frame.image, frame.labels

    return read


def _rows(names: list[str], scores: list[PersonScores], others: list[dict[str, float]]) -> list[list[object]]:
    """The table; a unit's row gives its mean r and in how many clips it was visible."""
    columns = ["rotation_deg", "vertices_mm", "focal_ratio"]
    rows: list[list[object]] = [["what", "units_r", *columns, "visible_units"]]
    for name, s in zip(names, scores, strict=True):
        rows.append([name, s.mean_correlation, *(getattr(s, c) for c in columns), len(s.correlation)])
    means = [float(np.mean([getattr(s, c) for s in scores])) for c in columns[:2]]
    focal = float(np.mean([abs(s.focal_ratio - 1) for s in scores]))
    rows.append(["mean (focal: mean of |ratio - 1|)", np.mean([s.mean_correlation for s in scores]), *means, focal, ""])
    null = [float(np.mean([getattr(s, c) for s in scores])) for c in ("rotation_still_deg", "vertices_average_mm")]
    stranger = np.mean([np.mean(list(o.values())) for o in others])
    rows.append(["null: units of the person before; a still head; the average head", stranger, *null, "", ""])
    for name in UNITS:
        found = [s.correlation[name] for s in scores if name in s.correlation]
        if found:
            rows.append([name, np.mean(found), "", "", "", len(found)])
    return [[f"{v:.3f}" if isinstance(v, float) else v for v in row] for row in rows]


if __name__ == "__main__":
    tyro.cli(main)
