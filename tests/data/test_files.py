"""Files written whole or not at all: what the operating system refuses has a file's name."""

import contextlib
import errno
import os
import resource

import numpy as np
import pytest

from tfkd.data.files import writable, write_atomically
from tfkd.data.text.copies import copy_file, copy_folder
from tfkd.spec.errors import UserError


@contextlib.contextmanager
def little_room(size=4096):
    """No file may have more bytes: in place of a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


CONTENTS = {
    "text": "x" * 100_000,
    "numpy": lambda file: np.save(file, np.zeros(100_000)),
    "archive": lambda file: np.savez(file, one=np.zeros(100_000)),
    "lines": lambda file: [file.write(b"line\n") for _ in range(20_000)],
}


@pytest.mark.parametrize("content", CONTENTS)
def test_a_file_that_finds_no_room_is_named_with_the_reason(tmp_path, content):
    path = tmp_path / "out.bin"
    path.write_text("kept")
    with little_room(), pytest.raises(OSError, match="File too large") as caught:
        write_atomically(path, CONTENTS[content])
    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(path))
    assert [one.name for one in tmp_path.iterdir()] == ["out.bin"]
    assert path.read_text() == "kept"


def test_bytes_are_on_the_disk_before_their_name_and_the_name_at_last(tmp_path, monkeypatch):
    """After a power cut there is the old file or the new one, never a part."""
    path, done = tmp_path / "out.bin", []
    fsync, replace = os.fsync, os.replace

    def flushed(descriptor):
        found = os.fstat(descriptor)
        done.append(("flushed", found.st_ino, found.st_size if found.st_nlink == 1 else None))
        fsync(descriptor)

    def renamed(source, target):
        done.append(("renamed", str(target)))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(os, "replace", renamed)
    write_atomically(path, b"content")
    assert done[:2] == [("flushed", path.stat().st_ino, 7), ("renamed", str(path))]
    assert [one[:2] for one in done[2:]] == [("flushed", tmp_path.stat().st_ino)]


def test_a_copy_that_finds_no_room_names_what_could_not_be_written(tmp_path):
    (tmp_path / "from" / "deep").mkdir(parents=True)
    (tmp_path / "from" / "deep" / "file").write_bytes(bytes(100_000))
    copied = tmp_path / "to" / "deep" / "file"
    with little_room(), pytest.raises(OSError, match="File too large") as caught:
        copy_folder(tmp_path / "from", tmp_path / "to")
    assert caught.value.filename == str(copied)
    copy_folder(tmp_path / "from", tmp_path / "to")
    assert copied.read_bytes() == bytes(100_000)
    with pytest.raises(FileNotFoundError) as caught:
        copy_file(tmp_path / "none", tmp_path / "to")
    assert caught.value.filename == str(tmp_path / "none")


def test_a_folder_that_is_not_there_gives_the_file_that_was_meant(tmp_path):
    path = tmp_path / "none" / "file"
    with pytest.raises(FileNotFoundError) as caught:
        write_atomically(path, "x")
    assert caught.value.filename == str(path)


def test_of_a_users_path_only_a_full_disk_is_none_of_the_input(tmp_path):
    path = tmp_path / "out.txt"
    with little_room(), pytest.raises(OSError, match="File too large"), writable(path):
        write_atomically(path, "x" * 100_000)
    path.write_text("x")
    refused = pytest.raises(UserError, match=r"file cannot be written \(Not a directory\)")
    with refused, writable(path / "file"):
        write_atomically(path / "file", "x")


def test_a_device_and_a_pipe_stay_what_they_are(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_atomically(tmp_path / "pipe", "through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    os.symlink(os.devnull, tmp_path / "nothing")
    write_atomically(tmp_path / "nothing", "away")
    assert (tmp_path / "nothing").is_symlink()
