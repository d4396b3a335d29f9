"""A measurement is of a spec's own work, whatever the rows and steps that it is made of."""

from pathlib import Path

import numpy as np
import pytest
from small_line import write_line

from tfkd import cli
from tfkd.commands import measure
from tfkd.data.tokenizers import load_tokenizer
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.wanted import wanted
from tfkd.pipeline.plan.checked_files import NoFiles
from tfkd.pipeline.plan.hours import work_of
from tfkd.spec import load_spec

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.yaml"))


def works(spec):
    """The work of each stage that has hours."""
    nodes = in_order(wanted(spec, Path(), NoFiles()).ends())
    return {work_of(node): node.label for node in nodes if node.stage.unit}


# Grids of many settings; `signals_ptb` is like two of them.
GRIDS = {"signals_multi30k", "signals_sst2", "when_it_pays"}


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(one, marks=[pytest.mark.long] if one.stem in GRIDS else [], id=one.stem)
        for one in SPECS
    ],
)
def test_a_few_steps_of_a_spec_are_its_own(path):
    spec = load_spec(path)
    few = measure.few_steps(spec)
    found, wanted = works(few), works(spec)
    trains = {name: one for name, one in few.stages.items() if one.kind == "train"}
    assert {one.steps for one in trains.values()} == {measure.STEPS}
    missing = {label for work, label in wanted.items() if work not in found}
    # Trials differ in settings; noise and teacher checks are left out.
    others = {one for one in missing if "[" not in one and " on " not in one}
    assert not {one.partition("#")[0] for one in others} - {
        name for name, one in spec.stages.items() if getattr(one, "choose", None)
    }


def test_seconds_a_row_have_no_start_in_them():
    told = [(100.0, 0), (130.0, 10), (140.0, 30), (150.0, 0), (170.0, 10)]
    assert measure._marginal(told[1:3]) == pytest.approx(10 / 20)
    assert measure._marginal(told) == pytest.approx((30 + 10 + 20) / (10 + 20 + 10))
    assert measure._marginal(told[:1]) is None


def test_what_is_measured_is_kept_by_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert measure.measured_paces() == {}
    measure._keep({"a": 1.5}, print)
    assert measure.measured_paces() == {"a": 1.5}
    with monkeypatch.context() as patch:
        patch.setattr(measure, "_this_machine", lambda: "another")
        assert measure.measured_paces() == {}
        measure._keep({"a": 9.0}, print)
    assert measure.measured_paces() == {"a": 1.5}
    path = tmp_path / "tfkd" / "paces.json"
    path.write_text(path.read_text("utf-8").replace("1.5", "2.5"), "utf-8")
    assert measure.measured_paces() == {}


def test_a_plan_needs_no_place_for_what_is_measured(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    said = []
    measure._keep({"a": 1.5}, said.append)
    assert "is not kept" in said[0]
    assert measure.measured_paces() == {}
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError))
    assert measure._cache().name == "paces.json"


def test_decoding_is_measured_as_of_outputs_that_end(line):
    """A model of six steps writes to the limit; of as many tokens as references have, the line's
    steps are a share."""
    context = Context(data_dir=line.spec.parent, runs_dir=line.runs)
    nodes = in_order(wanted(load_spec(line.spec), line.spec.parent).ends())
    shares = {f"{node.kind} {node.label}": measure._as_trained(node, context) for node in nodes}
    words = load_tokenizer(next((line.runs / "stages").glob("tokenizer-*")))
    lines = {
        "outputs": line.run / line.results["evaluations"][0]["hypotheses"],
        "references": line.spec.parent / "test.en",
    }
    mean = {
        name: np.mean(
            [len(row) for row in words.encode(path.read_text("utf-8").lower().splitlines())]
        )
        for name, path in lines.items()
    }
    expected = (mean["references"] + 1) / (mean["outputs"] + 1)
    assert 0.1 < expected < 1
    assert shares.pop("evaluate learn on test") == pytest.approx(expected, rel=1e-6)
    assert 0 < shares.pop("evaluate learn#baseline on test") < 1
    assert 0 < shares.pop("translate synthetic") < 1
    assert {*shares.values()} == {1.0}


@pytest.mark.tensorflow
@pytest.mark.long
def test_a_measured_plan_has_hours_and_leaves_the_runs_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path, told = write_line(tmp_path), []
    marginal = measure._marginal
    monkeypatch.setattr(measure, "_marginal", lambda one: told.append([*one]) or marginal(one))
    words = ["plan", str(path), "--data-dir", str(tmp_path), "--runs-dir", str(tmp_path / "runs")]
    assert cli.main([*words, "--measure"]) == cli.DONE
    assert "of training, scoring and decoding" in capsys.readouterr().out
    assert not (tmp_path / "runs").exists()
    kept = measure.measured_paces()
    assert len(kept) >= 4
    # Teacher's scores, two evaluations that decode, what is translated: a time for each batch.
    assert sum(len(one) > 1 for one in told) >= 4
    # Nothing is measured again.
    assert cli.main([*words, "--measure"]) == cli.DONE
    assert "measure [" not in capsys.readouterr().err
    assert measure.measured_paces() == kept
    assert cli.main(words) == cli.DONE
    assert "about" in capsys.readouterr().out
