"""Let heads do what other people do and write how much of it is seen (see evaluation/retargeted.py)."""

import json
from dataclasses import asdict
from itertools import permutations
from pathlib import Path

import tyro

from gaussian_head.actor import Actor
from gaussian_head.durable import replacing
from gaussian_head.evaluation import retargeted
from gaussian_head.evaluation.foreign import name_of
from gaussian_head.metrics.identity import FaceIdentity, is_installed
from gaussian_head.verbs.bars import drawing


def main(
    heads: list[Path], out: Path, frames: int = 150, size: int = 512, videos: Path = Path("runs/retarget")
) -> None:
    """Write a JSON with a row for every ordered pair of heads.

    Args:
        heads: Folders that `train` wrote, captures beside them.
        out: JSON to write.
        frames: Moments of each clip that are lent.
        size: Height of the pictures, pixels.
        videos: Folder for what is rendered; what is there is not rendered again.
    """
    actors = {name_of(head): Actor.load(head) for head in heads}
    identity, rows = FaceIdentity() if is_installed() else None, []
    with drawing() as listener:
        for source, target in permutations(actors, 2):
            video = videos / f"{source}_on_{target}.mp4"
            scores = retargeted.measure_retarget(
                actors[source], actors[target], video, size=size, frames=frames, identity=identity, listener=listener
            )
            rows.append({"units": source, "head": target, **asdict(scores)})
            with replacing(out) as temporary, open(temporary, "w", encoding="utf-8") as file:
                json.dump(
                    {"protocol": retargeted.__doc__, "frames": frames, "size": size, "rows": rows}, file, indent=1
                )
    print(f"table: {out}")


if __name__ == "__main__":
    tyro.cli(main)
