"""A stage of more steps goes on from the kept end of one of fewer, where its schedule allows it.

That it comes to the same bits, the short ring has of a training by itself, in `training/test_ends`.
"""

import shutil
import signal
from types import SimpleNamespace

import pytest
from rings import few
from small_line import arguments, stage_folders, start, weights, write_line

from tfkd import cli
from tfkd.commands.more_steps import as_words, more_steps
from tfkd.data.checksummed import write_checksummed
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.wanted import wanted
from tfkd.pipeline.plan.hours import Hours
from tfkd.pipeline.plan.planned import Planned, size_in_words
from tfkd.pipeline.plan.planner import plan
from tfkd.pipeline.stages.asked_longer import told_of_longer
from tfkd.pipeline.stages.longer import ends_of, shorter
from tfkd.spec import load_spec
from tfkd.spec.errors import UserError

CONSTANT = "stages.learn.schedule={kind: constant, rate: 1e-2}"
OLD = 6


@pytest.fixture
def path(tmp_path):
    return write_line(tmp_path)


def node_of(path, *overrides, label="learn"):
    spec = load_spec(path, overrides=overrides)
    nodes = in_order(wanted(spec, path.parent).ends())
    return next(one for one in nodes if (one.kind, one.label) == ("train", label))


def kept(path, *overrides, contents=None, label="learn"):
    """Says that such a training has ended, and that its end is kept."""
    context = Context(data_dir=path.parent, runs_dir=path.parent / "runs")
    node = node_of(path, *overrides, label=label)
    place = ends_of(node, context) / str(node.options.steps)
    place.mkdir(parents=True)
    note = {"steps": node.options.steps, "of": node.key, "contents": contents or {}}
    write_checksummed(place / "end.json", note)
    return context


@pytest.mark.parametrize(
    ("schedule", "goes_on"),
    few(
        [
            ("{kind: constant, rate: 1e-2}", True),
            ("{kind: constant, rate: 1e-2, warmup: 3}", True),
            ("{kind: inverse_square_root, rate: 1e-2, warmup: 4}", True),
            ("{kind: noam, warmup: 4}", True),
            ("{kind: constant, rate: 1e-2, warmup: 0.5}", False),
            ("{kind: linear, rate: 1e-2}", False),
            ("{kind: triangular, rate: 1e-2}", False),
        ],
        0,
        -1,
    ),
)
def test_the_rates_of_the_steps_that_were_made_decide(path, schedule, goes_on):
    schedule = f"stages.learn.schedule={schedule}"
    context = kept(path, schedule)
    node = node_of(path, schedule, "stages.learn.steps=100")
    length, place = shorter(node, 100, context)
    assert length == OLD
    assert (place is not None) == goes_on
    spec = load_spec(path, overrides=[schedule])
    if goes_on:
        override = more_steps(spec, ["learn=94"])
        assert node_of(path, schedule, override).key == node.key
        assert Hours(context, _OneSecond()).left(node) == 94.0
    else:
        with pytest.raises(UserError, match=r"stages\.learn\.steps=100.*from: learn"):
            more_steps(spec, ["learn=94"])


class _OneSecond:
    def of(self, node):
        return 1.0


@pytest.mark.parametrize(
    "change",
    ["stages.learn.seed=2", "stages.learn.batch.size=256", "student.width=32",
     "stages.learn.schedule.rate=2e-2", "stages.teach.steps=70", "stages.learn.validate.every=2"],
)  # fmt: skip
def test_any_other_difference_is_another_training(path, change):
    context = kept(path, CONSTANT)
    node = node_of(path, CONSTANT, "stages.learn.steps=100", change)
    assert shorter(node, 100, context) == (0, None)


def test_the_longest_that_is_shorter_and_rests_on_what_is_there_now(path):
    context = kept(path, CONSTANT)
    for steps in (40, 200):
        kept(path, CONSTANT, f"stages.learn.steps={steps}")
    kept(path, CONSTANT, "stages.learn.steps=70", contents={"tokenizer.source": "another"})
    node = node_of(path, CONSTANT, "stages.learn.steps=100")
    inputs = node.inputs["tokenizer.source"]
    assert shorter(node, 100, context)[0] == 70  # nobody knows what is not there
    folder = context.folder(inputs)
    folder.path.mkdir(parents=True)
    folder.finish(inputs={}, identity={}, summary={}, seconds=1.0)
    assert shorter(node, 100, context)[0] == 40


def told(path, context, *overrides, variant=None):
    spec = load_spec(path, variant=variant, overrides=overrides)
    nodes = in_order(wanted(spec, path.parent).ends())
    return list(told_of_longer(nodes, context))


def test_what_has_ended_and_left_no_end_is_refused(path):
    context = Context(data_dir=path.parent, runs_dir=path.parent / "runs")
    context.stages.mkdir(parents=True)
    changes = [CONSTANT, "--more-steps={learn: 94}"]
    lines = told(path, context, *changes)
    assert [line.split(":")[0] for line in lines] == ["learn#baseline", "learn"]
    assert all("all 100 steps" in line and "no training of 6 has ended" in line for line in lines)
    folder = context.folder(node_of(path, CONSTANT))
    folder.path.mkdir(parents=True)
    folder.finish(inputs={}, identity={}, summary={}, seconds=1.0)
    with pytest.raises(UserError, match=r"at 6 steps.*--set stages\.learn\.steps=100.*from: learn"):
        told(path, context, *changes)
    spec = load_spec(path, overrides=changes)
    with pytest.raises(UserError, match="is not kept"):
        plan(spec, data_dir=path.parent, runs_dir=context.runs_dir)
    # Steps that the spec has itself are no such promise.
    assert told(path, context, CONSTANT, "stages.learn.steps=100") == []
    kept(path, CONSTANT)
    assert [line.split(":")[0] for line in told(path, context, *changes)] == ["learn#baseline"]


def test_a_plan_says_which_variants_go_on_and_which_do_not(path):
    written = path.read_text("utf-8").replace("{kind: linear", "{kind: constant")
    where = {"data_dir": path.parent, "runs_dir": path.parent / "runs"}
    more = "--more-steps={learn: 94}"

    def planned(change):
        path.write_text(written.replace("baseline: {", f"baseline: {{{change}, "), "utf-8")
        for label in ("learn", "learn#baseline"):
            context = kept(path, label=label)
        lines = told(path, context, more)
        found = plan(load_spec(path, overrides=[more]), **where)
        shutil.rmtree(context.stages)
        return lines, found

    (line,), text = planned("stages.learn.steps: null, stages.learn.epochs: 3")
    assert line.startswith("learn#baseline: --more-steps adds none to its 3 epochs")
    assert line in text
    lines, text = planned("stages.learn.schedule: {kind: linear, rate: 1e-2}")
    assert lines == []
    assert "learn#baseline: trained from the start: the rates of its schedule (linear)" in text
    assert "learn: trained from" not in text


def test_the_disk_of_ends_is_planned(path):
    where = {"data_dir": path.parent, "runs_dir": path.parent / "runs"}
    spec = load_spec(path)
    rows = {}
    context = Context(**where)
    for node in in_order(wanted(spec, path.parent).ends()):
        if node.kind == "train":
            rows[node.label] = node.stage.plan(node, Planned(context))
    # Adam's two moments and the weights; of the student its best ones, too.
    assert rows["teach"]["end"] == 3 * rows["teach"]["disk"]
    assert rows["learn"]["end"] == 4 * rows["learn"]["disk"]
    total = size_in_words(sum(row["end"] for row in rows.values()))
    assert f"{total} in stages/ends" in plan(spec, **where)


def test_python_asks_for_them_in_words_of_the_command():
    assert as_words(5) == ["5"]
    assert as_words({"learn": 5, "teach": 3}) == ["learn=5", "teach=3"]
    with pytest.raises(ValueError, match="more_steps"):
        as_words("learn=5")


def test_steps_are_raised_by_stage(path):
    spec = load_spec(path, overrides=[CONSTANT])
    with pytest.raises(UserError, match="--more-steps teach=5 --more-steps learn=5"):
        more_steps(spec, ["5"])
    with pytest.raises(UserError, match="did you mean learn"):
        more_steps(spec, ["learnt=5"])
    for text in ("learn=soon", "learn=٣", "learn=0", "learn=-1"):
        with pytest.raises(UserError, match="STAGE=N"):
            more_steps(spec, [text])
    for name in ("learn+4", "learn#baseline"):  # all seeds and variants go on together
        with pytest.raises(UserError, match=r"all its seeds.*did you mean learn\?"):
            more_steps(spec, [f"{name}=5"])
    override = more_steps(spec, ["learn=5"])
    text = path.read_text("utf-8").replace("baseline: {", "baseline: {stages.learn.steps: 50, ")
    path.write_text(text, "utf-8")
    changes = [CONSTANT, override]
    longer = load_spec(path, overrides=changes)
    assert longer.stages["learn"].steps == OLD + 5
    assert longer.with_variant("baseline").stages["learn"].steps == 55
    assert load_spec(path, variant="baseline", overrides=changes).passed_over == ()
    again = load_spec(path, overrides=["--more-steps={learn: 4}", "stages.learn.steps=70"])
    assert again.stages["learn"].steps == 74
    changes = [CONSTANT, "stages.learn.steps=null", "stages.learn.epochs=3"]
    with pytest.raises(UserError, match=r"3 epochs.*--set stages\.learn\.epochs"):
        more_steps(load_spec(path, overrides=changes), ["learn=5"])


def test_a_spec_is_shown_with_them(path, capsys):
    words = ["show", str(path), "--set", CONSTANT, "--more-steps", "learn=5"]
    assert cli.main(words) == cli.DONE
    lines = [one for one in capsys.readouterr().out.splitlines() if "steps: 11" in one]
    assert "--more-steps" in lines[0]


@pytest.fixture
def teaching(tmp_path):
    """The tiny line's teacher at a constant rate, whose last step, 20, has a validation of its own;
    and what trains it, in some folder of runs, and tells the new folder."""
    path = write_line(tmp_path / "line")
    validate = "{on: valid, every: 8, metrics: [loss], keep: {average: 3}}"
    settings = [
        "stages.teach.steps=20",
        "stages.teach.schedule={kind: constant, rate: 1e-2}",
        f"stages.teach.validate={validate}",
    ]
    words = [word for one in settings for word in ("--set", one)]

    def command(runs, *more):
        return arguments(path, runs, "--until", "teach", *words, *more)

    def made(runs, *more):
        before = {*stage_folders(runs, "train")}
        assert cli.main(command(runs, *more)) == cli.DONE
        (folder,) = before ^ {*stage_folders(runs, "train")}
        return folder

    return SimpleNamespace(command=command, made=made)


@pytest.mark.tensorflow
@pytest.mark.long
def test_more_steps_are_those_of_a_longer_training_bit_for_bit(teaching, tmp_path, capsys):
    runs = tmp_path / "runs"
    short = teaching.made(runs)
    long = teaching.made(runs, "--more-steps", "teach=15")
    assert "35 steps, of which 20 are made" in capsys.readouterr().out
    whole = teaching.made(tmp_path / "others", "--set", "stages.teach.steps=35")
    assert "are made" not in capsys.readouterr().out
    assert long.name == whole.name != short.name
    assert weights(long) == weights(whole) != weights(short)


@pytest.mark.tensorflow
@pytest.mark.long
def test_killed_on_its_way_it_comes_to_the_same(teaching, tmp_path, capsys):
    runs, more = tmp_path / "runs", ("--more-steps", "teach=600")
    teaching.made(runs)
    before = {*stage_folders(runs, "train")}
    process = start(*teaching.command(runs, *more))
    while process.poll() is None:
        ways = {*stage_folders(runs, "train")} - before
        steps = [int(one.stem[5:]) for way in ways for one in way.glob("work/checkpoints/*.json")]
        if max(steps, default=0) > 20:
            process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    (folder,) = {*stage_folders(runs, "train")} - before
    assert cli.main(teaching.command(runs, *more)) == cli.DONE
    assert "going on from step" in capsys.readouterr().out
    whole = teaching.made(tmp_path / "others", "--set", "stages.teach.steps=620")
    assert weights(folder) == weights(whole)
    # Without what is kept it is trained from the start, where that is asked for.
    shutil.rmtree(runs / "stages" / "ends")
    shutil.rmtree(folder)
    assert cli.main(teaching.command(runs, *more)) == cli.WRONG_INPUT
    assert "--set stages.teach.steps=620" in capsys.readouterr().err
    assert weights(teaching.made(runs, "--set", "stages.teach.steps=620")) == weights(whole)
