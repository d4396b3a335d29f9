"""The benchmarks under tools/ at tiny sizes: what they measure, not how fast."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tfkd.report.markdown.speed_tables import speed

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


def test_students_are_measured_beside_teachers_of_three_families(tmp_path):
    lengths = ["--text", "6", "--scored", "5", "--prompt", "3", "--written", "4", "--source", "3"]
    made = measured(tmp_path, "bench_families", "--small", "--rounds", "2", *lengths)
    rows = made["rows"]
    assert [(row["family"], row["role"]) for row in rows] == [
        (family, role)
        for family in ("BERT", "GPT-2", "GPT-2", "MASS")
        for role in ("teacher", "student")
    ]
    vocabulary, types, positions = 400, 2, 512

    def block(width, inner, attentions=1):
        """Attentions with biases, a feed-forward network, and a normalization of each."""
        attention = 4 * (width * width + width) + 2 * width
        return attentions * attention + 2 * width * inner + inner + width + 2 * width

    def bert(width, layers):
        embedding = (vocabulary + types + positions + 2) * width
        return embedding + layers * block(width, 4 * width) + width * width + width + 2 * width + 2

    assert [row["parameters"] for row in rows[:2]] == [bert(48, 3), bert(32, 1)]
    for teacher, student in zip(rows[::2], rows[1::2], strict=True):
        assert teacher["times_as_fast"] == 1
        assert teacher["parameters"] > student["parameters"] > 4 * vocabulary
        assert teacher["bytes"] > 4 * teacher["parameters"]
        assert teacher["work"] == student["work"]
        assert student["times_as_fast_low"] <= student["times_as_fast"]
        assert student["times_as_fast"] <= student["times_as_fast_high"]
        assert len(student["parts"]) == len(teacher["parts"]) >= 1
    published = [row["published"] for row in rows if row["role"] == "student"]
    assert [one and round(one, 2) for one in published] == [7.09, 6.87, None, 5.22]
    text = speed(made)
    assert "| MASS | 3 tokens of a source of 3, beam 5 | student |" in text


def test_divergences_are_measured_beside_the_cross_entropy(tmp_path):
    words = ["--width", "16", "--steps", "1", "--rounds", "1"]
    made = measured(tmp_path, "bench_divergences", *words)
    plain, *others = made["rows"]
    assert (plain["name"], plain["ratio"]) == ("cross-entropy", 1)
    assert {"forward_kl", "forward_kl of own outputs"} < {row["name"] for row in others}
    assert all(row["milliseconds"] > 0 for row in made["rows"])
    assert "| drawing own outputs alone |" in speed(made)


def test_engines_are_measured_on_the_same_weights(tmp_path):
    pytest.importorskip("ctranslate2")
    words = ["--sizes", "tiny", "--lengths", "3", "9", "--rounds", "1"]
    made = measured(tmp_path, "bench_engines", *words)
    engines = [row["engine"] for row in made["rows"]]
    assert engines[:3] == ["tfkd", "ctranslate2 float32", "ctranslate2 int8"]
    ours, exact, eight, *others = made["rows"]
    assert ours["equal"] == 1
    # tfkd lets an end follow what is cut off, which tips a near tie.
    assert exact["equal"] >= 0.5
    assert ours["times_as_fast"] == ours["times_as_many_lines"] == 1
    assert eight["bytes"] < exact["bytes"] < ours["bytes"]
    assert all(row["equal"] >= 0.5 for row in others)  # transformers, where it is installed
    for row in made["rows"]:
        assert row["lines_a_processor_second"] > 0 < row["lines_a_second"]
        assert all(one["processor_milliseconds"] > 0 for one in row["lengths"])
        assert [one["tokens"] for one in row["lengths"]] == [3, 9]
        for one in row["lengths"]:
            assert 0 < one["milliseconds_least"] <= one["milliseconds_50"] <= one["milliseconds_95"]
        assert row["peak_bytes"] > 2**20 < 2**20 + row["bytes"]
    assert "| tiny |" in speed(made)


def test_formats_of_graphs_are_measured_on_the_same_weights(tmp_path):
    for package in ("ai_edge_litert", "onnxruntime", "tf2onnx"):
        pytest.importorskip(package)
    words = ["--sizes", "tiny_classifier", "tiny_mask_predict", "--lengths", "3", "--rounds", "1"]
    made = measured(tmp_path, "bench_engines", *words)
    engines = [f"{name} {kind}" for name in ("litert", "onnx") for kind in ("float32", "int8")]
    assert [row["engine"] for row in made["rows"]] == 2 * ["tfkd", *engines]
    for row in made["rows"]:
        assert row["equal"] == 1 or row["engine"].endswith("int8")
        assert row["times_as_fast"] > 0
    assert {"tfkd", "ai_edge_litert", "onnxruntime"} == {*made["versions"]}


def test_a_beam_is_told_apart_by_kinds_of_kernels(tmp_path):
    words = ["--sizes", "tiny", "--tokens", "5", "--rounds", "2"]
    (row,) = measured(tmp_path, "profile_decoding", *words)["rows"]
    spent = row["microseconds_a_token"]
    assert {"products", "top k", "element by element", "between kernels"} < {*spent}
    assert spent["products"] > 0 < spent["top k"]
    assert row["kernels_a_token"] > 20
