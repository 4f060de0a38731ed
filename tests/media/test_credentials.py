"""Content credentials: what an independent reader finds in a video, and that any change of it shows."""

import datetime
import json

import numpy as np
import pytest

from gaussian_head.checks import InputError
from gaussian_head.media import read_frames
from gaussian_head.media.credentials import CHAIN, KEY, Credentials
from gaussian_head.media.writer import VideoWriter

c2pa = pytest.importorskip("c2pa", reason="pip install -e '.[credentials]'")
x509 = pytest.importorskip("cryptography.x509")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A certificate that a root of nobody's trust list vouches for."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    now = datetime.datetime.now(datetime.timezone.utc)
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("root", "signer")}

    def certificate(name, *, ca):
        names = {one: x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, one)]) for one in keys}
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
        ) | {"digital_signature": not ca, "key_cert_sign": ca, "crl_sign": ca}
        issuer = keys["root"].public_key()
        builder = (
            x509.CertificateBuilder(names["root"], names[name], keys[name].public_key(), x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=9))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(**usage, encipher_only=False, decipher_only=False), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
        )
        if not ca:
            builder = builder.add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
            )
        return builder.sign(keys["root"], hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    folder = tmp_path_factory.mktemp("credentials")
    (folder / CHAIN).write_bytes(certificate("signer", ca=False) + certificate("root", ca=True))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / KEY).write_bytes(keys["signer"].private_bytes(*form))
    return folder


@pytest.fixture
def video(tmp_path):
    with VideoWriter(tmp_path / "talk.mp4", width=64, height=64, fps=25, audio=np.zeros(8000, np.float32)) as writer:
        for t in range(12):
            writer.write(np.full((64, 64, 3), 20 * t, np.uint8))
    return tmp_path / "talk.mp4"


def told(path):
    """What the reader says: the manifest, and the codes of what it found wrong."""
    report = json.loads(c2pa.Reader(path).json())
    return report["manifests"][report["active_manifest"]], {s["code"] for s in report.get("validation_status", [])}


@pytest.mark.parametrize(
    ("made", "source"),
    [("rendered", "trainedAlgorithmicMedia"), ("dubbed", "compositeWithTrainedAlgorithmicMedia")],
)
def test_a_signed_video_says_how_it_was_made_and_looks_as_before(folder, video, made, source):
    before = [frame.copy() for frame in read_frames(video)]
    Credentials.load(folder, video).sign(video, made)
    manifest, faults = told(video)
    (action,) = next(a for a in manifest["assertions"] if a["label"].startswith("c2pa.actions"))["data"]["actions"]
    assert action["digitalSourceType"].rsplit("/", 1)[1] == source
    assert faults == {"signingCredential.untrusted"}  # by nobody but this test
    after = [frame.copy() for frame in read_frames(video)]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_changed_video_no_longer_agrees_with_its_credentials(folder, video):
    Credentials.load(folder, video).sign(video, "rendered")
    data = bytearray(video.read_bytes())
    data[data.rindex(b"mdat") + 200] ^= 255
    video.write_bytes(data)
    assert any("mismatch" in fault for fault in told(video)[1])


def test_what_cannot_be_signed_is_said_before_the_work(folder, tmp_path):
    with pytest.raises(InputError, match=r"\.mp4 or \.mov"):
        Credentials.load(folder, "talk.webm")
    with pytest.raises(InputError, match=r"chain\.pem"):
        Credentials.load(tmp_path, "talk.mp4")
    (tmp_path / CHAIN).write_text("nothing")
    (tmp_path / KEY).write_text("nothing")
    with pytest.raises(InputError, match="do not sign"):
        Credentials.load(tmp_path, "talk.mp4")
