"""Workers of Ray: on this machine, or on any cluster that has this package."""

from __future__ import annotations

import logging
import os
from collections.abc import Hashable, Sequence
from typing import Any

from ..checks import InputError
from .driver import Lost
from .jobs import Job
from .work import Result, Task, work

STORE_MB = 80
"""Ray's shared memory on this machine; tasks hand over a few kilobytes."""


class RayPool:
    """A process for each task, with the cores, devices and memory that its job asks for; context manager."""

    def __init__(self, address: str = "", *, workers: int | None = None, gpus: int | None = None) -> None:
        """Join a cluster, or begin one on this machine.

        Args:
            address: of a cluster's head (``10.0.0.1:6379``, ``ray://…``, ``auto``); "" for this machine alone.
            workers: cores to use on this machine; by default all.
            gpus: GPUs to use on this machine, from the first on; by default all that Ray finds.

        Raises:
            InputError: Ray is not installed, or no cluster answers.
        """
        self._ray = ray = _ray()
        self._local = not address
        common: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
        try:
            if self._local:
                own = {"num_cpus": workers, "num_gpus": gpus, "object_store_memory": STORE_MB << 20}
                ray.init(**common, **own, include_dashboard=False)
            else:
                ray.init(address=address, **common)
        except (ConnectionError, RuntimeError, ValueError) as error:
            where = f"of Ray at {address}" if address else "of Ray on this machine"
            why = " ".join(str(error).split())[:300]
            token = "" if self._local else " Where the cluster demands a token, set RAY_AUTH_MODE=token and bring it."
            raise InputError(f"the workers {where} cannot be had: {why}.{token}") from error
        self._work = ray.remote(max_calls=1, max_retries=0)(_work)
        self._flying: dict[Any, None] = {}
        self._room = ray.cluster_resources()

    def __enter__(self) -> RayPool:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def require(self, jobs: Sequence[Job]) -> None:
        """InputError where this machine alone works and a job asks for more than it has."""
        room = {"cpus": self._room.get("CPU", 0.0), "gpus": self._room.get("GPU", 0.0)}
        for job in jobs if self._local else ():
            for name, most in room.items():
                if getattr(job, name) > most:
                    raise InputError(
                        f"job {job.name} asks for {name}: {getattr(job, name):g}; there are {most:g} here. Ask for "
                        "less, or name a cluster with --address."
                    )

    def submit(self, task: Task) -> Hashable:
        """Hand a task over."""
        job = task.job
        memory = job.memory * 2**30
        if self._local:  # a machine that is too small is tried all the same, with nothing beside
            memory = min(memory, self._room.get("memory", memory))
        wanted = {"num_cpus": job.cpus, "num_gpus": job.gpus, "memory": int(memory), "name": f"{job.name}.{task.name}"}
        handle = self._work.options(**wanted).remote(task)
        self._flying[handle] = None
        return handle

    def wait(self, seconds: float) -> list[tuple[Hashable, Result | Lost]]:
        """What has ended."""
        if not self._flying:
            return []
        ready, _ = self._ray.wait(list(self._flying), num_returns=1, timeout=seconds)
        more, _ = self._ray.wait(list(self._flying), num_returns=len(self._flying), timeout=0)
        ended = dict.fromkeys([*ready, *more])
        for handle in ended:
            del self._flying[handle]
        return [(handle, self._result(handle)) for handle in ended]

    def close(self) -> None:
        """Leave the cluster; what still runs for this pool is ended."""
        self._ray.shutdown()

    def _result(self, handle: Any) -> Result | Lost:
        errors = self._ray.exceptions
        try:
            return self._ray.get(handle)
        except errors.RayTaskError as error:  # nothing that `work` tells of: it could not even begin
            return Lost(f"the worker could not begin: {error.cause!r}")
        except errors.OutOfMemoryError:
            return Lost("the worker was ended for memory; give the job a larger `memory`")
        except errors.RayError as error:
            return Lost(f"the worker was lost ({type(error).__name__})")


def _work(task: Task) -> Result:
    """``work`` in a process that sees the GPUs of its job and no others: Ray hides them where a job has some."""
    if not task.job.gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    return work(task)


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise InputError("jobs are run by Ray, which is not installed: pip install 'gaussian-head[batch]'.") from error
    return ray
