"""Lets the viewer's tests run from a checkout that is not installed, where it lies in its own folder."""

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
for folder in (ROOT, ROOT / "tests"):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))

import gaussian_head  # noqa: E402

if importlib.util.find_spec("gaussian_head.viewer") is None:
    gaussian_head.__path__.append(str(ROOT))
