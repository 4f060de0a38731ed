"""Options and fixtures for every room's tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support_browser import headless_chromium

BACKENDS = ("reference", "cpu", "cuda", "gsplat")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--backend",
        default="all",
        choices=(*BACKENDS, "all"),
        help="rasterizer backend under test; `all` takes every one that can run here",
    )


def runnable_backends(choice: str) -> list[str]:
    """The backends that the choice names; one asked for by name must be able to run."""
    from gaussian_head.raster import available_backends

    present = available_backends()
    if choice == "all":
        return [name for name in BACKENDS if name in present]
    if choice not in present:
        raise pytest.UsageError(f"--backend {choice} cannot run here; these can: {', '.join(present)}")
    return [choice]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    names = runnable_backends(metafunc.config.getoption("--backend"))
    params = [pytest.param(name, marks=pytest.mark.gpu) if name in ("cuda", "gsplat") else name for name in names]
    if "backend" in metafunc.fixturenames:
        metafunc.parametrize("backend", params)
    if "kernel" in metafunc.fixturenames:  # everything that is held against the reference
        metafunc.parametrize("kernel", [p for p, name in zip(params, names, strict=True) if name != "reference"])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    import torch

    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker("gpu") is not None:  # not the keyword: a folder has that name too
            item.add_marker(pytest.mark.skip(reason="no CUDA device here"))


@pytest.fixture(scope="session")
def footage() -> Path:
    """Folder of shared clips and speech: $GAUSSIAN_HEAD_FOOTAGE, or ``shared`` beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("GAUSSIAN_HEAD_FOOTAGE", beside))
    if not (folder / "clips").is_dir():
        pytest.skip(f"no shared footage at {folder}; set GAUSSIAN_HEAD_FOOTAGE to a folder with clips/")
    return folder


@pytest.fixture(scope="session")
def chromium():
    """A headless browser; skipped, with the reason, where there is none. There can be one of a process only."""
    with headless_chromium() as browser:
        yield browser
