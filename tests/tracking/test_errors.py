"""Errors on the way end the work at once, close what was opened and lose no time."""

import threading

import numpy as np
import pytest

from gaussian_head.checks import InputError
from gaussian_head.facenet import FaceDetector
from gaussian_head.media import VideoWriter
from gaussian_head.tracking import matte, pipeline
from gaussian_head.tracking.matte import MatteThread


class FullDisk:
    """A writer whose disk is full from picture ``last`` on."""

    def __init__(self, last):
        self.last = last

    def write_image(self, t, image):
        if t >= self.last:
            raise OSError(28, "No space left on device")

    def write_alpha(self, t, alpha):
        pass


def put_thirty(disk, watch=lambda matting: None):
    """Puts thirty pictures from a thread that must end, with the disk's own error."""
    outcome = []

    def run():
        try:
            with MatteThread(disk) as matting:
                watch(matting)
                for _ in range(30):
                    matting.put(np.zeros((4, 4, 3), np.uint8))
        except OSError as error:
            outcome.append(error)

    worker = threading.Thread(target=run, daemon=True)
    worker.start()
    worker.join(30)
    assert not worker.is_alive(), "hangs"
    assert outcome[0].errno == 28


@pytest.mark.parametrize(("last", "held_back"), [(29, 0), (29, 1), (3, 0)], ids=["last", "last, held back", "early"])
def test_a_full_disk_ends_the_mattes_with_its_error(monkeypatch, last, held_back):
    def delayed(images):
        held = []
        for image in images:
            held.append(image)
            if len(held) > held_back:
                yield held[0], held.pop(0)[..., 0]
        for image in held:
            yield image, image[..., 0]

    monkeypatch.setattr(matte, "mattes", delayed)
    put_thirty(FullDisk(last))


def test_a_full_disk_is_told_to_who_waits_for_room(monkeypatch):
    monkeypatch.setattr(matte, "mattes", lambda images: ((image, image[..., 0]) for image in images))
    full = threading.Event()

    class SlowDisk(FullDisk):
        def write_image(self, t, image):
            assert full.wait(20)
            super().write_image(t, image)

    def watch(matting):
        put = matting._queue.put

        def watched(item, block=True):
            if matting._queue.full():
                full.set()
            put(item, block)

        monkeypatch.setattr(matting._queue, "put", watched)

    put_thirty(SlowDisk(0), watch)


@pytest.fixture
def plain_clip(tmp_path):
    """Four grey seconds."""
    with VideoWriter(tmp_path / "clip.mp4", width=64, height=64, fps=25) as writer:
        for _ in range(100):
            writer.write(np.full((64, 64, 3), 90, np.uint8))
    return tmp_path / "clip.mp4"


def test_sound_is_read_before_the_pictures(monkeypatch, plain_clip, tmp_path):
    def broken(*_):
        raise InputError("the sound is broken")

    monkeypatch.setattr(pipeline, "read_sound", broken)
    monkeypatch.setattr(pipeline, "survey", lambda *_: pytest.fail("pictures first"))
    with pytest.raises(InputError, match="the sound is broken"):
        pipeline.track(plain_clip, tmp_path / "capture")


def test_a_face_is_surer_upright_than_upside_down(portrait):
    detector = FaceDetector()
    turned = [detector.score(np.rot90(portrait, k)) for k in range(4)]
    assert detector.score(np.full((200, 200, 3), 90, np.uint8)) == 0
    assert turned[0] > max(turned[1:]) + 0.1
