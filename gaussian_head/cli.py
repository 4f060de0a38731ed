"""`gaussian-head VERB …`: parse, run the verb, draw its progress; a mistake ends in one clear line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import tyro

from .checks import InputError
from .verbs import VERBS
from .verbs.bars import drawing


def run_verb(name: str) -> None:
    """Parse the command line for one verb and run it; a user's mistake ends in one clear line and exit status 2."""
    _prepare_threads()
    _guarded(lambda: _run(tyro.cli(VERBS[name].options)))


def main() -> None:
    """Entry point of `gaussian-head`."""
    _prepare_threads()
    options = {name: verb.options for name, verb in VERBS.items()}
    _guarded(lambda: _run(tyro.extras.subcommand_cli_from_dict(options, prog="gaussian-head")))


def _run(options: Any) -> None:
    verb = next(verb for verb in VERBS.values() if verb.options is type(options))
    with drawing() as listener:
        verb.run(options, listener)


def _prepare_threads() -> None:
    """Let waiting OpenMP threads sleep: spinning ones halve the speed as soon as anything else runs."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _guarded(run: Callable[[], None]) -> None:
    try:
        run()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    except OSError as error:
        print(
            f"error: {error}. Nothing was left half-written; free some space or choose another --out.", file=sys.stderr
        )
        raise SystemExit(2) from error
    except KeyboardInterrupt:
        print("stopped; train, reconstruct and render go on from here with --resume", file=sys.stderr)
        raise SystemExit(130) from None
