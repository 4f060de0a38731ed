"""What an interrupted dub leaves for the next run, and how that knows it again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from .. import __version__
from ..checkpoint import save_tensors
from ..checks import fingerprint
from ..durable import replacing
from ..events import Listener, Warned, ignore
from ..media.parts import PartsFolder
from ..motion import Motion
from .compose import Part
from .planning import Plan, Wish

MOTIONS = "wanted.safetensors"


def request_of(plan: Plan, wish: Wish) -> str:
    """A fingerprint of everything that the frames depend on, but motion."""
    import av

    digest = hashlib.sha256()
    versions = (__version__, av.__version__)
    digest.update(repr((fingerprint(plan.film.path), plan.num_frames, wish, versions)).encode())
    for line in plan.lines:
        digest.update(repr((line.start, line.end, line.person, fingerprint(line.sound))).encode())
    for person, learnt in sorted(plan.people.items()):
        digest.update(repr((person, learnt.capture.info.source.get("sha256"))).encode())
        for branch in () if learnt.actor is None else learnt.actor.head.branches:
            digest.update(branch.means.contiguous().numpy().tobytes())
    return digest.hexdigest()


def kept(store: PartsFolder, plan: Plan, *, resume: bool, listener: Listener = ignore) -> Plan:
    """The plan with the motion of the interrupted run where there is one: rounding differs from run to run."""
    from safetensors.torch import load_file

    path = store.path / MOTIONS
    given: dict[str, Tensor] = {}
    for i, part in enumerate(plan.parts):
        for name, motion in (("old", part.stretch.recorded), ("new", part.wanted)):
            given |= {f"{i}.{name}.{key}": value for key, value in motion.tensors().items()}
    if store.resumed and path.is_file():
        old = load_file(path)
        if {k: v.shape for k, v in old.items()} == {k: v.shape for k, v in given.items()}:
            return replace(plan, parts=_with(plan.parts, old))
    store.start_over()
    if resume:
        listener(Warned(message="nothing of this dub was there to resume; it starts from the beginning."))
    with replacing(path) as temporary:
        save_tensors(temporary, given)
    return plan


def _with(parts: Sequence[Part], tensors: dict[str, Tensor]) -> tuple[Part, ...]:
    """Parts with the motions in ``tensors``."""
    found = []
    for i, part in enumerate(parts):

        def motion(name: str, like: Motion, i: int = i) -> Motion:
            start = f"{i}.{name}."
            own = {key.removeprefix(start): value for key, value in tensors.items() if key.startswith(start)}
            return Motion.from_tensors(own, fps=like.fps, basis_id=like.basis_id)

        stretch = replace(part.stretch, recorded=motion("old", part.stretch.recorded))
        found.append(replace(part, stretch=stretch, wanted=motion("new", part.wanted)))
    return tuple(found)
