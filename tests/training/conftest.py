"""The fakes of this folder, importable from its tests."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
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


@pytest.fixture(scope="module")
def run_scenarios(run_script, tmp_path_factory):
    """Runs scenarios of a script in one process; returns the arrays of each, by its name."""

    def run(script, *names, timeout=300):
        path = tmp_path_factory.mktemp("scenarios") / "found.npz"
        done = run_script(script, path, *names, timeout=timeout)
        assert done.returncode == 0, done.stderr[-3000:]
        found = {}
        with np.load(path) as arrays:
            for key in arrays.files:
                scenario, _, name = key.partition(":")
                found.setdefault(scenario, {})[name] = arrays[key]
        return found

    return run
