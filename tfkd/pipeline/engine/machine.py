"""The machine that a run is made on, as results.json has it."""

import os
import platform
from pathlib import Path
from typing import Any

from tfkd.pipeline.engine.stage_folder import versions
from tfkd.training.cores import gpus


def machine() -> dict[str, Any]:
    """System, processor, cores, GPUs (if any), and the versions of what results depend on."""
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else ""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": model,
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        **({"gpus": found} if (found := gpus()) else {}),
        "versions": versions(),
    }
