"""What the tabs share: callbacks that tell the user from the server, failures that become notifications, downloads."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gaussian_head.checks import InputError

from ..session import Session

if TYPE_CHECKING:
    from viser import GuiInputHandle


log = logging.getLogger(__name__)
SIZES = {"256": 256, "384": 384, "512": 512, "768": 768, "1024": 1024}
"""Picture heights offered, pixels."""


def on_user(handle: GuiInputHandle[Any], action: Callable[[], None]) -> None:
    """Call ``action`` when the user changes a widget, not when the server does."""
    handle.on_update(lambda event: action() if event.client_id is not None else None)


def guarded(session: Session, action: Callable[[], None]) -> None:
    """Run an action whose failure the user must hear of."""
    try:
        action()
    except InputError as error:
        session.complain("This did not work", str(error))
    except Exception:
        log.exception("an action of the control panel failed")
        session.complain("This did not work", "An unexpected error happened; the server's log has the details.")


def send(session: Session, suffix: str, content: bytes) -> None:
    """Let the browser save a file."""
    name = f"{session.staging.person.name}-{session.frame():05d}.{suffix}".replace(" ", "-")
    session.client.send_file_download(name, content, save_immediately=True)
