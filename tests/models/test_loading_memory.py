"""Loading a published checkpoint takes its weights once, not twice."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from loading_memory import write_folder

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.long,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells a peak"),
]
TINY = {"layers": 1, "width": 16, "inner": 32, "vocabulary": 300}
# Some 400 MB each, of whose tensors the largest is (as it is here) the embedding, or gate and up.
LARGE = {
    "bert": {"layers": 11, "width": 768, "inner": 3072, "vocabulary": 30522},
    "llama": {"layers": 16, "width": 1024, "inner": 2816, "vocabulary": 300},
}
LARGEST = {"bert": 4 * 30522 * 768, "llama": 2 * 2 * 2816 * 1024}


@pytest.mark.parametrize("how", ["python", "stage"])
@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_one_copy_of_the_weights_and_a_tensor_more(tmp_path, kind, how):
    folders = [tmp_path / name / "checkpoint" for name in ("tiny", "large")]
    for folder, sizes in zip(folders, (TINY, LARGE[kind]), strict=True):
        write_folder(folder, kind, **sizes)
    script = str(Path(__file__).with_name("loading_memory.py"))
    found = subprocess.run(
        [sys.executable, script, how, *map(str, folders)], capture_output=True, text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    lines = [json.loads(line) for line in found.stdout.splitlines() if line.startswith('{"before')]
    said = lines[-1]
    assert 380e6 < said["weights"] < 450e6
    taken = said["most"] - said["before"]
    print(f"{kind}, {how}: {taken / said['weights']:.2f} times the weights")
    # A tensor twice: as it was read, and as TensorFlow's; and some MB of what is read at once.
    assert taken <= said["weights"] + LARGEST[kind] + 40e6
