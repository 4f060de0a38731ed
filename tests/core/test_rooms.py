"""The house: arrows of imports between rooms point one way, and importing the package loads nothing heavy."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

import gaussian_head
import gaussian_head.motion
from gaussian_head.verbs import VERBS

PACKAGE = Path(gaussian_head.__file__).parent
VIEWER = Path(str(find_spec("gaussian_head.viewer").origin)).parent
LAYERS = (
    {"media", "facenet", "raster"},
    {"speech", "face", "metrics"},
    {"motion", "doctor", "demo"},
    {"capture", "voice"},
    {"lips"},
    {"tracking", "head"},
    {"io"},
    {"actor", "rendering", "revoicing"},
    {"training", "photo", "editing"},
    {"exporting", "playing", "evaluation", "dubbing", "scanning", "adopting"},
    {"viewer", "live", "batch"},
    {"verbs"},
    {"cli"},
)
"""Rooms from the ground up; each knows only those of lower layers. Modules not named here stand beneath them all."""
HEIGHT = {room: height for height, layer in enumerate(LAYERS, start=1) for room in layer}
BLIND = {"tracking", "speech", "media", "motion", "voice", "lips", "capture", "face", "facenet", "metrics", "demo"}
"""Rooms that never see a head."""
HEAVY = ("torch", "numpy", "scipy", "av", "cv2", "viser", "librosa", "tqdm", "PIL", "gaussian_head._kernels")


def files() -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Every module with its dotted place inside the package."""
    for folder, place in ((PACKAGE, ()), (VIEWER, ("viewer",))):
        for path in sorted(folder.rglob("*.py")):
            if path.name != "__main__.py" and (place or VIEWER not in path.parents):
                yield path, (*place, *path.relative_to(folder).with_suffix("").parts)


def imports(path: Path, place: tuple[str, ...]) -> Iterator[str]:
    """First part of every module of ours that a file imports at run time, at its top or within functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    blocks = [n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test)]
    typing = {id(inner) for block in blocks for line in block.body for inner in ast.walk(line)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or id(node) in typing:
            continue
        named = (node.module or "").split(".") if node.module else []
        if node.level:
            base = list(place[: len(place) - node.level])
        elif named[:1] == ["gaussian_head"]:
            base, named = [], named[1:]
        else:
            continue
        whole = base + named
        yield from [whole[0]] if whole else [alias.name for alias in node.names]


def test_arrows_between_rooms_point_one_way():
    assert sum(1 for _ in files()) > 150
    upward = [
        f"{'/'.join(place)} imports {there}"
        for path, place in files()
        for there in imports(path, place)
        if there != place[0] and HEIGHT.get(there, 0) >= max(HEIGHT.get(place[0], 0), 1) and place != ("__init__",)
    ]
    assert not upward


ONCE = {
    *(
        "Motion",
        "Pose",
        "Performance",
        "Capture",
        "Head",
        "Actor",
        "Branch",
        "Camera",
        "Frame",
        "Gaussians",
        "FaceModel",
    ),
    *("Scene", "Report", "smoothstep", "ridge", "pack_rotation"),
}
"""Names that mean one thing, and are made in one place."""
NUMBERS = {"SAMPLE_RATE": (16000, {"conventions", "media/formats"}), "C0": (0.2820947917738781, {"sh"})}
"""Facts, what they are, and the only files that may spell them out (formats lists the rates that codecs take)."""


def test_nouns_and_facts_have_one_home():
    made, spelled = [], []
    for path, place in files():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        made += [node.name for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))]
        written = {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and type(node.value) in (int, float)
        }
        for fact, (value, homes) in NUMBERS.items():
            if "/".join(place) not in homes and any(abs(number - value) < 1e-6 * value for number in written):
                spelled.append(f"{'/'.join(place)} spells {fact} out")
    assert {name: made.count(name) for name in ONCE} == dict.fromkeys(ONCE, 1)
    assert not spelled


def test_makers_of_motion_and_captures_never_see_a_head():
    for path, place in files():
        if place[0] in (
            "tracking",
            "speech",
            "media",
            "motion",
            "capture",
            "face",
            "facenet",
            "metrics",
            "demo",
            "voice",
            "lips",
        ):
            assert not {"head", "actor"} & set(imports(path, place)), path


def test_a_head_and_what_draws_it_know_motion_and_none_of_its_makers():
    files_of_motion = {"read_take", "is_blendshapes", "motion_of_blendshapes"}
    plain = {*vars(gaussian_head.motion._types), "CodeMap", "Performance", *files_of_motion}
    for path, place in files():
        if place[0] in ("head", "raster", "io"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "motion":
                    assert node.module == "motion", path
                    assert {alias.name for alias in node.names} <= plain, path


@pytest.mark.parametrize("module", ["gaussian_head", "gaussian_head.verbs", "gaussian_head.cli"])
def test_importing_loads_nothing_heavy(module):
    code = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]"


def test_the_options_of_every_verb_load_nothing_heavy():
    code = (
        "import sys; from gaussian_head.verbs import VERBS; [verb.options for verb in VERBS.values()]; "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there():
    assert gaussian_head.__version__ == version("gaussian-head")
    assert 18 <= len(gaussian_head.__all__) <= 32
    assert set(gaussian_head.__all__) == {*gaussian_head._HOME, "__version__"}
    for name in gaussian_head.__all__:
        assert getattr(gaussian_head, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = gaussian_head.nothing


def test_every_verb_that_makes_something_of_yours_is_a_function_too():
    files = {verb.file for verb in VERBS.values()} - {"demo", "doctor"}
    assert files <= set(gaussian_head.__all__)


def test_no_two_test_files_have_one_name():
    """pytest imports them without their folders, so that of two it would refuse one, and with it the whole run."""
    names = [path.name for path in (Path(__file__).parents[1]).rglob("test_*.py")]
    assert sorted(name for name in set(names) if names.count(name) > 1) == []
