"""The machine that a run is made on, as results.json has it."""

import os
import platform
from collections import Counter
from pathlib import Path
from typing import Any

from tfkd.pipeline.engine.stage_folder import versions
from tfkd.training.cores import gpus


def machine() -> dict[str, Any]:
    """System, processor, cores, GPUs (if any), and the versions of what results depend on."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": _cores(),
        **({"gpus": found} if (found := gpus()) else {}),
        "versions": versions(),
    }


def maker() -> str:
    """What a stage is made on, in a few words: the GPUs it could use, or the processor and its
    cores."""
    found = Counter(gpus())
    if found:
        return ", ".join(f"{number} x {name}" for name, number in found.items())
    return f"{_processor() or platform.machine()}, {_cores()} core{'s' * (_cores() != 1)}"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return ""
    lines = cpuinfo.read_text().splitlines()
    name = next((line for line in lines if line.startswith("model name")), "")
    return name.partition(":")[2].strip()


def _cores() -> int | None:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
