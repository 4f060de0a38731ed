"""Outputs appear whole or not at all, stay, and survive being killed at any moment; locks end with their owner."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gaussian_head import durable
from gaussian_head.checks import InputError
from gaussian_head.durable import discard, locked, replacing


def write_folder(target: Path, text: str) -> None:
    with replacing(target, folder=True) as temporary:
        temporary.mkdir()
        (temporary / "fresh").write_text(text)


def test_replacing_writes_only_on_success(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def fail():
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert target.read_text() == "old"
    with replacing(target) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_replacing_swaps_whole_folders(tmp_path):
    target = tmp_path / "folder"
    target.mkdir()
    (target / "stale").write_text("old")
    with replacing(target, folder=True) as temporary:
        temporary.mkdir()
        (temporary / "fresh").write_text("new")
    assert [p.name for p in target.iterdir()] == ["fresh"]
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_a_file_is_not_written_over_a_folder_or_where_no_folder_can_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"), replacing(tmp_path / "file" / "inside.txt"):
        pass
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(InputError, match="folder is a folder"), replacing(folder):
        pass
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]
    with pytest.raises(InputError, match=r"file is a file and a folder"), replacing(tmp_path / "file", folder=True):
        pytest.fail("the work began")


def test_links_are_followed(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "a.txt").write_text("old")
    (tmp_path / "disk" / "folder").mkdir()
    for name in ("a.txt", "folder"):
        (tmp_path / name).symlink_to(tmp_path / "disk" / name)
    with replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
    write_folder(tmp_path / "folder", "new")
    assert (tmp_path / "a.txt").is_symlink()
    assert (tmp_path / "folder").is_symlink()
    assert (tmp_path / "disk" / "a.txt").read_text() == "new"
    assert (tmp_path / "disk" / "folder" / "fresh").read_text() == "new"
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "disk", "folder"]
    assert sorted(os.listdir(tmp_path / "disk")) == ["a.txt", "folder"]


@pytest.mark.parametrize("place", [".", "..", "/", "/proc"])
def test_places_that_cannot_be_replaced_are_refused_before_the_work(tmp_path, monkeypatch, place):
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    with pytest.raises(InputError, match="name a folder inside it"), replacing(place, folder=True):
        pytest.fail("the work began")


def test_permissions_are_those_of_new_files(tmp_path):
    old = os.umask(0o027)
    try:
        for target in (tmp_path / "a.txt", tmp_path / "folder"):
            with replacing(target, folder=target.name == "folder") as temporary:
                if target.name == "folder":
                    temporary.mkdir()
                    temporary = temporary / "inner"
                os.close(os.open(temporary, os.O_CREAT | os.O_WRONLY, 0o600))
    finally:
        os.umask(old)
    for path in (tmp_path / "a.txt", tmp_path / "folder" / "inner"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_without_an_exchange_a_failed_swap_is_rolled_back(tmp_path, monkeypatch):
    monkeypatch.setattr(durable, "_exchange", lambda one, other: False)
    write_folder(tmp_path / "folder", "old")
    write_folder(tmp_path / "folder", "newer")
    assert (tmp_path / "folder" / "fresh").read_text() == "newer"
    rename, calls = os.rename, []

    def second_fails(one, other):
        calls.append(one)
        if len(calls) == 2:
            raise OSError("no")
        rename(one, other)

    monkeypatch.setattr(os, "rename", second_fails)
    with pytest.raises(OSError, match="no"):
        write_folder(tmp_path / "folder", "lost")
    assert (tmp_path / "folder" / "fresh").read_text() == "newer"
    assert os.listdir(tmp_path) == ["folder"]


def test_without_an_exchange_an_interrupted_swap_is_undone(tmp_path, monkeypatch):
    monkeypatch.setattr(durable, "_exchange", lambda one, other: False)
    write_folder(tmp_path / "folder", "old")
    rename, calls = os.rename, []

    def interrupted_after_the_first(one, other):
        rename(one, other)
        calls.append(one)
        if len(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "rename", interrupted_after_the_first)
    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path / "folder", "lost")
    assert (tmp_path / "folder" / "fresh").read_text() == "old"
    assert os.listdir(tmp_path) == ["folder"]


@pytest.mark.skipif(sys.platform != "linux", reason="folders change places in one step on Linux")
def test_there_is_no_moment_without_the_folder(tmp_path, monkeypatch):
    write_folder(tmp_path / "folder", "old")
    monkeypatch.setattr(os, "rename", lambda *_: pytest.fail("two steps"))
    write_folder(tmp_path / "folder", "new")
    assert (tmp_path / "folder" / "fresh").read_text() == "new"


def test_what_a_dead_process_held_aside_is_put_back(tmp_path):
    staging = tmp_path / ".head.0123456789abcdef.tmp"
    write_folder(staging / durable.ASIDE / "head", "kept")
    (staging / "head").mkdir()
    with replacing(tmp_path / "other.txt") as temporary:
        temporary.write_text("x")
    assert sorted(os.listdir(tmp_path)) == ["head", "other.txt"]
    assert (tmp_path / "head" / "fresh").read_text() == "kept"


def test_what_a_living_process_writes_is_not_swept_away(tmp_path):
    staging, lock = durable._staging_for(tmp_path / "head")
    (staging / "begun").write_text("x")
    with replacing(tmp_path / "other.txt") as temporary:
        temporary.write_text("x")
    assert (staging / "begun").read_text() == "x"
    durable._unlock(lock)
    durable._swept.discard(tmp_path)
    with replacing(tmp_path / "other.txt") as temporary:
        temporary.write_text("y")
    assert os.listdir(tmp_path) == ["other.txt"]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells which file a handle is of")
@pytest.mark.parametrize("name", ["folder", "file.txt"])
def test_what_is_written_is_on_the_disk_before_it_counts_and_its_name_after(tmp_path, monkeypatch, name):
    done, fsync, swap = [], os.fsync, durable._swap
    monkeypatch.setattr(
        os, "fsync", lambda handle: done.append(os.readlink(f"/proc/self/fd/{handle}")) or fsync(handle)
    )
    monkeypatch.setattr(durable, "_swap", lambda *where: done.append("swap") or swap(*where))
    if name == "folder":
        write_folder(tmp_path / name, "x")
    else:
        with replacing(tmp_path / name) as temporary:
            temporary.write_text("x")
    at = done.index("swap")
    assert [Path(path).name for path in done[:at]] == (["fresh", "folder"] if name == "folder" else [name])
    assert done[at + 1 :] == [str(tmp_path)]


def test_a_discarded_folder_is_gone_and_an_absent_one_is_no_error(tmp_path):
    write_folder(tmp_path / "folder", "x")
    discard(tmp_path / "folder")
    discard(tmp_path / "folder")
    assert os.listdir(tmp_path) == []


def test_a_locked_folder_is_refused_until_its_owner_is_done(tmp_path):
    wanted = pytest.raises(InputError, match="a render is under way")
    with locked(tmp_path, "a render"), wanted, locked(tmp_path, "a render"):
        pytest.fail("both had it")
    with locked(tmp_path, "a render"):
        pass


def test_threads_that_write_one_file_leave_a_whole_one(tmp_path):
    def write(letter: str) -> None:
        for _ in range(10):
            with replacing(tmp_path / "a.txt") as temporary:
                temporary.write_text(letter * 100_000)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set((tmp_path / "a.txt").read_text())) == 1
    assert os.listdir(tmp_path) == ["a.txt"]


KILLER = """
import os, pathlib, random, shutil, signal, sys, time
from gaussian_head import durable
from gaussian_head.durable import replacing

place = pathlib.Path(sys.argv[1])

def write(number, begun=lambda: None):
    with replacing(place / "folder", folder=True) as temporary:
        temporary.mkdir()
        begun()
        for name in "ab":
            (temporary / name).write_text(f"{number:06d}" * 5000)
    with replacing(place / "file.txt") as temporary:
        temporary.write_text(f"{number:06d}" * 5000)

def child(start, pipe):
    durable._swept.clear()
    number = start
    while True:
        write(number, lambda: os.write(pipe, b"x"))
        number += 1

begin = time.monotonic()
for _ in range(5):
    write(0)
span = (time.monotonic() - begin) / 5
chance = random.Random(0)
within = after = 0
for kill in range(1, 201):
    ear, mouth = os.pipe()
    process = os.fork()
    if process == 0:
        child(kill * 1000, mouth)
    os.read(ear, 1)
    time.sleep(chance.uniform(0.0, span))
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    os.close(ear)
    os.close(mouth)
    names = sorted(os.listdir(place / "folder"))
    assert names == ["a", "b"], names
    texts = {(place / "folder" / name).read_text() for name in names}
    assert len(texts) == 1, "files of two moments in one folder"
    for text in [*texts, (place / "file.txt").read_text()]:
        assert len(text) == 30000 and len({text[i:i + 6] for i in range(0, 30000, 6)}) == 1, "half a file"
    after += int(texts.pop()[:6]) >= kill * 1000
    left = [name for name in os.listdir(place) if name not in ("folder", "file.txt")]
    assert len(left) <= 1, left
    within += len(left)
durable._swept.clear()
write(999)
print(within, after, *sorted(os.listdir(place)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="folders change places in one step on Linux")
def test_killed_at_200_moments_nothing_is_lost_halved_or_left(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLER, str(tmp_path)], capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    within, after, *names = done.stdout.split()
    assert names == ["file.txt", "folder"]
    assert int(within) > 20  # killed while something was half written
    assert int(after) > 20  # killed when at least one had been replaced


def test_a_terminated_owner_gives_its_lock_back(tmp_path):
    code = (
        "import sys, time; from gaussian_head.durable import locked\n"
        "with locked(sys.argv[1], 'x'): print('held', flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    assert owner.stdout.readline().strip() == "held"
    with pytest.raises(InputError, match="under way"), locked(tmp_path, "x"):
        pass
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    with locked(tmp_path, "x"):
        pass
