"""What the pages tell to type is what the program reads; notebooks run; Dockerfiles are clean."""

import csv
import re
import shlex
import shutil
import subprocess
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from support_head import make_actor

from gaussian_head import cli
from gaussian_head.batch import read_jobs
from gaussian_head.exporting import FORMATS
from gaussian_head.verbs import VERBS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), ROOT / "README.md"])


def lines(page: Path, program: str) -> list[str]:
    """Command lines of a program in the page's blocks of shell."""
    blocks = re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    found = [line.strip() for block in blocks for line in block.splitlines()]
    return [line for line in found if line.startswith(program)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_line_is_one_that_the_program_reads(page):
    for line in lines(page, "gaussian-head "):
        _, verb, *words = shlex.split(line, comments=True)
        assert verb in VERBS, line
        assert isinstance(cli._parsed(verb, words), VERBS[verb].options), line
    for line in lines(page, "docker run"):
        _, _, words = line.partition(" gaussian-head")
        verb, *rest = shlex.split(words.removeprefix("-cuda"))
        assert isinstance(cli._parsed(verb, rest), VERBS[verb].options), line


def test_the_pages_have_command_lines_at_all():
    assert sum(len(lines(page, "gaussian-head ")) for page in DOCS.glob("*.md")) > 25


def test_links_between_pages_lead_somewhere():
    for page in DOCS.glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
    for name in re.findall(r"-f (docs/\S+)", (DOCS / "gpu.md").read_text(encoding="utf-8")):
        assert (ROOT / name).is_file()


@pytest.mark.parametrize(("kind", "ending"), [("yaml", "yaml"), ("", "csv")])
def test_the_lists_of_jobs_on_their_page_can_be_read(kind, ending, tmp_path):
    if kind:
        pytest.importorskip("yaml")
    (block,) = re.findall(rf"```{kind}\n((?:#|verb).*?)```", (DOCS / "batch.md").read_text(encoding="utf-8"), re.DOTALL)
    for name in ("anna.mp4", "ben.mp4", "speech.wav"):
        (tmp_path / name).touch()
    (tmp_path / f"jobs.{ending}").write_text(block)
    assert {"anna"} < {job.name for job in read_jobs(tmp_path / f"jobs.{ending}", VERBS)}


def test_the_page_on_exports_names_every_splat_and_mesh_format():
    text = (DOCS / "exports.md").read_text(encoding="utf-8")
    numbers = {"motion-json", "motion-csv"}
    assert [name for name in FORMATS if f"`{name}`" not in text and name not in numbers and name not in text] == []


def test_the_reference_is_made_of_rooms_that_there_are():
    rooms = re.search(r"gaussian_head\.\{(.*?)\}", (DOCS / "README.md").read_text(encoding="utf-8"))
    assert rooms is not None
    for room in rooms[1].split(","):
        assert find_spec(f"gaussian_head.{room}") is not None


@pytest.mark.parametrize("name", ["rasterizer", "speak"])
def test_a_notebook_runs(name, tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    replace(make_actor(num_gaussians=400, size=64), voice=None).save(tmp_path / "head")
    monkeypatch.setenv("HEAD", str(tmp_path / "head"))
    book = nbformat.read(DOCS / "notebooks" / f"{name}.ipynb", as_version=4)
    nbclient.NotebookClient(book, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert any(cell.get("outputs") for cell in book.cells)


def test_dockerfiles_are_clean():
    if shutil.which("hadolint") is None:
        pytest.skip("hadolint is not installed")
    files = [str(path) for path in sorted((DOCS / "docker").iterdir())]
    done = subprocess.run(["hadolint", *files], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_durations_on_the_pages_are_those_that_were_measured():
    """Every command that was timed has its time where it stands, and no other has one."""
    with (ROOT / "tests" / "bench" / "walk.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["exit"] == "0" and row["processor_seconds"]]
    took = {row["command"]: float(row["processor_seconds"]) for row in rows}
    told = [re.split(r"  +# ", line) for page in DOCS.glob("*.md") for line in lines(page, "gaussian-head ")]
    assert sum(len(line) == 2 for line in told) > 20
    for command, *seconds in told:
        wanted = [f"{round(took[command.rstrip()])} s"] if command.rstrip() in took else []
        assert seconds == wanted, command


def test_pictures_of_what_goes_wrong_are_there_and_small():
    shown = re.findall(r"!\[[^\]]+\]\((symptoms/\S+)\)", (DOCS / "troubleshooting.md").read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(f"symptoms/{path.name}" for path in (DOCS / "symptoms").iterdir())
    assert sum((DOCS / name).stat().st_size for name in shown) < 1_000_000
