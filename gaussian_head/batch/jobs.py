"""Jobs, as a YAML file or a table (CSV) lists them."""

from __future__ import annotations

import csv
import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol

from ..checks import InputError, require_count, require_file, require_number
from .values import ADDRESS, REFERENCE, options_of, to_json, with_places

NAME = re.compile(r"\w[\w.-]*")
MOST_CPUS, MOST_GIB, MOST_SHARES = 1024, 65536, 10_000
GIB = 2.0
"""Memory that a job is taken to need where it does not say: a reconstruction's peak is 1.9 GB."""


class Verb(Protocol):
    """What is done, as the table of verbs has it; it is sent to workers, who load it there."""

    @property
    def name(self) -> str:
        """As typed."""
        ...

    @property
    def options(self) -> type:
        """Its ``Options``."""
        ...

    @property
    def run(self) -> Callable[..., Any]:
        """``run(options, listener)``."""
        ...

    @property
    def in_parts(self) -> Any:
        """Its ``begin``, ``draw`` and ``finish`` where several can work on one output; else None."""
        ...

    def again(self, options: Any) -> Any:
        """``options`` that go on with what an interrupted run of the same left."""
        ...


@dataclass(frozen=True, kw_only=True)
class Job:
    """One thing to do, and what it needs."""

    name: str
    """Its own; its files lie in a folder of this name."""
    verb: Verb
    """What to do."""
    options: dict[str, Any]
    """Fields of the verb's options, as JSON values; texts like ``$anna/head`` are what another job makes."""
    after: tuple[str, ...] = ()
    """Jobs that are to be done before."""
    cpus: float = 1.0
    """Cores, and threads that it uses."""
    gpus: float = 0.0
    """CUDA devices."""
    memory: float = GIB
    """GiB of memory."""
    shares: int = 1
    """Workers that draw a long video together."""

    @property
    def out(self) -> str:
        """Where in its folder the result is; "" for the folder itself."""
        return "" if self.options["out"] == "." else self.options["out"]


OWN = tuple(field.name for field in fields(Job) if field.name != "options")
"""Fields of a job itself; no verb's options have one of these names."""


@dataclass
class _Listed:
    """A job as it stands in the file."""

    where: str
    values: dict[str, Any]
    own: dict[str, Any] = field(default_factory=dict)


def read_jobs(path: str | Path, verbs: Mapping[str, Verb]) -> tuple[Job, ...]:
    """The jobs of a file, each after those that it needs.

    A YAML file holds a list of jobs, or ``defaults`` (fields by verb) and ``jobs``. A table has one line a job and the
    names of fields in its first line. Each job has a ``verb``, the fields of that verb's options, and may have a
    ``name`` and the other fields of `Job`. Files are named as seen from the jobs' file.

    Raises:
        InputError: no such file, a verb or field that is none (the nearest is named), a value of another kind, two
            jobs of one name, or jobs that wait for each other.
    """
    path = require_file(path, "jobs")
    if path.suffix.lower() == ".csv":
        listed, defaults = _table(path), {}
    elif path.suffix.lower() in (".yaml", ".yml", ".json"):
        listed, defaults = _yaml(path)
    else:
        raise InputError(f"jobs {path} end in {path.suffix!r}; .yaml, .json or .csv was wanted.")
    if not listed:
        raise InputError(f"jobs {path} are none; at least one was wanted.")
    makers = {name: verb for name, verb in verbs.items() if makes(verb)}
    for name in defaults:
        _named(name, makers, f"{path}: defaults", "verb")
    jobs = [_job(entry, makers, defaults, path.parent.resolve()) for entry in listed]
    return _ordered(jobs, path)


def makes(verb: Verb) -> bool:
    """Whether a verb writes something that can be asked for."""
    return any(option.name == "out" for option in fields(verb.options)) and verb.name not in ("demo", "batch")


def _table(path: Path) -> list[_Listed]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"jobs {path} are no table ({error}); comma-separated UTF-8 was wanted.") from error
    listed = []
    for number, row in enumerate(rows, start=2):
        if None in row:
            raise InputError(f"{path} line {number} has more cells than the first line; quote texts with commas.")
        values = {str(name).strip(): text for name, text in row.items() if text not in (None, "")}
        if values:
            listed.append(_Listed(f"{path} line {number}", values))
    return listed


def _yaml(path: Path) -> tuple[list[_Listed], dict[str, Any]]:
    try:
        import yaml
    except ImportError as error:
        raise InputError("YAML is read by pyyaml: pip install 'gaussian-head[batch]'.") from error
    try:
        content = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=yaml.BaseLoader)  # texts; Options give types
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"jobs {path} are no YAML ({' '.join(str(error).split())}).") from error
    content = {"jobs": content} if isinstance(content, list) else content
    if not isinstance(content, dict) or not isinstance(content.get("jobs"), list):
        raise InputError(f"jobs {path} hold no list; a list of jobs, or `jobs:` with one, was wanted.")
    for name in content:
        _named(name, ("jobs", "defaults"), str(path), "part")
    defaults = content.get("defaults") or {}
    if not isinstance(defaults, dict) or not all(isinstance(row, dict) for row in defaults.values()):
        raise InputError(f"{path}: defaults are to be fields by verb, as `defaults: {{reconstruct: {{size: 256}}}}`.")
    for number, row in enumerate(content["jobs"], start=1):
        if not isinstance(row, dict):
            raise InputError(f"{path} job {number} is {row!r}; fields with values were wanted.")
    return [_Listed(f"{path} job {k}", dict(row)) for k, row in enumerate(content["jobs"], start=1)], defaults


def _job(listed: _Listed, verbs: Mapping[str, Verb], defaults: Mapping[str, Any], base: Path) -> Job:
    named = listed.values.get("verb")
    if not isinstance(named, str):
        raise InputError(f"{listed.where} has no verb; one of {', '.join(verbs)} was wanted.")
    verb = verbs[_named(named.strip(), verbs, listed.where, "verb")]
    values = {**defaults.get(verb.name, {}), **listed.values}
    own = {name: values.pop(name) for name in OWN if name in values}
    _require_fields(verb, values, listed.where)
    name = _name(own.get("name"), verb, values, listed.where)
    where = f"job {name}"
    out = _within(values.pop("out") if "out" in values else _usual_out(verb, name, where), where)
    values = with_places(verb.options, values, lambda text, certain: _absolute(text, certain, base))
    made = to_json(options_of(verb.options, values | {"out": out}, where)) | {"out": out}
    shares = require_count(_whole(own.get("shares", 1)), f"{where}.shares", least=1, most=MOST_SHARES)
    if shares > 1 and verb.in_parts is None:
        raise InputError(f"{where} has shares: {shares}; one worker at a time can {verb.name}. Leave shares out.")
    return Job(
        name=name,
        verb=verb,
        options=made,
        after=_before(own.get("after", ()), verb, made),
        cpus=require_number(_real(own.get("cpus", 1)), f"{where}.cpus", least=0.1, most=MOST_CPUS),
        gpus=require_number(_real(own.get("gpus", 0)), f"{where}.gpus", least=0, most=MOST_CPUS),
        memory=require_number(_real(own.get("memory", GIB)), f"{where}.memory", least=0, most=MOST_GIB),
        shares=shares,
    )


def _require_fields(verb: Verb, values: Mapping[str, Any], where: str) -> None:
    """InputError where a field is neither the verb's nor a job's; the nearest is named."""
    valid = [option.name for option in fields(verb.options) if option.name not in ("live", "resume", "overwrite")]
    for name in values:
        _named(name, [*valid, *OWN], where, f"field of {verb.name}")


def _named(name: str, valid: Iterable[str], where: str, what: str) -> str:
    valid = list(valid)
    if name in valid:
        return name
    near = difflib.get_close_matches(str(name), valid, n=1, cutoff=0.0)
    raise InputError(
        f"{where} has {name!r}, which is no {what}; did you mean {near[0]!r}? There are {', '.join(valid)}."
    )


def _name(given: Any, verb: Verb, values: Mapping[str, Any], where: str) -> str:
    """What a job is called: as it says, else by its verb and what it works on."""
    if given is None:
        first = values.get(fields(verb.options)[0].name, "")
        text = first if isinstance(first, str) else first[0] if first else ""
        given = f"{verb.name}-{re.sub(r'[^0-9A-Za-z_]+', '-', Path(text).stem).strip('-')}"
    if not isinstance(given, str) or not NAME.fullmatch(given) or len(given) > 100:
        raise InputError(f"{where} is called {given!r}; letters, digits, '_', '-' and '.' were wanted, a letter first.")
    return given


def _usual_out(verb: Verb, name: str, where: str) -> str:
    """Where a verb writes if a job does not say: into the job's folder, or a video in it."""
    if verb.name in ("render", "dub"):
        return f"{name}.mp4"
    if verb.name in ("export", "direct", "voice"):
        raise InputError(f"{where} has no out; the name of the file to write was wanted.")
    return "."


def _within(out: Any, where: str) -> str:
    path = Path(str(out))
    if path.is_absolute() or ".." in path.parts or ADDRESS.match(str(out)) or "$" in str(out):
        raise InputError(f"{where}.out is {out!r}; a name within the job's own folder was wanted.")
    return path.as_posix()


def _absolute(text: str, certain: bool, base: Path) -> str:
    """A file as seen from anywhere; what is no file by its field or on disk stays as it is."""
    if REFERENCE.fullmatch(text) or ADDRESS.match(text):
        return text
    place = base / Path(text).expanduser()
    try:
        return str(place) if certain or (text and place.exists()) else text
    except (OSError, ValueError):
        return text


def _before(after: Any, verb: Verb, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the jobs that come first: those listed, and those whose files are used."""
    listed = re.split(r"[;,\s]+", after) if isinstance(after, str) else list(after)
    return tuple(dict.fromkeys([*(str(name) for name in listed if name), *references(verb, options)]))


def references(verb: Verb, options: Mapping[str, Any]) -> list[str]:
    """Names of the jobs whose files ``options`` name."""
    found: list[str] = []

    def note(text: str, certain: bool) -> str:
        found.extend(match[1] for match in [REFERENCE.fullmatch(text)] if match)
        return text

    with_places(verb.options, options, note)
    return found


def _ordered(jobs: Sequence[Job], path: Path) -> tuple[Job, ...]:
    by_name: dict[str, Job] = {}
    for job in jobs:
        if job.name in by_name:
            raise InputError(f"{path} has two jobs called {job.name!r}; give each a name of its own.")
        by_name[job.name] = job
    for job in jobs:
        for name in job.after:
            _named(name, by_name, f"{path}: job {job.name}", "job to wait for")
    order: list[Job] = []
    rest = list(jobs)
    done: set[str] = set()
    while rest:
        ready = [job for job in rest if done.issuperset(job.after)]
        if not ready:
            raise InputError(
                f"{path}: {', '.join(job.name for job in rest[:5])} wait for each other; none can be first."
            )
        order += ready
        done |= {job.name for job in ready}
        rest = [job for job in rest if job.name not in done]
    return tuple(order)


def _whole(value: Any) -> Any:
    try:
        return int(value)
    except (TypeError, ValueError):
        return value


def _real(value: Any) -> Any:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return value
    return number if math.isfinite(number) else value
