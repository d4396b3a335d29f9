"""Blocks of speed, made from what the tools measured."""

import json

import pytest

from tfkd.report.markdown.readme_tables import regenerate, shown_results
from tfkd.spec.errors import UserError


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def block(request, body=""):
    return (
        f"Before.\n\n<!-- results:begin {request} -->\n{body}<!-- results:end -->\n\nAfter 12.34.\n"
    )


def test_speed_is_shown_from_its_file(folder):
    (folder / "speed").mkdir()
    row = {"name": "tfkd bfloat16 distilled", "tokens_per_second": 7000.4, "ratio": 3.456,
           "share_of_peak": 0.4612, "soft_over_plain": 1.0051, "seconds": [1.0]}  # fmt: skip
    made = {
        "command": "tools/bench_training --width 256",
        "settings": {"width": 256, "rounds": 3},
        "machine": {"processor": "a | b", "cores": 2},
        "versions": {"tfkd": "tensorflow 2.21.0"},
        "peak": {"float32": 4.33e11},
        "rows": [row, {**row, "name": "tfkd float32", "ratio": None, "soft_over_plain": None}],
    }
    (folder / "speed" / "training.json").write_text(json.dumps(made))
    text = regenerate(block("speed training", "| 9,999 |\n"), folder)
    assert "| `tfkd bfloat16 distilled` | 7,000 | 3.46 | 46.1 % | 1.005 |" in text
    assert "| `tfkd float32` | 7,000 |  | 46.1 % |  |" in text
    assert "width 256, rounds 3" in text
    assert "433 GFLOP/s" in text
    assert "9,999" not in text
    assert shown_results(text, folder) == {"speed/training"}
    with pytest.raises(UserError, match=r"other\.json does not exist"):
        regenerate(block("speed other"), folder)


MEASURED = {
    "peak": {"float32": 2e10},
    "command": "tools/bench_x",
    "settings": {"rounds": 3},
    "machine": {"cores": 2},
    "versions": {"tfkd": "tensorflow 2.21.0"},
}


def speed_block(folder, rows):
    (folder / "speed").mkdir()
    (folder / "speed" / "x.json").write_text(json.dumps({**MEASURED, "rows": rows}))
    return regenerate(block("speed x"), folder)


def test_time_and_memory_of_steps_stand_beside_the_first_row_s(folder):
    rows = [
        {"name": "all weights", "trained": 2e6, "milliseconds": 1234.5, "ratio": 1.0,
         "mebibytes": 800.2, "memory_ratio": 1.0},
        {"name": "adapters | alone", "trained": 5e5, "milliseconds": 999.4, "ratio": 0.809,
         "mebibytes": 512.4, "memory_ratio": 0.6404},
    ]  # fmt: skip
    text = speed_block(folder, rows)
    assert "| trained | parameters | ms a step | of all weights | MiB | of all weights |" in text
    assert "| adapters \\| alone | 500,000 | 999 | 80.9 % | 512 | 64.0 % |" in text
    assert "`tools/bench_x` (rounds 3; cores 2; tensorflow 2.21.0):" in text


def test_decoding_times_stand_by_length_and_by_part(folder):
    rows = [
        {"name": name, "source_tokens": length, "milliseconds": one, "times_as_fast": ratio,
         "parameters": size, "bytes": 9, "parts": {"encoder": length / 4},
         "shares_of_peak": {"encoder": 0.4321}}
        for name, size, times in (("beam", 70_000_000, [(90, 1), (600.4, 1)]),
                                  ("at once", 80_000_000, [(45, 2), (150.1, 4.004)]))
        for length, (one, ratio) in zip((10, 60), times, strict=True)
    ]  # fmt: skip
    text = speed_block(folder, rows)
    head = "| model | parameters | 10 tokens, ms | times as fast | 60 tokens, ms | times as fast |"
    assert head in text
    assert "| at once | 80,000,000 | 45 | 2.00 | 150 | 4.00 |" in text
    assert "| model | tokens | part, run alone | ms | of peak |" in text
    assert "| beam | 60 | encoder | 15.0 | 43 % |" in text
    assert "float32 20 GFLOP/s" in text


def test_students_stand_beside_teachers_with_their_std_and_the_paper_s_figure(folder):
    row = {
        "family": "BERT", "work": "label | of a text", "parameters": 110_000_000,
        "bytes": 440 * 2**20, "milliseconds": 1234.5, "times_as_fast": 1.0,
        "times_as_fast_low": 1.0, "times_as_fast_high": 1.0, "published": None,
    }  # fmt: skip
    student = {
        "parameters": 25_000_000, "bytes": 100.4 * 2**20, "milliseconds": 56.78,
        "times_as_fast": 6.504, "times_as_fast_low": 5.1, "times_as_fast_high": 7.0,
        "published": 7.0909,
    }  # fmt: skip
    rows = [
        {**row, "role": "teacher", "parts": {"12 blocks": 1200.4}},
        {**row, **student, "role": "student", "parts": {"3 blocks": 50.04}},
    ]
    text = speed_block(folder, rows)
    name = "| BERT | label \\| of a text |"
    assert f"{name} teacher | 110,000,000 | 440 | 1,234 | 1.00 | 1.00 to 1.00 |  |" in text
    assert f"{name} student | 25,000,000 | 100 | 56.8 | 6.50 | 5.10 to 7.00 | 7.09 |" in text
    assert f"{name} student | 3 blocks | 50.0 |" in text


def test_engines_are_shown_by_size_and_length(folder):
    (folder / "speed").mkdir()
    lengths = [
        {
            "tokens": 10,
            "processor_milliseconds": 3.02,
            "milliseconds_50": 4.26,
            "milliseconds_95": 5.04,
        },
        {
            "tokens": 60,
            "processor_milliseconds": 101.7,
            "milliseconds_50": 204.4,
            "milliseconds_95": 310.0,
        },
    ]
    row = {
        "size": "base", "parameters": 60_000_000, "engine": "ctranslate2 int8", "bytes": 2**23,
        "load_seconds": 0.84, "lengths": lengths, "times_as_fast": 5.634, "lines_a_second": 72.71,
        "lines_a_processor_second": 80.04,
        "times_as_many_lines": 1.86, "peak_bytes": 135 * 2**20, "equal": 0.73,
    }  # fmt: skip
    made = {
        "command": "tools/bench_engines", "settings": {"beam": 4, "together": 32},
        "machine": {"cores": 2}, "versions": {"tfkd": "tensorflow 2.21.0"}, "rows": [row],
    }  # fmt: skip
    (folder / "speed" / "engines.json").write_text(json.dumps(made))
    text = regenerate(block("speed engines"), folder)
    cells = "base | 60,000,000 | ctranslate2 int8 | 8.0 | 0.8 | 3.0 (4.3, 5.0) | 102 (204, 310)"
    assert f"| {cells} | 5.63 | 80.0 (72.7) | 1.86 | 135 | 73 % |" in text
    assert "lines/s of 32" in text


def test_a_profile_is_shown_by_kinds_of_kernels(folder):
    (folder / "speed").mkdir()
    row = {
        "size": "base", "milliseconds": 12.34, "milliseconds_traced": 123.4, "tokens": 27,
        "kernels_a_token": 789.4, "microseconds_a_token": {"products": 300.0, "top k": 100.4},
    }  # fmt: skip
    made = {
        "command": "tools/profile_decoding", "settings": {"beam": 4}, "machine": {"cores": 2},
        "versions": {"tfkd": "tensorflow 2.21.0"}, "rows": [row],
    }  # fmt: skip
    (folder / "speed" / "profile.json").write_text(json.dumps(made))
    text = regenerate(block("speed profile"), folder)
    assert "| size | ms | ms, traced | kernels a token | products | top k |" in text
    assert "| base | 12.3 | 123 | 789 | 300 µs, 75 % | 100 µs, 25 % |" in text


def test_stages_on_workers_stand_below_those_of_one_process(folder):
    alone = {"workers": 0, "stage": "score", "seconds": 60.04, "command_seconds": 99.96}
    shared = {
        "workers": 2, "stage": "score", "shards": 1234, "seconds": 40.26, "shards_seconds": 38.31,
        "at_work": 0.81, "shard_overhead_seconds": 0.256, "ray_start_seconds": 5.55,
        "command_seconds": 70.0,
    }  # fmt: skip
    text = speed_block(folder, [alone, shared])
    assert "| one process | `score` |  | 60.0 |  |  |  |  | 100.0 |" in text
    assert "| 2 | `score` | 1,234 | 40.3 | 38.3 | 81.0 % | 0.26 | 5.5 | 70.0 |" in text


def test_a_filter_s_rows_are_told_by_the_processor_s_time(folder):
    row = {"name": "1,000 rows", "rows_read": 1000, "rows_kept": 800, "rows_a_second": 7.0,
           "rows_a_processor_second": 12345.6, "memory_mebibytes": 9.1}  # fmt: skip
    text = speed_block(folder, [row])
    assert "| 1,000 | 800 | 12,346 | 9 |" in text


def test_exports_of_a_run_stand_beside_each_other(folder):
    row = {
        "stage": "tiny", "export": "ctranslate2_int8", "bytes": 2**20 * 1.74, "load_seconds": 0.1,
        "milliseconds_50": 3.0, "milliseconds_95": 4.0, "lines_a_second": 1234.56,
        "lengths": [{"tokens": 10, "milliseconds_50": 2.04, "milliseconds_95": 3.0}],
        "words_a_second": 15_678.9, "peak_bytes": 60 * 2**20, "equal": 0.875,
    }  # fmt: skip
    uncounted = {**row, "stage": "forward", "export": "own | kind", "lengths": []}
    (folder / "speed").mkdir()
    made = {**MEASURED, "settings": {"together": 32}, "rows": [row, uncounted]}
    (folder / "speed" / "x.json").write_text(json.dumps(made))
    text = regenerate(block("speed x"), folder)
    head = "| stage | export | MiB | 10 tokens, ms | lines/s of 32 | words/s | MiB of memory |"
    assert head in text
    assert "| `tiny` | ctranslate2_int8 | 1.7 | 2.0 | 1,234.6 | 15,679 | 60 | 88 % |" in text
    assert "| `forward` | own \\| kind | 1.7 |  | 1,234.6 |" in text
