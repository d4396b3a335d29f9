"""What runs stages, on a line without TensorFlow: kills, signals, limits, damage, and two at once.

The same command goes on to the same files. Stages that do use it are drilled in `test_kills`,
`test_stops`, `test_damaged_runs` and `test_damaged_work`.
"""

import os
import random
import shutil
import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import toy_stage
from damage import DAMAGES, damage, files, follow_advice, kinds, names_file
from drills import finished_copy, made_once, stable_files
from small_line import arguments, manifest, stage_folders, start, write_line

import tfkd.pipeline.engine.output_shards as output_shards
from tfkd import cli
from tfkd.pipeline.engine.kinds import stage_of
from tfkd.pipeline.stages.train import TrainStage

HERE = str(Path(__file__).parent)
KINDS = ("corpus", "tokenizer", "ids", "train")
# What shows that a stage is at work; others are over as soon as they have begun.
BEGUN = {"train": "work/shard-*.json"}
FOREVER = 60.0
# Byte pairs are found without TensorFlow.
SPEC = """\
tfkd: 1
name: toy
data: {train: {parallel: [train.de, train.en], lower_case: true}}
tokenizers: {bytes: {kind: byte_bpe, size: 300, learn_from: train}}
student:
  {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2, tokenizer: bytes}
stages: {teach: {train: student, data: train, steps: 1, objective: {cross_entropy: {}}}}
export: [teach]
"""
UNTIL = ("--until", "teach", "--set", "runtime.streams=1")


@pytest.fixture(scope="module", autouse=True)
def toy():
    """The stage in its place, here and for child processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainStage, "run", toy_stage.work)
        patch.setenv("PYTHONPATH", HERE, prepend=os.pathsep)
        yield


@pytest.fixture(scope="module")
def toy_line(tmp_path_factory, toy):
    """The spec and the runs of an uninterrupted run; not to be changed."""
    folder = tmp_path_factory.mktemp("toy")
    write_line(folder)
    spec = folder / "toy.yaml"
    spec.write_text(SPEC, "utf-8")
    runs = folder / "runs"
    assert cli.main(arguments(spec, runs, *UNTIL)) == cli.DONE
    return SimpleNamespace(spec=spec, runs=runs)


def command(line, runs, *more):
    return arguments(line.spec, runs, *UNTIL, *more)


def started(line, runs, *more):
    """The run in a process of its own."""
    return start(*command(line, runs, "--plugin", "toy_stage", *more))


def whole(runs):
    """What a finished run must hold, stage by stage."""
    folders = [path for kind in KINDS for path in stage_folders(runs, kind)]
    return {folder.name: stable_files(folder) for folder in folders}


def removed(line, tmp_path, kind):
    """A copy of the runs without the last stage of a kind, and its folder."""
    runs = finished_copy(line, tmp_path)
    folder = stage_folders(runs, kind)[-1]
    shutil.rmtree(folder)
    return runs, folder


def continued(line, runs):
    assert cli.main(command(line, runs)) == cli.DONE
    assert whole(runs) == whole(line.runs)
    assert not [path for path in (runs / "stages").rglob(".*") if path.suffix == ".part"]
    assert not list((runs / "stages").glob("*/work"))


@pytest.mark.parametrize(
    "kind",
    [pytest.param(k, marks=[] if k == "train" else pytest.mark.long) for k in KINDS],
)
def test_a_killed_stage_continues_to_the_same_files(toy_line, tmp_path, kind):
    runs, folder = removed(toy_line, tmp_path, kind)
    chance = random.Random(time.time_ns())
    longest = manifest(toy_line.runs / "stages" / folder.name)["seconds"]
    for _ in range(2 if kind == "train" else 1):
        process = started(toy_line, runs)
        end = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < end:
            if list(folder.glob(BEGUN[kind])) if kind in BEGUN else folder.exists():
                time.sleep(chance.uniform(0, longest))
                break
        process.kill()
        process.communicate()
        if (folder / "manifest.json").exists():
            shutil.rmtree(folder)
    continued(toy_line, runs)


@pytest.mark.parametrize(
    ("kind", "number"),
    [("corpus", signal.SIGTERM), ("train", signal.SIGTERM), ("train", signal.SIGINT),
     *(pytest.param(kind, signal.SIGTERM, marks=pytest.mark.long) for kind in KINDS[1:-1]),
     *(pytest.param(kind, signal.SIGINT, marks=pytest.mark.long) for kind in KINDS[:-1])],
)  # fmt: skip
def test_a_signal_in_a_stage_stops_it(toy_line, tmp_path, kind, number, capsys, monkeypatch):
    runs, folder = removed(toy_line, tmp_path, kind)
    slept = []

    def told(*_, **__):
        threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
        slept.append(time.sleep(FOREVER))

    with monkeypatch.context() as patch:
        patch.setattr(type(stage_of(kind)), "run", told)
        assert cli.main(command(toy_line, runs)) == cli.RESUMABLE
    assert not slept
    said, advice = capsys.readouterr().err.splitlines()[-2:]
    assert said.startswith(f"tfkd: stopped by {signal.Signals(number).name}")
    assert "the same command continues" in advice
    assert not (folder / "manifest.json").exists()
    continued(toy_line, runs)


@pytest.mark.parametrize(
    "kind",
    ["ids", *(pytest.param(kind, marks=pytest.mark.long) for kind in KINDS if kind != "ids")],
)
def test_the_time_limit_ends_a_stage(toy_line, tmp_path, kind, capsys, monkeypatch):
    runs, folder = removed(toy_line, tmp_path, kind)
    slept = []
    with monkeypatch.context() as patch:
        patch.setattr(
            type(stage_of(kind)), "run", lambda *_, **__: slept.append(time.sleep(FOREVER))
        )
        assert cli.main(command(toy_line, runs, "--time-limit", "0.5s")) == cli.RESUMABLE
    assert not slept
    errors = capsys.readouterr().err
    assert "tfkd: the time limit of 0.5 s is reached" in errors
    assert "the same command continues" in errors
    assert not (folder / "manifest.json").exists()
    continued(toy_line, runs)


def drilled(line, runs, path, how, capsys, number):
    """Damages a file; the run makes it good, or names it and says what to do."""
    damage(path, how, random.Random(f"{path.name} {how} {number}"))
    capsys.readouterr()
    code = cli.main(command(line, runs))
    errors = capsys.readouterr().err
    assert "Traceback" not in errors
    if code != cli.DONE:
        assert code == cli.WRONG_INPUT, errors
        assert names_file(errors, path), errors
        follow_advice(errors)
    continued(line, runs)
    return code


@pytest.mark.parametrize(
    "turn", [pytest.param(t, marks=[pytest.mark.long] if t else []) for t in range(len(DAMAGES))]
)
def test_a_damaged_file_of_a_finished_stage(toy_line, tmp_path, turn, capsys):
    """Each kind of file, by each damage in turn."""
    codes = []
    found = kinds(toy_line.runs / "stages", toy_line.runs)
    for number, paths in enumerate(found.values()):
        how = DAMAGES[(number + turn) % len(DAMAGES)]
        place = tmp_path / str(number)
        place.mkdir()
        runs = finished_copy(toy_line, place)
        path = runs / paths[0].relative_to(toy_line.runs)
        codes.append(drilled(toy_line, runs, path, how, capsys, number))
    assert codes.count(cli.WRONG_INPUT) > 5


@pytest.fixture(scope="module")
def under_way(toy_line, tmp_path_factory, toy):
    """Runs whose last stage was stopped after three shards of five; and its folder there."""
    runs = finished_copy(toy_line, tmp_path_factory.mktemp("under_way"))
    (folder,) = stage_folders(runs, "train")
    shutil.rmtree(folder)
    write, written = output_shards.write_checksummed, []

    def third_stops(*arguments):
        write(*arguments)
        written.append(arguments)
        if len(written) == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(output_shards, "write_checksummed", third_stops)
        assert cli.main(command(toy_line, runs)) == cli.RESUMABLE
    return runs, folder


@pytest.mark.parametrize(
    "turn", [pytest.param(t, marks=[pytest.mark.long] if t else []) for t in range(len(DAMAGES))]
)
def test_a_damaged_file_of_a_stage_under_way(toy_line, under_way, tmp_path, turn, capsys):
    """Each file, by each damage in turn."""
    original, folder = under_way
    names = [path.relative_to(folder) for path in files(folder)]
    assert sum(name.name.startswith("shard-") for name in names) == 3
    for number, name in enumerate(names):
        runs = tmp_path / str(number) / "runs"
        shutil.copytree(original, runs, symlinks=True)
        path = runs / folder.relative_to(original) / name
        how = DAMAGES[(number + turn) % len(DAMAGES)]
        drilled(toy_line, runs, path, how, capsys, number)


def test_a_shard_in_anothers_place_is_made_anew(toy_line, under_way, tmp_path):
    """Its bytes are all as they were written."""
    original, folder = under_way
    runs = tmp_path / "runs"
    shutil.copytree(original, runs, symlinks=True)
    work = runs / folder.relative_to(original) / "work"
    shutil.copy(work / "shard-0.json", work / "shard-1.json")
    continued(toy_line, runs)


def test_what_is_whole_is_not_made_again(toy_line, under_way, tmp_path, monkeypatch):
    original, _ = under_way
    runs = tmp_path / "runs"
    shutil.copytree(original, runs, symlinks=True)
    write, written = output_shards.write_checksummed, []
    monkeypatch.setattr(
        output_shards,
        "write_checksummed",
        lambda *given: [written.append(given[0].name), write(*given)],
    )
    continued(toy_line, runs)
    assert written == ["shard-3.json", "shard-4.json"]


@pytest.mark.parametrize(
    "other", [pytest.param([], marks=pytest.mark.long), ["--set", "name=other"]]
)
def test_two_runs_at_once_make_each_stage_once(toy_line, tmp_path, other, monkeypatch):
    """Another spec's name is in no fingerprint: it waits for the same stages."""
    monkeypatch.setenv("TOY_PAUSE", "0.4")
    runs = tmp_path / "runs"
    processes = [started(toy_line, runs, *more) for more in ([], other)]
    said = [process.communicate(timeout=120) for process in processes]
    for process, (out, errors) in zip(processes, said, strict=True):
        assert process.returncode == cli.DONE, out + errors
        assert errors == ""
    assert len(made_once([out for out, _ in said])) == len(whole(toy_line.runs))
    assert any("waiting for another run, which makes " in out for out, _ in said)
    assert whole(runs) == whole(toy_line.runs)
