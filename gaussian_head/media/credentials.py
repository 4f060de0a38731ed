"""C2PA content credentials: a signed statement inside a video of how it came to be, which browsers and sites can check.

They need `c2pa-python` (`pip install -e ".[credentials]"`) and a certificate of the user's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .. import __version__
from ..checks import InputError, require_file
from ..durable import replacing

CHAIN, KEY = "chain.pem", "key.pem"
"""Files in a folder of credentials: the signer's certificate with those that vouch for it, and its ES256 key."""
SIGNED = (".mp4", ".mov")
"""Endings of the videos that can carry credentials."""
SOURCES = "http://cv.iptc.org/newscodes/digitalsourcetype/"

Made = Literal["rendered", "dubbed"]
_SOURCE_TYPES = {"rendered": "trainedAlgorithmicMedia", "dubbed": "compositeWithTrainedAlgorithmicMedia"}


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What signs videos."""

    chain: bytes
    """Certificates, PEM, the signer's first."""
    key: bytes
    """The signer's private key, PEM, ES256."""

    @staticmethod
    def load(folder: str | Path, out: str | Path) -> Credentials:
        """Read those of a folder, to sign ``out`` later.

        Raises:
            InputError: the library or a file is missing, the key does not sign, or ``out`` cannot carry credentials.
        """
        if Path(out).suffix.lower() not in SIGNED:
            raise InputError(f"{out} cannot carry content credentials; a name that ends in .mp4 or .mov is wanted.")
        chain, key = (require_file(Path(folder) / name, "credentials").read_bytes() for name in (CHAIN, KEY))
        credentials = Credentials(chain=chain, key=key)
        credentials._signer().close()
        return credentials

    def sign(self, video: str | Path, made: Made) -> None:
        """Put credentials into a video, at once or not at all; its pictures and sound stay as they are.

        Raises:
            InputError: the library refuses the certificate or the file.
        """
        import c2pa

        video = Path(video)
        action = {"action": "c2pa.created", "digitalSourceType": f"{SOURCES}{_SOURCE_TYPES[made]}"}
        manifest = {
            "claim_generator_info": [{"name": "gaussian-head", "version": __version__}],
            "title": video.name,
            "assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}],
        }
        with replacing(video) as fresh, self._signer() as signer:
            try:
                c2pa.Builder(manifest).sign_file(video, fresh, signer)
            except c2pa.C2paError as error:
                raise InputError(f"{video} was written but not signed: {error}.") from error

    def _signer(self):
        try:
            import c2pa
        except ImportError as error:
            raise InputError(
                "content credentials need c2pa-python; pip install 'gaussian-head[credentials]', in a checkout "
                "pip install -e '.[credentials]'."
            ) from error
        try:
            return c2pa.Signer.from_info(c2pa.C2paSignerInfo("es256", self.chain, self.key, None))
        except c2pa.C2paError as error:
            raise InputError(
                f"{CHAIN} and {KEY} do not sign: {error}; a PEM chain and its ES256 key are wanted."
            ) from error
