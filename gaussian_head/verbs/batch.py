"""`gaussian-head batch`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tyro.conf import Positional

from ..checks import require_count
from ..events import Listener, Said, ignore
from ._calling import function_of
from ._values import Named, PathLike

if TYPE_CHECKING:
    from ..batch import Outcome

EXAMPLES = (
    "gaussian-head batch jobs.yaml --out runs",
    "gaussian-head batch people.csv --out s3://bucket/runs --address 10.0.0.1:6379",
    "gaussian-head batch people.csv --out runs --device cuda",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Do many jobs, each a verb with its options, on all cores or a cluster; what is done is not done again."""

    jobs: Positional[PathLike] = field(kw_only=False)
    """A list of jobs (.yaml), or a table with one line a job (.csv): `verb`, its options, and perhaps `name`, \
`after`, `cpus`, `gpus`, `memory` (GiB) and `shares` (workers that draw one video)."""
    out: Named = field(kw_only=False)
    """Folder of all results, or an address that fsspec knows (s3://bucket/runs); gets status.csv and index.html."""
    address: str = ""
    """Address of a Ray cluster; by default the work is done on this machine."""
    workers: int | None = None
    """Cores of this machine to use; by default all."""
    gpus: int | None = None
    """GPUs of this machine to use, from the first on; by default all. A job of `device: cuda` has one for itself, \
unless it says `gpus: 0.5`; it sees no others. Which of several kinds are seen at all, CUDA_VISIBLE_DEVICES tells."""
    device: str = ""
    """`cuda` for jobs that have a device and name none: so many work at once as there are GPUs."""
    retries: int = 5
    """How often a job is begun again whose worker is killed; it goes on where it was."""


def run(options: Options, listener: Listener = ignore) -> Outcome:
    """What became of each job.

    Raises:
        InputError: jobs that cannot be read, another batch at work in ``out``, Ray is not installed, or its cluster
            does not answer.
    """
    from ..batch import place_at, read_jobs, run_jobs
    from ..batch.ray_pool import RayPool
    from . import VERBS

    retries = require_count(options.retries, "retries", most=1000)
    if options.workers is not None:
        require_count(options.workers, "workers", least=1, most=4096)
    if options.gpus is not None:
        require_count(options.gpus, "gpus", most=4096)
    jobs = read_jobs(options.jobs, VERBS, device=options.device)
    place = place_at(options.out)
    with RayPool(options.address, workers=options.workers, gpus=options.gpus) as pool:
        pool.require(jobs)
        outcome = run_jobs(jobs, place, pool, retries=retries, listener=listener)
    done = len(outcome.records) - len(outcome.failed)
    already = f" ({outcome.already} before)" if outcome.already else ""
    listener(Said(message=f"{done} of {len(outcome.records)} jobs are done{already}\nreport: {place.shown}/index.html"))
    return outcome


batch = function_of(Options, run)
