"""Checkpoints: whole or refused by name."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from tfkd.spec.errors import UserError
from tfkd.training import CheckpointFolder
from tfkd.training.state import checkpoints as module
from tfkd.training.state.tensor_file import write_tensors

ARRAYS = {
    "a/kernel": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b/step": np.asarray(7, np.int64),
    "c/empty": np.zeros((0, 4), np.float32),
}


def filled(path, steps=(10, 20, 30)):
    folder = CheckpointFolder(path)
    for step in steps:
        folder.save(step, {"number": step}, {**ARRAYS, "step": np.asarray(step)})
    return folder


def test_the_last_two_are_kept_and_read_back(tmp_path):
    folder = filled(tmp_path)
    assert folder.steps() == [30, 20]
    assert len(list(tmp_path.iterdir())) == 4
    newest = folder.newest(pytest.fail)
    assert (newest.step, newest.state) == (30, {"number": 30})
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(newest.tensors[name], array)
        assert newest.tensors[name].dtype == array.dtype


def test_files_are_safetensors(tmp_path):
    write_tensors(tmp_path / "x.safetensors", ARRAYS)
    read = load_file(tmp_path / "x.safetensors")
    assert read.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(read[name], array)


@pytest.mark.parametrize("suffix", ["safetensors", "json"])
def test_every_flipped_byte_is_refused_by_name(tmp_path, suffix):
    folder = filled(tmp_path)
    path = tmp_path / f"step-000000030.{suffix}"
    whole = path.read_bytes()
    for index in range(len(whole)):
        flipped = bytearray(whole)
        flipped[index] ^= 0x15
        path.write_bytes(flipped)
        said = []
        newest = folder.newest(said.append)
        if newest.step == 30:
            # Only white space between JSON's parts may change without changing what it says.
            assert suffix == "json"
            assert json.loads(flipped) == json.loads(whole)
        else:
            assert newest.step == 20
            assert path.name in said[0]
            assert "step 20 instead" in said[0]


@pytest.mark.parametrize("suffix", ["safetensors", "json"])
def test_truncated_and_missing_files(tmp_path, suffix):
    folder = filled(tmp_path)
    path = tmp_path / f"step-000000030.{suffix}"
    path.write_bytes(path.read_bytes()[:-5])
    said = []
    assert folder.newest(said.append).step == 20
    assert path.name in said[0]
    path.unlink()
    assert folder.newest(said.append).step == 20


def test_none_whole_is_an_error_and_none_at_all_is_a_start(tmp_path):
    assert CheckpointFolder(tmp_path / "nothing").newest(pytest.fail) is None
    folder = filled(tmp_path)
    for path in tmp_path.glob("*.safetensors"):
        path.write_bytes(b"")
    with pytest.raises(UserError, match=r"step-000000030.*step-000000020.*No whole checkpoint"):
        folder.newest(pytest.fail)


def test_a_kill_between_the_two_files_leaves_the_old_one(tmp_path, monkeypatch):
    folder = filled(tmp_path)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "write_atomically", killed)
    with pytest.raises(KeyboardInterrupt):
        folder.save(40, {}, ARRAYS)
    monkeypatch.undo()
    assert folder.newest(pytest.fail).step == 30
    folder.save(50, {}, ARRAYS)
    assert not (tmp_path / "step-000000040.safetensors").exists()
