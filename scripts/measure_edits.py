"""Edit the head of a made-up person by one painted picture and compare every later frame with the edited person."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import tyro

from gaussian_head import Actor, Capture
from gaussian_head.demo.edited import NAMES
from gaussian_head.demo.population import PersonTruth
from gaussian_head.durable import replacing
from gaussian_head.editing import frame_to_paint
from gaussian_head.evaluation.edits import score_edit
from gaussian_head.verbs.bars import drawing


def main(
    folder: Path,
    truth: Path,
    out: Path,
    names: tuple[str, ...] = NAMES,
    frames: int = 200,
    painted: int | None = None,
    mirror: bool = False,
    heads: Path | None = None,
) -> None:
    """Write a JSON of scores: at 0, 15 and 30 degrees, with null rows.

    Args:
        folder: What `reconstruct` wrote for the person's clip.
        truth: ``person_N.safetensors`` beside that clip.
        out: JSON to write.
        names: Edits.
        frames: How many frames to compare, evenly spaced, without the painted one.
        painted: The frame that is painted; by default the one that `edit` chooses.
        mirror: Do the same to the other side of the head.
        heads: Folder that gets the edited heads.
    """
    actor, capture, known = Actor.load(folder / "head"), Capture.load(folder / "capture"), PersonTruth.load(truth)
    at = frame_to_paint(actor.clip.motion, actor.clip.num_train) if painted is None else painted
    others = np.delete(np.arange(len(known)), at)
    chosen = others[np.unique(np.linspace(0, len(others) - 1, frames).round().astype(int))].tolist()
    rows = {}
    with drawing() as listener:
        for name in names:
            scores, head = score_edit(
                actor, capture, known, name, chosen, painted_at=at, mirror=mirror, listener=listener
            )
            rows[name] = asdict(scores)
            if heads is not None:
                Actor(head=head, clip=actor.clip, voice=actor.voice).save(heads / name)
    table = {"person": truth.stem, "painted": at, "mirror": mirror, "frames": len(chosen), "edits": rows}
    with replacing(out) as temporary:
        temporary.write_text(json.dumps(table, indent=1) + "\n")
    print(f"scores: {out}")


if __name__ == "__main__":
    tyro.cli(main)
