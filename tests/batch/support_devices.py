"""A verb that tells which GPUs its worker sees, found by workers under this module's name."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Options:
    """Where to tell it, and how long to hold what was given."""

    out: Path = field(kw_only=False)
    device: str = "cpu"
    seconds: float = 1.5


def run(options: Options, listener: Any) -> None:
    """Note the GPUs that are seen, and from when to when they were held."""
    began = time.time()
    time.sleep(options.seconds)
    told = {"seen": os.environ.get("CUDA_VISIBLE_DEVICES"), "began": began, "ended": time.time()}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "seen.json").write_text(json.dumps(told))


@dataclass(frozen=True)
class Telling:
    """The verb."""

    name: str = "tell"
    options: type = Options
    in_parts: None = None

    def run(self, options: Options, listener: Any) -> None:
        """As any verb."""
        run(options, listener)

    def again(self, options: Options) -> Options:
        """Nothing is kept."""
        return options
