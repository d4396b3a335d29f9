"""Each file of stages under way, damaged: the same results, or a message that names the file."""

import os
import random
import shutil
import signal

import pytest
from damage import DAMAGES, damage, files, follow_advice, kind_of, kinds, names_file
from drills import finished_copy, stable_files, stage_of
from small_line import arguments

import tfkd.pipeline.engine.output_shards as output_shards
from tfkd import cli
from tfkd.training.training_run import TrainingRun

STAGES = {
    "train learn": ("--until", "learn", "--set", "stages.learn.save_every=0.0001"),
    "score": ("--until", "targets"),
    "translate": ("--until", "synthetic"),
    "evaluate": (),
}


def _then_stop(function, when=lambda self: True):
    """The same function, which asks the process to stop once it is done."""

    def wrapped(self, *arguments, **settings):
        found = function(self, *arguments, **settings)
        if when(self):
            os.kill(os.getpid(), signal.SIGTERM)
        return found

    return wrapped


# After five of six steps with the best weights of step 3 kept; after one shard of several.
STOPS = {
    "train learn": (TrainingRun, "_call", lambda self: self.step == 5),
    "score": (output_shards, "write_checksummed", lambda path: True),
    "translate": (output_shards, "write_checksummed", lambda path: True),
    "evaluate": (output_shards, "write_checksummed", lambda path: True),
}


@pytest.fixture(scope="module", autouse=True)
def short_shards():
    """Stores of several shards: one goes on after its last whole shard."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tfkd.targets.readings.ROWS_PER_SHARD", 1500)
        yield


@pytest.fixture(scope="module")
def under_way(line, tmp_path_factory):
    """By kind of stage: runs in which it is under way, its folder, and what it has to come to."""
    made = {}

    def make(kind):
        if kind not in made:
            runs = finished_copy(line, tmp_path_factory.mktemp("under_way"))
            folder, words = stage_of(runs, kind), arguments(line.spec, runs, *STAGES[kind])
            if kind == "score":
                shutil.rmtree(folder)
                assert cli.main(words) == cli.DONE
            wanted = stable_files(folder)
            shutil.rmtree(folder)
            place, name, when = STOPS[kind]
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(place, name, _then_stop(getattr(place, name), when))
                assert cli.main(words) == cli.RESUMABLE
            made[kind] = runs, folder.relative_to(runs), wanted
        return made[kind]

    return make


def _drill(line, under_way, kind, path, how, tmp_path, capsys):
    original, name, wanted = under_way(kind)
    runs = tmp_path / "runs"
    shutil.copytree(original, runs, symlinks=True)
    words, folder = arguments(line.spec, runs, *STAGES[kind]), runs / name
    path = folder / path
    damage(path, how, random.Random(f"{kind} {path.name} {how}"))
    capsys.readouterr()
    code = cli.main(words)
    errors = capsys.readouterr().err
    assert "Traceback" not in errors
    if code != cli.DONE:
        assert code == cli.WRONG_INPUT, errors
        assert names_file(errors, path), errors
        follow_advice(errors)
        assert cli.main(words) == cli.DONE
    assert stable_files(folder) == wanted
    return "" if code == cli.DONE else errors


def _every_file(under_way, kind):
    runs, name, _ = under_way(kind)
    return [path.relative_to(runs / name) for path in files(runs / name)]


SAMPLE = [
    ("train learn", "work/checkpoints/step-000000005.json", "flipped"),
    ("train learn", "work/checkpoints/step-000000005.safetensors", "halved"),
    ("train learn", "work/validations.json", "flipped"),
    ("train learn", "work/kept/step-000000003.safetensors", "deleted"),
    ("score", "store-0/shard-00000.bin", "flipped"),
    ("score", "work/store-0-00000.json", "halved"),
    ("translate", "work/outputs-0-000000000.json", "halved"),
    ("evaluate", "work/outputs-00000000.json", "flipped"),
    ("evaluate", "work/rests_on.json", "flipped"),
]
# The short ring damages checkpoints in `training/test_loop`, and shards in `test_toy_line`.


@pytest.mark.long
@pytest.mark.parametrize(("kind", "name", "how"), SAMPLE)
def test_a_file_of_a_stage_under_way(line, under_way, tmp_path, capsys, kind, name, how):
    _drill(line, under_way, kind, name, how, tmp_path, capsys)


@pytest.mark.parametrize(
    ("kind", "name", "found", "changed"),
    [
        pytest.param(
            "train learn", "work/validations.json", '"loss": 5', '"loss": 1', marks=pytest.mark.long
        ),
        pytest.param(
            "translate", "work/outputs-0-000000000.json", '  "', '  "so ', marks=pytest.mark.long
        ),
        pytest.param(
            "evaluate", "work/outputs-00000000.json", '  "', '  "so ', marks=pytest.mark.long
        ),
    ],
)
def test_a_value_that_is_another_one(line, under_way, tmp_path, kind, name, found, changed):
    """Files that are read as they are: no syntax tells that a digit or a word was changed."""
    original, place, wanted = under_way(kind)
    runs = tmp_path / "runs"
    shutil.copytree(original, runs, symlinks=True)
    # Trained from the start, step 3 is come by again.
    shutil.rmtree(runs / place / "work" / "checkpoints", ignore_errors=True)
    path = runs / place / name
    text = path.read_text("utf-8")
    assert found in text
    path.write_text(text.replace(found, changed, 1), "utf-8")
    assert cli.main(arguments(line.spec, runs, *STAGES[kind])) == cli.DONE
    assert stable_files(runs / place) == wanted


@pytest.mark.long
@pytest.mark.parametrize("kind", STAGES)
def test_no_kind_of_file_is_left_out(under_way, kind):
    """What is damaged above, and what is left to the test of every file, are all there are."""
    runs, name, _ = under_way(kind)
    found = set(kinds(runs / name, runs / name))
    drilled = {kind_of(runs / name / one, runs / name) for of, one, _ in SAMPLE if of == kind}
    assert found - drilled == {
        "train learn": {
            "work/history.jsonl", "work/rests_on.json", "work/seconds",
            "work/tensorboard/events.out.tfevents",
        },
        "score": {"work/rests_on.json", "work/seconds"},
        "translate": {"work/rests_on.json", "work/seconds"},
        "evaluate": {"work/seconds", "rows.npz"},
    }[kind]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("kind", STAGES)
def test_every_file_of_a_stage_under_way(line, under_way, tmp_path, capsys, kind, how):
    for number, name in enumerate(_every_file(under_way, kind)):
        place = tmp_path / str(number)
        place.mkdir()
        _drill(line, under_way, kind, name, how, place, capsys)


@pytest.mark.long
@pytest.mark.parametrize("how", DAMAGES)
def test_both_checkpoints_damaged(line, under_way, tmp_path, capsys, how):
    """Nothing to fall back upon: named, or trained from the start; never guessed."""
    original, name, wanted = under_way("train learn")
    runs = tmp_path / "runs"
    shutil.copytree(original, runs, symlinks=True)
    words = arguments(line.spec, runs, *STAGES["train learn"])
    states = sorted((runs / name / "work" / "checkpoints").glob("*.json"))
    assert len(states) == 2
    for path in states:
        damage(path, how, random.Random(how))
    capsys.readouterr()
    code = cli.main(words)
    errors = capsys.readouterr().err
    assert "Traceback" not in errors
    if how != "deleted":
        assert code == cli.WRONG_INPUT
        assert all(str(path) in errors for path in states)
        assert "No whole checkpoint is left" in errors
        follow_advice(errors)
        code = cli.main(words)
    assert code == cli.DONE
    assert stable_files(runs / name) == wanted
