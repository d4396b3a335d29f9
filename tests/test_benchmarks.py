"""The benchmarks under tools/ at tiny sizes: what they measure, not how fast."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tfkd.report.speed_tables import speed

TOOLS = Path(__file__).resolve().parent.parent / "tools"
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


def measured(folder, name, *options):
    output = folder / "made.json"
    command = [sys.executable, str(TOOLS / name), *options, "--json", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(output.read_text("utf-8"))


def test_adapters_are_measured_beside_all_weights(tmp_path):
    words = [
        "--width",
        "64",
        "--layers",
        "1",
        "--tokens",
        "64",
        "--steps",
        "1",
        "--rounds",
        "1",
        "--precision",
        "float32",
    ]
    made = measured(tmp_path, "bench_adapters", *words)
    whole, alone = made["rows"]
    width, inner = 64, 512
    norm = 2 * width
    bottleneck = norm + 2 * width * inner
    attention = 4 * (width * width + width) + norm
    feed_forward = 2 * width * inner + inner + width + norm
    assert alone["trained"] == bottleneck + attention + feed_forward + 128 * width
    assert whole["trained"] > 8000 * width
    assert (whole["ratio"], whole["memory_ratio"]) == (1, 1)
    assert alone["milliseconds"] > 0 < alone["mebibytes"]
    assert f"| {whole['name']} |" in speed(made)


def test_decodings_are_measured_as_saved_models(tmp_path):
    made = measured(tmp_path, "bench_decoding", "--small", "--lengths", "3", "--rounds", "1")
    assert made["settings"]["small"] is True
    beam, plain, abnet = made["rows"]
    assert [row["source_tokens"] for row in made["rows"]] == [3, 3, 3]
    assert beam["times_as_fast"] == 1
    assert abnet["parameters"] > plain["parameters"] > beam["parameters"] > 0
    assert set(plain["parts"]) == set(abnet["parts"]) != set(beam["parts"])
    text = speed(made)
    assert all(f"| {row['name']} |" in text for row in made["rows"])
