"""The fakes of this folder, importable from its tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


@pytest.fixture(scope="session")
def run_script():
    """Runs a script of this folder in a process of its own; returns the finished process."""

    def run(name, *arguments, timeout=300):
        return subprocess.run(
            [sys.executable, str(HERE / name), *map(str, arguments)],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": ""},
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    return run
