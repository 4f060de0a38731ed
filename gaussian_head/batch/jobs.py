"""Jobs, as a YAML file or a table (CSV) lists them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from ..checks import InputError, require_count, require_file, require_number
from .listed import Listed, listed_in, named
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
    """CUDA devices: where not said one for ``device: cuda``, else none. The worker sees no others."""
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


def read_jobs(path: str | Path, verbs: Mapping[str, Verb], *, device: str = "") -> tuple[Job, ...]:
    """The jobs of a file, each after those that it needs.

    A YAML file holds a list of jobs, or ``defaults`` (fields by verb) and ``jobs``. A table has one line a job and the
    names of fields in its first line. Each job has a ``verb``, the fields of that verb's options, and may have a
    ``name`` and the other fields of `Job`. Files are named as seen from the jobs' file.

    Args:
        path: of the file.
        verbs: by name.
        device: of jobs whose verb has a ``device`` and that name none.

    Raises:
        InputError: no such file, a verb or field that is none (the nearest is named), a value of another kind, two
            jobs of one name, a GPU by its number, or jobs that wait for each other.
    """
    path = require_file(path, "jobs")
    listed, defaults = listed_in(path)
    if not listed:
        raise InputError(f"jobs {path} are none; at least one was wanted.")
    makers = {name: verb for name, verb in verbs.items() if makes(verb)}
    for name in defaults:
        named(name, makers, f"{path}: defaults", "verb")
    for verb in makers.values() if device else ():
        if any(option.name == "device" for option in fields(verb.options)):
            defaults[verb.name] = {"device": device, **defaults.get(verb.name, {})}
    jobs = [_job(entry, makers, defaults, path.parent.resolve()) for entry in listed]
    return _ordered(jobs, path)


def makes(verb: Verb) -> bool:
    """Whether a verb writes something that can be asked for."""
    return any(option.name == "out" for option in fields(verb.options)) and verb.name not in ("demo", "batch")


def _job(listed: Listed, verbs: Mapping[str, Verb], defaults: Mapping[str, Any], base: Path) -> Job:
    asked = listed.values.get("verb")
    if not isinstance(asked, str):
        raise InputError(f"{listed.where} has no verb; one of {', '.join(verbs)} was wanted.")
    verb = verbs[named(asked.strip(), verbs, listed.where, "verb")]
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
        gpus=_gpus(own.get("gpus"), made.get("device", ""), where),
        memory=require_number(_real(own.get("memory", GIB)), f"{where}.memory", least=0, most=MOST_GIB),
        shares=shares,
    )


def _gpus(asked: Any, device: str, where: str) -> float:
    """CUDA devices that a worker is given."""
    if device.startswith("cuda:"):
        raise InputError(
            f"{where}.device is {device!r}; every worker is given a GPU of its own, the only one that it sees: write "
            "cuda, and gpus: 0.5 where two may share one."
        )
    gpus = require_number(
        _real((device == "cuda") * 1.0 if asked is None else asked), f"{where}.gpus", least=0, most=MOST_CPUS
    )
    if device == "cuda" and not gpus:
        raise InputError(f"{where} has device: cuda and gpus: 0; leave one of them out.")
    return gpus


def _require_fields(verb: Verb, values: Mapping[str, Any], where: str) -> None:
    """InputError where a field is neither the verb's nor a job's; the nearest is named."""
    valid = [option.name for option in fields(verb.options) if option.name not in ("live", "resume", "overwrite")]
    for name in values:
        named(name, [*valid, *OWN], where, f"field of {verb.name}")


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
            named(name, by_name, f"{path}: job {job.name}", "job to wait for")
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
