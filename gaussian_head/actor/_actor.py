"""An Actor: the head of a person and what makes it move as that person does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..checks import InputError, require_writable_folder
from ..head import Head
from ..motion import AudioToMotion
from ..voice import BlendedVoice
from ._clip import Clip
from .storage import read_clip, read_voice, write_clip, write_voice


@dataclass(frozen=True, kw_only=True)
class Actor:
    """One person, ready to perform."""

    head: Head
    """What is seen."""
    clip: Clip
    """How it moved where it was captured."""
    voice: BlendedVoice | AudioToMotion | None = None
    """Tells the units of its mouth from sound, an AudioToMotion in heads of before; None for a clip without sound,
    whose head speaks as people usually do."""

    def __repr__(self) -> str:
        motion = self.clip.motion
        voice = "no voice of its own" if self.voice is None else "a voice"
        return f"Actor({self.head}, clip of {len(motion)} frames at {motion.fps:g} fps, {voice})"

    @staticmethod
    def load(folder: str | Path) -> Actor:
        """Read what ``save`` wrote.

        Raises:
            InputError: no head, or its parts are missing, damaged, of a newer version, or of different people.
        """
        head, clip = Head.load(folder), read_clip(folder)
        if head.code_map.basis_id != clip.motion.basis_id:
            raise InputError(
                f"the clip in {folder} is not that of the head beside it; copy the whole folder anew, or train again."
            )
        return Actor(head=head, clip=clip, voice=read_voice(folder))

    def save(self, folder: str | Path) -> None:
        """Write ``model`` (the head), ``clip`` and, where there is one, ``voice``, each whole or not at all.

        Raises:
            InputError: the folder cannot be written.
        """
        folder = require_writable_folder(folder, "head folder")
        write_voice(self.voice, folder)
        write_clip(self.clip, folder)
        self.head.save(folder)
