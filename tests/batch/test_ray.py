"""On Ray: workers that are killed cost what they had not kept, and nothing else."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Hashable
from pathlib import Path

import pytest
from support_batch import Here, files_of, save_head, save_sound
from support_capture import make_capture
from support_devices import Telling

from gaussian_head.batch import RayPool, place_at, read_jobs, run_jobs
from gaussian_head.batch.driver import Lost
from gaussian_head.batch.work import Result
from gaussian_head.head import InitConfig
from gaussian_head.strict_json import config_to_json
from gaussian_head.training import Stage, TrainConfig
from gaussian_head.verbs import VERBS

pytest.importorskip("ray")

FEW = """verb,name,head,audio,out,camera,shares
render,talk,head,long.wav,,,
render,round,head,long.wav,,orbit,2
export,splats,head,,moment.ply,,
"""
HEADER = "verb,name,capture,head,config,seed,audio,out,camera,shares\n"


class Dangerous(RayPool):
    """Kills a random worker of its own every so often."""

    def __init__(self, kills: int, every: float, seed: int) -> None:
        super().__init__(workers=2)
        self.left, self.killed = kills, []
        self._every, self._chance, self._next = every, random.Random(seed), time.monotonic() + every

    def wait(self, seconds: float) -> list[tuple[Hashable, Result | Lost]]:
        ended = super().wait(0.1)
        busy = workers(os.getpid())
        if self.left and busy and time.monotonic() > self._next:
            pid, name = self._chance.choice(busy)
            os.kill(pid, signal.SIGKILL)
            self.killed.append(name)
            self.left -= 1
            self._next = time.monotonic() + self._chance.uniform(0.2, 2) * self._every
        return ended


def workers(pid: int) -> list[tuple[int, str]]:
    """Processes beneath ``pid`` that do a task of Ray, and which."""
    found = []
    try:
        name = Path(f"/proc/{pid}/cmdline").read_text().strip("\0 ")
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    if name.startswith("ray::") and "." in name:
        found.append((pid, name))
    for child in children:
        found += workers(int(child))
    return found


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    folder = tmp_path_factory.mktemp("material")
    save_head(folder / "head")
    save_sound(folder / "a.wav", 3.0)
    save_sound(folder / "long.wav", 21.0)
    return folder


def jobs_of(material: Path, rows: str):
    (material / "jobs.csv").write_text(rows)
    return read_jobs(material / "jobs.csv", VERBS)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds workers in /proc")
def test_a_killed_worker_s_job_is_done_all_the_same(material, tmp_path):
    jobs = jobs_of(material, FEW)
    whole = run_jobs(jobs, place_at(tmp_path / "whole"), Here())
    assert whole.exit_status == 0, whole.records
    with Dangerous(kills=2, every=2.0, seed=0) as pool:
        outcome = run_jobs(jobs, place_at(tmp_path / "killed"), pool)
        assert len(pool.killed) == 2
    assert outcome.exit_status == 0, outcome.records
    assert sum(record.tries for record in outcome.records.values()) == len(jobs) + 2
    assert files_of(tmp_path / "whole") == files_of(tmp_path / "killed")


def twenty(material: Path) -> str:
    """Training, what is made of the heads, and long speech in parts and in one piece: 20 jobs."""
    make_capture(material / "capture", num_frames=20, size=64)
    stage = {"resolution": 1.0, "densify": True}
    config = TrainConfig(
        init=InitConfig(face_stride=2.0, torso_stride=3.0, mouth_frames=1, learned=2),
        stages=(Stage(name="coarse", iterations=150, refine_pose=True, **stage),),
        checkpoint_minutes=1 / 120,
        max_gaussians=3000,
    )
    (material / "config.json").write_text(json.dumps(config_to_json(config)))
    rows = HEADER
    for k in range(4):
        rows += f"train,train{k},capture,,config.json,{k},,,,\n"
        rows += f"render,say{k},,$train{k},,,a.wav,,,\n"
        rows += f"export,splats{k},,$train{k},,,,moment.ply,,\n"
        rows += f"evaluate,judged{k},,$train{k},,,,,,\n"
    for k, shares in enumerate((1, 1, 2, 3)):
        rows += f"render,long{k},,head,,{k},long.wav,,orbit,{shares}\n"
    return rows


@pytest.mark.exhaustive
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds workers in /proc")
def test_twenty_jobs_whose_workers_are_killed_ten_times(material, tmp_path):
    jobs = jobs_of(material, twenty(material))
    assert len(jobs) == 20
    with Dangerous(kills=0, every=1e9, seed=0) as pool:
        whole = run_jobs(jobs, place_at(tmp_path / "whole"), pool)
    assert whole.exit_status == 0, whole.records
    with Dangerous(kills=10, every=3.0, seed=1) as pool:
        outcome = run_jobs(jobs, place_at(tmp_path / "killed"), pool, retries=10)
        assert len(pool.killed) == 10
    assert outcome.exit_status == 0, outcome.records
    assert sum(record.tries for record in outcome.records.values()) == len(jobs) + 10
    one, other = files_of(tmp_path / "whole"), files_of(tmp_path / "killed")
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name]] == []


def test_more_cores_than_there_are_is_told_before_any_work(material, tmp_path):
    with RayPool(workers=1) as pool, pytest.raises(ValueError, match="job talk asks for cpus: 2; there are 1 here"):
        pool.require(jobs_of(material, "verb,name,head,cpus\nrender,talk,head,2\n"))


@pytest.mark.slow
def test_every_job_on_cuda_has_a_gpu_for_itself_and_others_see_none(tmp_path, monkeypatch):
    """Two GPUs as Ray is told that there are: what it hands out are numbers."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))  # workers load the verb
    rows = "verb,name,device\n" + "".join(f"tell,there{k},cuda\n" for k in range(3)) + "tell,here,cpu\n"
    (tmp_path / "jobs.csv").write_text(rows)
    jobs = read_jobs(tmp_path / "jobs.csv", {"tell": Telling()})
    with RayPool(workers=4, gpus=2) as pool:
        pool.require(jobs)
        outcome = run_jobs(jobs, place_at(tmp_path / "out"), pool)
    assert outcome.exit_status == 0, outcome.records
    told = {job.name: json.loads((tmp_path / "out" / job.name / "seen.json").read_text()) for job in jobs}
    assert told.pop("here")["seen"] == ""
    assert {one["seen"] for one in told.values()} == {"0", "1"}
    ordered = sorted(told.values(), key=lambda one: one["began"])
    together = [(a["seen"], b["seen"]) for a, b in itertools.combinations(ordered, 2) if b["began"] < a["ended"] - 0.01]
    assert together  # two did work at once
    assert all(a != b for a, b in together)


def test_more_gpus_than_there_are_is_told_before_any_work(tmp_path):
    (tmp_path / "jobs.csv").write_text("verb,name,device\ntell,there,cuda\n")
    with RayPool(workers=1, gpus=0) as pool, pytest.raises(ValueError, match="asks for gpus: 1; there are 0 here"):
        pool.require(read_jobs(tmp_path / "jobs.csv", {"tell": Telling()}))


def command(material: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "gaussian_head", "batch", str(material / "jobs.csv"), "--out", str(out), *options]
    return subprocess.Popen(words, start_new_session=True, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="ends processes as Linux does")
def test_a_killed_driver_s_batch_goes_on_with_the_same_command(material, tmp_path):
    jobs = jobs_of(material, FEW)
    assert run_jobs(jobs, place_at(tmp_path / "whole"), Here()).exit_status == 0
    out = tmp_path / "killed"
    driver = command(material, out, "--workers", "2")
    try:
        end = time.monotonic() + 300
        while not list(out.glob("**/*.mp4")) and not list(out.glob("*/.*parts*")) and time.monotonic() < end:
            assert driver.poll() is None, "the batch ended before it was killed"
            time.sleep(0.05)
    finally:
        driver.kill()  # nothing is tidied up: no record is written, no worker told
        driver.wait()
    table = (out / "status.csv").read_text()
    assert table.startswith("job,")
    assert all(job.name in table for job in jobs)
    again = command(material, out, "--workers", "2")
    assert again.wait(500) == 0
    assert files_of(tmp_path / "whole") == files_of(out)
    assert (out / "status.csv").read_text().count("done") == len(jobs)


@pytest.fixture
def cluster(tmp_path_factory, monkeypatch):
    """A cluster on this machine that demands its token, as `ray start` makes one."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ray = [sys.executable, "-m", "ray.scripts.scripts"]
    subprocess.run([*ray, "get-auth-token", "--generate"], check=True, stdout=subprocess.DEVNULL)
    begun = [*ray, "start", "--head", f"--port={port}", "--num-cpus=2", "--include-dashboard=false"]
    subprocess.run(begun, check=True, stdout=subprocess.DEVNULL)
    yield f"127.0.0.1:{port}"
    subprocess.run([*ray, "stop", "--force"], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.exhaustive
def test_a_cluster_that_runs_already_does_the_same(material, tmp_path, cluster, monkeypatch):
    jobs = jobs_of(material, FEW)
    assert run_jobs(jobs, place_at(tmp_path / "whole"), Here()).exit_status == 0
    driver = command(material, tmp_path / "there", "--address", cluster)
    assert driver.wait(300) == 0, driver.stderr.read()
    assert files_of(tmp_path / "whole") == files_of(tmp_path / "there")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    driver = command(material, tmp_path / "refused", "--address", cluster)
    assert "RAY_AUTH_MODE=token" in driver.communicate(timeout=300)[1]
    assert driver.returncode == 2
