"""results.json: strict JSON in the right order of time, whatever figures and clocks say."""

import json
import math
import time

import pytest
from drills import finished_copy
from small_line import arguments

import tfkd.pipeline.engine.results as results_module
from tfkd import cli


def test_figures_that_are_no_numbers_are_null_and_read_again(line, tmp_path, capsys, monkeypatch):
    runs, score = finished_copy(line, tmp_path), results_module.score

    def diverged(*arguments, **options):
        entry = score(*arguments, **options)
        entry["metrics"]["loss"] |= {"value": math.nan, "low": -math.inf, "high": math.inf}
        return entry

    monkeypatch.setattr(results_module, "score", diverged)
    assert cli.main(arguments(line.spec, runs)) == cli.DONE
    run = runs / "small"

    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    found = json.loads((run / "results.json").read_text("utf-8"), parse_constant=refuse)
    for entry in found["evaluations"]:
        figure = entry["metrics"]["loss"]
        assert [figure[key] for key in ("value", "low", "high")] == [None] * 3
    assert cli.main(["report", str(run)]) == cli.DONE
    assert cli.main(["compare", str(run), str(run), "--samples", "10"]) == cli.DONE
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.long
def test_a_clock_that_is_set_back_ends_no_run_before_it_began(line, tmp_path, monkeypatch):
    runs, clock, asked = finished_copy(line, tmp_path), time.time, []

    def set_back():
        asked.append(clock())
        return asked[0] - 3600 * (len(asked) > 1)

    monkeypatch.setattr(time, "time", set_back)
    assert cli.main(arguments(line.spec, runs)) == cli.DONE
    found = json.loads((runs / "small" / "results.json").read_text("utf-8"))
    assert found["started"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(asked[0]))
    assert found["started"] <= found["finished"]
    assert found["seconds"] >= 0
