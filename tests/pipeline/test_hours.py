"""The hours of a plan: steps times what a step took, rows times what a row took."""

import json

import pytest
from small_line import write_line

from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.wanted import wanted
from tfkd.pipeline.plan.hours import Hours, Paces, work_of
from tfkd.pipeline.plan.planner import plan
from tfkd.spec import load_spec
from tfkd.training.progress import duration

A_STEP, ROWS = 2.5, 300


@pytest.fixture
def made(tmp_path):
    """A folder of runs where all stages of the tiny line are said to be done, in these times."""
    path = write_line(tmp_path)
    context = Context(data_dir=tmp_path, runs_dir=tmp_path / "runs")
    for node in nodes(path):
        if node.kind == "ids":  # which a plan would read
            continue
        folder, summary = context.folder(node), {"rows": ROWS, "size": 150}
        folder.path.mkdir(parents=True)
        if "corpus" in node.gives:
            summary = {"report": {"kept": ROWS}}
        if "model" in node.gives:
            summary = {"steps": 60, "seconds_of_steps": 9999.0, "parameters": 1}
            # The first line has compilation before it, a later one a validation.
            lines = [{"step": 20, "seconds": 500.0}, {"step": 30, "validation": {"loss": 1.0}},
                     {"step": 60, "seconds": 500.0 + 40 * A_STEP}]  # fmt: skip
            text = "".join(json.dumps(line) + "\n" for line in lines)
            (folder.path / "history.jsonl").write_text(text)
        settings = {"inputs": node.input_fingerprints(), "identity": node.identity}
        folder.finish(**settings, summary=summary, seconds=60.0)
    return path, context


def nodes(path, *overrides):
    spec = load_spec(path, overrides=overrides)
    return in_order(wanted(spec, path.parent).ends())


def left(made, *overrides):
    path, context = made
    hours = Hours(context, Paces(context.stages))
    return {f"{one.kind} {one.label}": hours.left(one) for one in nodes(path, *overrides)}


def test_what_is_done_takes_no_time(made):
    assert {*left(made).values()} == {0.0}


def test_what_is_made_anew_takes_it_all(made):
    path, context = made
    hours = Hours(context, Paces(context.stages))
    (node,) = (one for one in nodes(path) if (one.kind, one.label) == ("train", "learn"))
    assert hours.left(node, anew=True) == 6 * A_STEP


def test_more_steps_take_as_long_each_whatever_schedule_and_seed(made):
    found = left(made, "stages.learn.steps=1000", "stages.learn.schedule.rate=0.1",
                 "stages.learn.seed=7", "stages.teach.steps=70")  # fmt: skip
    assert found["train learn"] == found["train learn#baseline"] == 1000 * A_STEP
    assert found["train teach"] == 70 * A_STEP
    # What rests on them is made anew, over as many rows.
    assert found["score targets"] == found["evaluate learn on test"] == pytest.approx(60.0)
    assert found["corpus train"] == found["export learn"] == 0.0


@pytest.mark.parametrize(
    "change",
    ["student.width=32", "stages.learn.batch.size=1024", "teacher.layers=2",
     "stages.learn.precision=bfloat16", "tokenizers.joint.size=120"],
)  # fmt: skip
def test_steps_of_another_size_are_not_known(made, change):
    found = left(made, change)
    changed = "train teach" if change.startswith("teacher") else "train learn"
    assert found[changed] is None


def test_rows_that_a_model_will_write_are_those_that_it_reads(made):
    found = left(made, "stages.synthetic.data=test", "stages.learn.seed=3")
    assert found["evaluate learn#baseline on synthetic"] == pytest.approx(60.0)


def test_workers_share_what_is_made_in_shards_alone(made):
    path, context = made
    changes = ["stages.synthetic.data=test", "stages.learn.seed=3", "stages.learn.steps=9"]
    one, four = (Hours(context, Paces(context.stages), workers) for workers in (1, 4))
    for node in nodes(path, *changes):
        alone, together = one.left(node), four.left(node)
        if alone:
            assert together == alone / (1 if node.kind == "train" else 4), node.label
    said = plan(load_spec(path), data_dir=path.parent, runs_dir=context.runs_dir, workers=4)
    assert "Scoring and decoding take their times on 4 workers" in said


def test_a_pace_of_workers_is_that_of_one_of_them(made):
    path, context = made
    (node,) = [one for one in nodes(path) if one.kind == "score"]
    folder = context.folder(node)
    workers = {"a": {"shards": 3, "seconds": 100.0}, "b": {"shards": 2, "seconds": 80.0}}
    settings = {"inputs": node.input_fingerprints(), "identity": node.identity}
    folder.finish(**settings, summary={"rows": ROWS, "workers": workers}, seconds=60.0)
    found = Hours(context, Paces(context.stages)).left(node, anew=True)
    assert found == pytest.approx(180.0)


def test_a_training_under_way_has_its_own_pace_and_fewer_steps(made):
    path, context = made
    settings = ("stages.learn.steps=100",)
    (node,) = (one for one in nodes(path, *settings) if (one.kind, one.label) == ("train", "learn"))
    folder = context.folder(node)
    lines = [{"step": 10, "seconds": 50.0}, {"step": 30, "seconds": 50.0 + 20 * 7}]
    text = "\n".join(map(json.dumps, lines)) + '\n{"step": 40, "sec'
    (folder.scratch / "history.jsonl").write_text(text)
    assert left(made, *settings)["train learn"] == 70 * 7


def test_a_plan_sums_what_is_ahead_and_marks_what_variants_share(made):
    path, context = made
    where = {"data_dir": path.parent, "runs_dir": context.runs_dir}
    assert "of training" not in plan(load_spec(path), **where)
    spec = load_spec(path, overrides=["stages.learn.steps=1000"])
    text = plan(spec, **where)
    total = sum(left(made, "stages.learn.steps=1000").values())
    assert f"about {duration(total)} of training" in text
    assert duration(1000 * A_STEP) in text
    assert "shared" not in text
    rows = plan(spec, **where, variants=["baseline"]).splitlines()
    (line,) = (row for row in rows if row.startswith("train learn#baseline "))
    assert "shared" in line
    (line,) = (row for row in rows if row.startswith("train learn "))
    assert "shared" not in line


def test_rows_that_are_not_read_yet_are_those_of_the_files(tmp_path):
    path = write_line(tmp_path)
    context = Context(data_dir=tmp_path, runs_dir=tmp_path / "runs")
    changes = ("data.valid={generated: german_english, rows: 70}",
               "data.train.part={every: 4, keep: true}", "data.test.max_rows=90",
               "evaluate.1.on=[test, valid]")  # fmt: skip
    planned = nodes(path, *changes)
    measured = {work_of(node): 0.5 for node in planned if node.stage.unit == "rows"}
    hours = Hours(context, Paces(context.stages, measured))
    found = {f"{one.kind} {one.label}": hours.left(one) for one in planned}
    assert found["score targets"] == found["translate synthetic"] == 300 // 4 * 0.5
    assert found["evaluate learn on test"] == 90 * 0.5
    assert found["evaluate learn on valid"] == 70 * 0.5
    assert found["evaluate learn#baseline on synthetic"] == 300 // 4 * 0.5


def test_a_first_plan_has_steps_and_no_time(tmp_path):
    path = write_line(tmp_path)
    text = plan(load_spec(path), data_dir=tmp_path, runs_dir=tmp_path / "runs")
    assert "have no time (?)" in text
    assert "--measure" in text
    assert "about" not in text


def test_measuring_is_no_advice_where_it_tells_nothing_more(tmp_path):
    path = write_line(tmp_path)
    where = {"data_dir": tmp_path, "runs_dir": tmp_path / "runs"}
    uncounted = ["stages.learn.steps=null", "stages.learn.epochs=2"]  # until its ids are made
    measured = {work_of(node): 0.5 for node in nodes(path, *uncounted)}
    for told in ({"just_measured": True}, {"measured": measured}):
        text = plan(load_spec(path, overrides=uncounted), **where, **told)
        assert "have no time (?): it is known when the stages before" in text
        assert "--measure" not in text
