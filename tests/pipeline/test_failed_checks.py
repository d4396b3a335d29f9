"""A stage whose teacher failed a check is not begun, where the spec says so."""

import json
from contextlib import nullcontext

import pytest

from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.run import run
from tfkd.pipeline.engine.seeds import wanted_of_all_seeds
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.engine.wanted import wanted
from tfkd.pipeline.plan.smoke import smoke_spec
from tfkd.pipeline.plan.validate import validate
from tfkd.pipeline.scoring import failed_checks
from tfkd.pipeline.scoring.failed_checks import in_checked_order, refuse_failed, unchecked
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
    monkeypatch.setattr(failed_checks, "judged", lambda check, context: entry)


STOP = ("stages.learn.on_failed_check=stop", "stages.targets.on_failed_check=stop")


def test_the_stage_is_not_begun_and_the_message_says_why(folder, tmp_path, failing):
    plan = plan_of(folder, *STOP)
    nodes, context = nodes_of(plan), Context(tmp_path, tmp_path)
    done = {node.key for node in nodes.values()} - {nodes["train learn"].key}
    with pytest.raises(UserError, match=r"learn was not begun.*Weak\..*on_failed_check: warn"):
        refuse_failed(nodes["train learn"], plan.teacher_checks, done, context)


def test_what_rests_on_no_such_teacher_goes_on(folder, tmp_path, failing):
    plan = plan_of(folder, *STOP)
    nodes, context = nodes_of(plan), Context(tmp_path, tmp_path)
    done = {node.key for node in nodes.values()}
    refuse_failed(nodes["train learn#baseline"], plan.teacher_checks, done, context)
    refuse_failed(nodes["export learn"], plan.teacher_checks, done, context)


def test_nothing_is_refused_before_the_check_is_made_or_where_a_warning_is_enough(
    folder, tmp_path, failing
):
    context = Context(tmp_path, tmp_path)
    plan = plan_of(folder, *STOP)
    student = nodes_of(plan)["train learn"]
    refuse_failed(student, plan.teacher_checks, {plan.teacher_checks[0].teacher.key}, context)
    lenient = plan_of(folder)
    done = {node.key for node in nodes_of(lenient).values()}
    refuse_failed(nodes_of(lenient)["train learn"], lenient.teacher_checks, done, context)


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
    both = json.dumps([{"of": "targets", "on": ["train", "valid"], "metrics": ["teacher_check"],
                        "against": "learn#baseline"}])  # fmt: skip
    order = list(nodes_of(plan_of(folder, f"evaluate={both}")))
    assert order.index("evaluate learn#baseline on valid") < order.index("score targets")


CHECK = {
    "of": "targets",
    "on": ["valid"],
    "metrics": ["teacher_check"],
    "against": "learn#baseline",
}
SCORED = {"of": "learn", "on": ["test"], "metrics": ["loss"]}
OBJECTIVE = {"cross_entropy": {}, "soft_targets": {"temperature": 2, "teacher": "learn"}}
LEARN_2 = {
    "train": "student", "data": "train", "objective": OBJECTIVE, "steps": 6,
    "batch": {"size": 512, "unit": "max_tokens", "max_length": 64},
}  # fmt: skip


def asked(*evaluations, **stages):
    """Overrides: evaluations, and stages that are added or given options."""
    evaluate = f"evaluate={json.dumps([*evaluations, SCORED])}"
    return [evaluate, *(f"stages.{name}={json.dumps(one)}" for name, one in stages.items())]


def order_of(plan, until=None):
    nodes = in_checked_order(plan, until)
    keys = [node.key for node in nodes]
    assert len({*keys}) == len(keys)
    for place, node in enumerate(nodes):
        assert {child.key for child in node.inputs.values()} <= {*keys[:place]}
    return [f"{node.kind} {node.label}" for node in nodes]


CHECKED = ["score targets on valid", "evaluate learn#baseline on valid"]


def test_up_to_a_stage_its_checks_are_made_before_it(folder):
    order = order_of(plan_of(folder, STOP[0], *asked(CHECK)), "learn")
    assert order[-1] == "train learn"
    assert {*CHECKED} <= {*order}
    # Where a warning is enough, nothing is made but what it rests on.
    assert not {*CHECKED} & {*order_of(plan_of(folder, *asked(CHECK)), "learn")}
    order = order_of(plan_of(folder, STOP[1], *asked(CHECK)), "targets")
    assert order[-1] == "score targets"
    assert {*CHECKED} <= {*order}


def test_in_a_chain_a_teacher_is_checked_before_its_student_teaches(folder):
    """Whatever the order of the evaluations: the student's check rests on its training."""
    of_student = {**CHECK, "of": "learn"}
    plan = plan_of(folder, STOP[0], *asked(of_student, CHECK, learn_2=LEARN_2))
    order = order_of(plan)
    assert max(map(order.index, CHECKED)) < order.index("train learn")
    assert unchecked(in_checked_order(plan), plan) == []


def test_with_seeds_each_is_checked_by_its_own(folder):
    spec = load_spec(folder / "small.yaml", overrides=[STOP[0], "seeds=[1, 2]", *asked(CHECK)])
    plan = wanted_of_all_seeds(spec, folder)
    order = order_of(plan, "learn")
    for seed in (1, 2):
        checks = [f"score targets+{seed} on valid", f"evaluate learn#baseline+{seed} on valid"]
        assert max(map(order.index, checks)) < order.index(f"train learn+{seed}")
    assert unchecked(in_checked_order(plan), plan) == []


def test_two_stages_that_wait_for_each_others_checks_are_told_of(folder):
    """A student without an own check is the other's baseline, and the other way round."""
    other = json.loads(json.dumps(LEARN_2).replace('"learn"', '"targets"'))
    checks = [{**CHECK, "against": name} for name in ("learn", "other")]
    stopping = {**other, "on_failed_check": "stop"}
    plan = plan_of(folder, STOP[0], *asked(*checks, other=stopping))
    order_of(plan)
    (found,) = unchecked(in_checked_order(plan), plan)
    assert "rests on this stage itself" in str(found[1])


UNCHECKED = [
    ("targets", asked({**CHECK, "on": ["train"]}), "what checks its teacher rests on this stage"),
    ("targets", asked(), "no evaluation checks its teacher"),
    ("learn", asked(), "no evaluation checks its teacher"),
    ("learn", asked({**CHECK, "against": None}), "its teacher is checked beside nothing"),
    ("teach", asked(CHECK), "this stage has no teacher"),
    # Of two teachers in a line, its own.
    ("learn_2", asked(CHECK, {**SCORED, "of": "learn_2"}, learn_2=LEARN_2), "no evaluation checks"),
]


@pytest.mark.parametrize(("stage", "overrides", "reason"), UNCHECKED)
def test_a_stop_that_nothing_could_cause_is_a_fault(folder, tmp_path, stage, overrides, reason):
    overrides = [*overrides, f"stages.{stage}.on_failed_check=stop"]
    path = folder / "small.yaml"
    errors, _ = validate([path], data_dir=folder, overrides=overrides)
    (said,) = map(str, errors)
    assert f"stages.{stage}.on_failed_check: stop, and {reason}" in said
    assert "expected a teacher_check of its teacher that is made before" in said
    # A run says so, too, before it begins.
    with pytest.raises(UserError, match=reason):
        run(load_spec(path, overrides=overrides), data_dir=folder, runs_dir=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_the_fault_has_its_line_and_stages_that_can_stop_have_none(folder):
    text = (folder / "small.yaml").read_text("utf-8")
    path = folder / "lines.yaml"
    path.write_text(text.replace("  teach:\n", "  teach:\n    on_failed_check: stop\n"), "utf-8")
    errors, _ = validate([path], data_dir=folder)
    assert [(one.line, one.variant) for one in errors] == [
        (text.splitlines().index("  teach:") + 2, "")
    ]
    # The variant without a teacher has nothing to check.
    for overrides in ([STOP[0]], [*STOP, *asked(CHECK)]):
        found = validate([folder / "small.yaml"], data_dir=folder, overrides=overrides)
        assert found == ([], [])


def test_a_stage_of_another_spec_is_checked_there(folder, tmp_path):
    other = {**SCORED, "of": "small.yaml:learn"}
    text = (folder / "small.yaml").read_text("utf-8")
    (folder / "small_stop.yaml").write_text(
        text.replace("  learn:\n", "  learn:\n    on_failed_check: stop\n"), "utf-8"
    )
    overrides = [f"evaluate={json.dumps([{**other, 'of': 'small_stop.yaml:learn'}])}", "export=[]"]
    settings = {"overrides": ["name=more", *overrides]}
    assert validate([folder / "small.yaml"], data_dir=folder, **settings) == ([], [])
    with pytest.raises(UserError, match=r"small_stop.yaml: stages.learn.*run that one first"):
        run(load_spec(folder / "small.yaml", **settings), data_dir=folder, runs_dir=tmp_path)


@pytest.mark.parametrize("changed", [[], ["teacher.soft_targets"]])
def test_what_is_done_is_not_refused_unless_it_would_be_made_anew(
    folder, tmp_path, failing, monkeypatch, changed
):
    monkeypatch.setattr(StageFolder, "done", True)
    monkeypatch.setattr(StageFolder, "content", lambda self: "")
    monkeypatch.setattr(StageFolder, "outdated", lambda self, contents: changed)
    plan, context = plan_of(folder, STOP[0]), Context(tmp_path, tmp_path)
    nodes = nodes_of(plan)
    done = {node.key for node in nodes.values()}
    with pytest.raises(UserError) if changed else nullcontext():
        refuse_failed(nodes["train learn"], plan.teacher_checks, done, context)


@pytest.mark.long
@pytest.mark.tensorflow
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
