"""A stage whose teacher failed a check is not begun, where the spec says so."""

import json
from types import SimpleNamespace

import pytest

from tfkd.pipeline import failed_checks
from tfkd.pipeline.failed_checks import refuse_failed
from tfkd.pipeline.graph import in_order
from tfkd.pipeline.run import run
from tfkd.pipeline.smoke import smoke_spec
from tfkd.pipeline.wanted import wanted
from tfkd.spec import load_spec
from tfkd.spec.errors import UserError

from .small_line import write_line


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checks")
    write_line(folder)
    return folder


def plan_of(folder, *overrides):
    spec = load_spec(folder / "small.yaml", overrides=list(overrides))
    return wanted(spec, folder)


def nodes_of(plan):
    return {f"{node.kind} {node.label}": node for node in in_order(plan.nodes())}


@pytest.fixture
def failing(monkeypatch):
    entry = {"verdict": "not clearly better", "of": "targets", "on": "valid", "message": "Weak."}
    monkeypatch.setattr(failed_checks, "judged", lambda gate, context: entry)


STOP = ("stages.learn.on_failed_check=stop", "stages.targets.on_failed_check=stop")


def test_the_stage_is_not_begun_and_the_message_says_why(folder, tmp_path, failing):
    plan = plan_of(folder, *STOP)
    nodes, context = nodes_of(plan), SimpleNamespace(stages=tmp_path)
    done = {node.key for node in nodes.values()} - {nodes["train learn"].key}
    with pytest.raises(UserError, match=r"learn was not begun.*Weak\..*on_failed_check: warn"):
        refuse_failed(nodes["train learn"], plan.gates, done, context)


def test_what_rests_on_no_such_teacher_goes_on(folder, tmp_path, failing):
    plan = plan_of(folder, *STOP)
    nodes, context = nodes_of(plan), SimpleNamespace(stages=tmp_path)
    done = {node.key for node in nodes.values()}
    refuse_failed(nodes["train learn#baseline"], plan.gates, done, context)
    refuse_failed(nodes["export learn"], plan.gates, done, context)


def test_nothing_is_refused_before_the_check_is_made_or_where_a_warning_is_enough(
    folder, tmp_path, failing
):
    context = SimpleNamespace(stages=tmp_path)
    plan = plan_of(folder, *STOP)
    student = nodes_of(plan)["train learn"]
    refuse_failed(student, plan.gates, {plan.gates[0].teacher.key}, context)
    lenient = plan_of(folder)
    done = {node.key for node in nodes_of(lenient).values()}
    refuse_failed(nodes_of(lenient)["train learn"], lenient.gates, done, context)


def test_it_is_in_no_fingerprint(folder):
    strict, lenient = nodes_of(plan_of(folder, *STOP)), nodes_of(plan_of(folder))
    assert {name: node.key for name, node in strict.items()} == {
        name: node.key for name, node in lenient.items()
    }


def test_a_smoke_runs_to_its_end_whatever_its_tiny_teacher_knows(folder):
    spec = load_spec(folder / "small.yaml", overrides=list(STOP))
    assert spec.stages["learn"].on_failed_check == spec.stages["targets"].on_failed_check == "stop"
    small = smoke_spec(spec)
    for name in ("learn", "targets"):
        assert small.stages[name].on_failed_check == "warn"
        assert small.with_variant("baseline").stages[name].on_failed_check == "warn"


def test_checks_on_unseen_rows_come_before_the_stage_that_scores(folder):
    both = json.dumps([{"of": "targets", "on": ["train", "valid"], "metrics": ["teacher_gate"],
                        "against": "learn#baseline"}])  # fmt: skip
    order = list(nodes_of(plan_of(folder, f"evaluate={both}")))
    assert order.index("evaluate learn#baseline on valid") < order.index("score targets")


@pytest.mark.long
def test_a_run_ends_there_and_goes_on_when_told_to(folder, tmp_path):
    # A teacher of one step knows nothing.
    weak = ["stages.teach.steps=1", "stages.teach.schedule={kind: constant, rate: 1e-9}"]
    said = []
    settings = {"data_dir": folder, "runs_dir": tmp_path, "say": said.append}
    with pytest.raises(UserError, match="learn was not begun"):
        run(load_spec(folder / "small.yaml", overrides=[*weak, STOP[0]]), **settings)
    assert not list(tmp_path.glob("small/learn"))
    results = run(load_spec(folder / "small.yaml", overrides=weak), **settings)
    assert results["warnings"]
