"""Stage folders: whole or not at all, and refused by name when they are not what was written."""

import fcntl
import json
import os
import shutil
import threading
import time

import pytest

from tfkd.data.checksummed import read_checksummed, write_checksummed
from tfkd.pipeline.engine.context import stopwatch
from tfkd.pipeline.engine.run_folder import link
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.spec.errors import UserError
from tfkd.training.deadline import Deadline, parse_duration
from tfkd.training.interruption import Interrupted


@pytest.fixture
def folder(tmp_path):
    made = StageFolder(tmp_path, "train", "0123")
    with made.locked(lambda words: None):
        (made.scratch / "checkpoint").write_bytes(b"under way")
        (made.path / "deep").mkdir()
        (made.path / "deep" / "weights").write_bytes(bytes(range(64)))
        (made.path / "history").write_bytes(b"lines\n")
        made.finish(inputs={}, identity={"a": 1}, summary={"brief": "x"}, seconds=1.5)
    return made


def again(folder):
    return StageFolder(folder.path.parent, folder.kind, folder.fingerprint)


def test_the_manifest_names_every_file_and_no_scratch(folder):
    assert set(folder.manifest()["files"]) == {"deep/weights", "history"}
    assert folder.manifest()["bytes"] == 70
    assert sorted(os.listdir(folder.path)) == ["deep", "history", "manifest.json"]
    again(folder).verify()


@pytest.mark.parametrize("name", ["deep/weights", "history"])
def test_every_flipped_byte_is_found(folder, name):
    path = folder.path / name
    whole = path.read_bytes()
    for broken in _flips(whole):
        path.write_bytes(broken)
        with pytest.raises(UserError, match="Remove the folder") as refused:
            again(folder).verify()
        assert str(path) in str(refused.value)
    path.write_bytes(whole)
    again(folder).verify()


def test_a_flipped_byte_of_the_manifest_is_found_or_means_nothing(folder):
    path = folder.path / "manifest.json"
    whole = path.read_bytes()
    content = {k: v for k, v in json.loads(whole).items() if k != "sha256"}
    for broken in _flips(whole):
        path.write_bytes(broken)
        try:
            found = again(folder).manifest()
        except UserError:
            continue
        assert {name: found[name] for name in content} == content


def _flips(whole):
    for place in range(len(whole)):
        yield whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]


def test_truncated_and_missing_files_are_named(folder):
    path = folder.path / "deep" / "weights"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match="weights has 63 bytes, the manifest says 64"):
        again(folder).verify()
    path.unlink()
    with pytest.raises(UserError, match="weights is missing"):
        again(folder).verify()


def test_the_folder_of_another_stage_is_refused_by_name(folder):
    """Manifest and files fit together; they are those of another stage."""
    other = StageFolder(folder.path.parent, "train", "4567")
    shutil.copytree(folder.path, other.path)
    for look in (other.manifest, other.verify, other.content, lambda: other.outdated({})):
        with pytest.raises(UserError, match="is that of another stage, train-0123") as refused:
            look()
        assert f"{other.path / 'manifest.json'} is that" in str(refused.value)
        assert f"Remove the folder {other.path}" in str(refused.value)


def test_the_work_of_another_stage_is_refused_by_name(tmp_path):
    ours, theirs = (StageFolder(tmp_path, "train", name) for name in ("0123", "4567"))
    theirs.begin({"data": "a"})
    shutil.copytree(theirs.work, ours.work)
    with pytest.raises(UserError, match="is that of another stage, train-4567") as refused:
        ours.outdated({"data": "a"})
    assert f"Remove the folder {ours.path}" in str(refused.value)
    # An older version noted the contents alone.
    write_checksummed(ours.work / "rests_on.json", {"data": "a"})
    assert ours.outdated({"data": "a"}) == []
    assert ours.outdated({"data": "b"}) == ["data"]


def test_bytes_are_read_once_a_process(folder, monkeypatch):
    again(folder).verify()
    monkeypatch.setattr(
        "tfkd.pipeline.engine.stage_folder.sha256_of", lambda path: pytest.fail("read")
    )
    again(folder).verify()


def test_what_a_kill_left_is_swept(folder):
    (folder.path / ".weights.abc.part").write_bytes(b"half")
    (folder.path / "deep" / ".1.part").mkdir()
    (folder.path / "deep" / ".1.part" / "saved_model.pb").write_bytes(b"half")
    folder.sweep()
    again(folder).verify()
    assert sorted(os.listdir(folder.path / "deep")) == ["weights"]


def test_what_a_worker_that_was_given_up_is_still_writing_is_no_result(tmp_path):
    """It comes after the sweep, and goes when it likes."""
    one = StageFolder(tmp_path, "score", "1")
    (one.path / "store-0" / ".part").mkdir(parents=True)
    late = [one.path / "store-0" / name for name in (".shard-00001.bin.x.part", ".part/half")]
    for path in (one.path / "store-0" / "shard-00000.bin", *late):
        path.write_bytes(b"whole")
    one.finish(inputs={}, identity={}, summary={}, seconds=0.0)
    for path in late:
        path.unlink()
    again(one).verify()
    assert set(one.manifest()["files"]) == {"store-0/shard-00000.bin"}


def test_a_manifest_is_written_before_the_scratch_folder_goes(tmp_path, monkeypatch):
    """A kill between the two must not lose a training's checkpoints without leaving its result."""
    folder = StageFolder(tmp_path, "train", "0123")
    (folder.scratch / "checkpoint").write_bytes(b"dear")

    def killed(*arguments, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        folder.finish(inputs={}, identity={}, summary={}, seconds=0)
    assert folder.done
    assert folder.manifest()["files"] == {}


def test_a_second_run_waits_and_says_so(folder):
    words, order = [], []
    other = again(folder)

    def second():
        with other.locked(words.append):
            order.append("second")

    with folder.locked(words.append):
        thread = threading.Thread(target=second)
        thread.start()
        while not words:
            time.sleep(0.01)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    assert words == ["waiting for another run, which makes train-0123"]


def test_waiting_ends_with_the_time_limit(folder):
    with open(folder.path.with_suffix(".lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        deadline = Deadline(1e-3)
        lock = again(folder).locked(lambda words: None, deadline.check)
        with pytest.raises(Interrupted, match="time limit"), lock:
            pytest.fail("the lock was taken")


def test_links_are_replaced_whole(tmp_path):
    for name in ("one", "two"):
        (tmp_path / "stages" / name).mkdir(parents=True)
        link(tmp_path / "stages" / name, tmp_path / "run" / "stage")
        assert (tmp_path / "run" / "stage").resolve().name == name
    assert os.readlink(tmp_path / "run" / "stage") == "../stages/two"
    assert os.listdir(tmp_path / "run") == ["stage"]


def test_seconds_add_up_over_attempts(tmp_path):
    path = tmp_path / "seconds"
    write_checksummed(path, {"seconds": 100.0})
    with stopwatch(path) as elapsed:
        assert 100.0 <= elapsed() < 110.0
    assert read_checksummed(path)["seconds"] >= 100.0


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("150m", 9000), ("2h", 7200), ("0.5m", 30)]
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "-3", "0", "3d", "nan", "1e400x"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(UserError, match="150m"):
        parse_duration(text)


def test_contents_differ_where_a_result_differs_and_not_where_its_logs_do(tmp_path):
    def made(fingerprint, **files):
        folder = StageFolder(tmp_path, "train", fingerprint)
        for name, text in files.items():
            folder.scratch.joinpath("..", name.replace("_", ".")).write_text(text)
        folder.finish(inputs={}, identity={}, summary={}, seconds=1)
        return folder.content()

    first = made("0", weights_safetensors="abc", history_jsonl="at noon")
    assert first == made("1", weights_safetensors="abc", history_jsonl="at night")
    assert first != made("2", weights_safetensors="abd", history_jsonl="at noon")
    assert first != made("3", weights_bin="abc", history_jsonl="at noon")


def test_a_result_is_outdated_where_an_input_had_another_content(tmp_path):
    folder = StageFolder(tmp_path, "evaluate", "0")
    assert folder.outdated({"model": "a"}) == []
    folder.begin({"model": "a", "text": "t"})
    assert folder.outdated({"model": "a", "text": "t"}) == []
    assert folder.outdated({"model": "b", "text": "t"}) == ["model"]
    (folder.work / "rests_on.json").write_text("{")
    assert folder.outdated({"model": "a", "text": "t"}) == ["model", "text"]
    folder.begin({"model": "a"})
    folder.finish(inputs={}, identity={}, summary={}, seconds=1, contents={"model": "a"})
    # What was not noted is not known to differ.
    assert folder.outdated({"model": "a", "text": "u"}) == []
    assert folder.outdated({"model": "b"}) == ["model"]


@pytest.mark.parametrize("whole", [True, False])
def test_a_kill_while_a_folder_is_cleared_leaves_it_outdated(tmp_path, monkeypatch, whole):
    folder = StageFolder(tmp_path, "evaluate", "0")
    folder.begin({"model": "a"})
    (folder.scratch / "shard").write_text("old")
    (folder.path / "deep").mkdir()
    (folder.path / "deep" / "outputs").write_text("old")
    if whole:
        folder.finish(inputs={}, identity={}, summary={}, seconds=1, contents={"model": "a"})
    steps = 1
    while True:
        left = [steps]

        def counted(function, left=left):
            def call(*arguments, **options):
                left[0] -= 1
                if left[0] < 0:
                    raise KeyboardInterrupt
                return function(*arguments, **options)

            return call

        with monkeypatch.context() as patch:
            patch.setattr("os.unlink", counted(os.unlink))
            patch.setattr("os.rmdir", counted(os.rmdir))
            try:
                folder.clear()
                break
            except KeyboardInterrupt:
                assert folder.outdated({"model": "b"}) == ["model"]
        steps += 1
    assert steps > 2
    assert [path for path in folder.path.rglob("*") if path.is_file()] == []
