"""`gaussian-head VERB …`: parse, run the verb, draw its progress; a mistake ends in one clear line."""

from __future__ import annotations

import difflib
import errno
import io
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import tyro

from . import __version__
from .checks import InputError
from .doctor import without_kernels
from .events import Warned
from .verbs import VERBS
from .verbs.bars import drawing


def run_verb(name: str) -> None:
    """Parse the command line for one verb and run it; a user's mistake ends in one clear line and exit status 2."""
    _prepare_threads()
    _guarded(lambda: _run(_parsed(name, sys.argv[1:])))


def main() -> None:
    """Entry point of `gaussian-head`."""
    _prepare_threads()
    if sys.argv[1:] == ["--version"]:
        print(f"gaussian-head {__version__}")
        raise SystemExit
    _guarded(lambda: _require_verb(sys.argv[1:2]))
    if sys.argv[1:2] and sys.argv[1] in VERBS:
        name = sys.argv[1]
        _guarded(lambda: _run(_parsed(name, sys.argv[2:], prog=f"gaussian-head {name}")))
    else:
        options = {name: verb.options for name, verb in VERBS.items()}
        _guarded(lambda: _run(tyro.extras.subcommand_cli_from_dict(options, prog="gaussian-head")))


def _parsed(name: str, words: list[str], prog: str | None = None) -> Any:
    """The verb's options as a command line's words give them."""
    verb = VERBS[name]
    return tyro.cli(verb.options, args=words, prog=prog, description=verb.help)


def _require_verb(named: list[str]) -> None:
    """InputError where the first word is no verb; the nearest one is named."""
    unknown = [word for word in named if not word.startswith("-") and word not in VERBS]
    if unknown:
        near = difflib.get_close_matches(unknown[0], VERBS, n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        raise InputError(f"{unknown[0]!r} is no verb; {meant}There are {', '.join(VERBS)}.")


def _run(options: Any) -> None:
    verb = next(verb for verb in VERBS.values() if verb.options is type(options))
    with drawing() as listener:
        if verb.draws and (slow := without_kernels()):
            listener(Warned(message=slow))
        result = verb.run(options, listener)
    if status := getattr(result, "exit_status", 0):
        raise SystemExit(status)


def _prepare_threads() -> None:
    """Let waiting OpenMP threads sleep: spinning ones halve the speed as soon as anything else runs."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP: ends like Ctrl-C, with what was begun put in order."""


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def _prepare_ending() -> None:
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _terminate)


def _prepare_terminal() -> None:
    """Let a terminal that has no letter for something show its number."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _guarded(run: Callable[[], None]) -> None:
    _prepare_terminal()
    _prepare_ending()
    try:
        run()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    except BrokenPipeError:  # whoever read what we print has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None
    except OSError as error:
        print(f"error: {error}. Nothing was left half-written{_advice(error)}.", file=sys.stderr)
        raise SystemExit(2) from error
    except KeyboardInterrupt as stop:
        print(str(stop) or "stopped; nothing was left half-written", file=sys.stderr)
        raise SystemExit(143 if isinstance(stop, Terminated) else 130) from None


def _advice(error: OSError) -> str:
    """What to do about a failure that the system reports, where that is known."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "; free some space or choose another --out"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "; check the permissions there"
    if error.errno == errno.EADDRINUSE:
        return "; another program listens there, choose another --port"
    return ""
