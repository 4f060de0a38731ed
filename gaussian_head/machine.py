"""What this machine is, as far as its system tells."""

from __future__ import annotations

import platform
from pathlib import Path


def operating_system() -> str:
    """Name of the distribution and its version, or what Python knows of the system."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform(terse=True)


def processor() -> str:
    """Name of the processor and those of its vector extensions that the kernels know; as far as the system tells."""
    described = Path("/proc/cpuinfo")
    if not described.is_file():
        return platform.processor()
    fields = dict(line.split(":", 1) for line in described.read_text().split("\n\n")[0].splitlines() if ":" in line)
    fields = {name.strip(): value.strip() for name, value in fields.items()}
    flags = set(fields.get("flags", fields.get("Features", "")).split())
    known = [name for name in ("avx2", "fma", "avx512f", "avx512dq", "avx512vl", "asimd") if name in flags]
    return f"{fields.get('model name', 'processor without a name')} ({' '.join(known) or 'no known vector extension'})"


def available_memory() -> float | None:
    """GiB that can still be had, within the limit of the container if there is one; None where nobody says."""
    found = []
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        fields = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
        if "MemAvailable" in fields:
            found.append(int(fields["MemAvailable"].split()[0]) / 2**20)
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.is_file() and used.is_file() and limit.read_text().strip().isdigit():
        found.append((int(limit.read_text()) - int(used.read_text())) / 2**30)
    return min(found) if found else None
