"""Track, train and evaluate a list of clips with one configuration and write one table; what is done is kept."""

from pathlib import Path

import tyro
from tyro.conf import Positional

from gaussian_head.capture import Split
from gaussian_head.evaluation.clips import bench_clips, write_table
from gaussian_head.evaluation.held_out import SOUNDLESS
from gaussian_head.training import PRESETS, load_config, overridden
from gaussian_head.verbs.bars import drawing


def main(
    clips: Positional[tuple[Path, ...]],
    out: Path,
    work: Path,
    label: str,
    preset: str = "preview",
    config: Path | None = None,
    set: tuple[str, ...] = (),
    splits: tuple[Split, ...] = ("tail", "turned"),
    drivers: tuple[str, ...] = SOUNDLESS,
    seconds: float | None = None,
    size: int = 512,
    lpips: Path | None = None,
) -> None:
    """Write the rows of these clips into the CSV ``out``, beside those of other clips and labels.

    Args:
        clips: Video files.
        out: CSV to write.
        work: Folder for captures, heads and reports.
        label: What is tried, such as a commit; heads and reports lie under it.
        preset: Training preset.
        config: A config.json in place of the preset.
        set: Single values of the run, such as rates.means=1e-4.
        splits: What to hold out, a head for each.
        drivers: What drives the head, and yardsticks; other than these two only where the tail is held out.
        seconds: Cut longer clips there.
        size: Width and height of the pictures, pixels.
        lpips: Folder with squeeze.backbone.pth and squeeze.pth.
    """
    chosen = overridden(PRESETS[preset] if config is None else load_config(config), set)
    with drawing() as listener:
        for clip in clips:
            rows = bench_clips(
                [clip],
                work,
                chosen,
                label=label,
                splits=splits,
                drivers=drivers,
                seconds=seconds,
                size=size,
                lpips=lpips,
                listener=listener,
            )
            write_table(rows, out)
    print(f"table: {out}")


if __name__ == "__main__":
    tyro.cli(main)
