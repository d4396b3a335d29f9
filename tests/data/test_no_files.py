"""What lies in a file's place: named, said what it is, and never waited for."""

import os
import socket

import pytest

from tfkd.data.checksummed import read_checksummed
from tfkd.data.files import sha256_of
from tfkd.data.text.corpora import open_corpus, source_hashes
from tfkd.data.text.source_files import count_lines, file_hash, find_files
from tfkd.data.tokenizers.building import read_vocabulary
from tfkd.data.tokenizers.byte_bpe import read_byte_bpe
from tfkd.models.published.architectures import open_published
from tfkd.models.published.checkpoint import Checkpoint
from tfkd.outside.regular_files import open_once, read_regular
from tfkd.pipeline.engine.identity import vocabulary_identity
from tfkd.spec.errors import SpecErrors, UserError
from tfkd.spec.options.corpora import TextOptions
from tfkd.spec.options.tokenizers import SentencePieceOptions, WordPieceOptions
from tfkd.spec.source.yaml_reader import read_file

# What is said of each; `broken` is a file whose reading fails, as on a broken disk.
LYING = {
    "folder": "is a folder",
    "pipe": "is a pipe",
    "socket": "is a socket",
    "/dev/zero": "is a device",
    "circle": "is a link that leads back to itself",
    "dangling": "is a link to nowhere, which is not there",
}
BROKEN = r"broken.*cannot be read \(Input/output error\)"


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's name must be short
    (tmp_path / "folder").mkdir()
    os.mkfifo("pipe")
    os.symlink("circle", "circle")
    os.symlink("nowhere", "dangling")
    os.symlink("/proc/self/mem", "broken")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket")
        yield tmp_path


@pytest.mark.parametrize("name", LYING)
def test_a_corpus_of_it_says_what_it_is_and_suggests_nothing_like_it(place, name):
    with pytest.raises(UserError, match=f"`{name}`.* {LYING[name]}; ") as caught:
        open_corpus(TextOptions(text=name), place)
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize("name", LYING)
def test_specs_vocabularies_and_digests_of_it_say_so_too(place, name):
    with pytest.raises(SpecErrors, match=f"{name}: cannot be read .*{LYING[name]}"):
        read_file(name)
    for options in (WordPieceOptions(vocabulary=name), SentencePieceOptions(vocabulary=name)):
        with pytest.raises(UserError, match=rf"tokenizers\.own\.vocabulary: .*{LYING[name]}"):
            vocabulary_identity("own", options, place)
    with pytest.raises(UserError, match=f"{name}: .*{LYING[name]}"):
        read_byte_bpe(place / name, place / "folder")
    with pytest.raises(UserError, match=rf"{name} cannot be read .*{LYING[name]}"):
        read_vocabulary(place / name)
    for read in (sha256_of, read_checksummed):
        with pytest.raises(OSError, match=LYING[name]) as caught:
            read(place / name)
        assert caught.value.filename == str(place / name)


@pytest.mark.parametrize("name", LYING)
def test_so_do_published_checkpoints_and_weights(place, name):
    (place / "bert").mkdir()
    os.symlink(place / name, place / "bert" / "config.json")
    os.symlink(place / name, place / "bert" / "model.safetensors")
    what = LYING[name].replace("a link to nowhere", "a link to .*")
    folder = place / "bert"
    for read in (lambda: open_published(folder), lambda: Checkpoint(folder).tensors):
        with pytest.raises(UserError, match=f"bert.*({what}|no config.json|there is no such)"):
            read()


def test_a_file_that_the_disk_does_not_give_is_the_users_to_mend_and_named(place):
    for read in (count_lines, file_hash, read_vocabulary):
        with pytest.raises(UserError, match=BROKEN):
            read(place / "broken")
    with pytest.raises(UserError, match=BROKEN):
        list(open_corpus(TextOptions(text="broken"), place))
    with pytest.raises(UserError, match=BROKEN):
        source_hashes(TextOptions(text="broken"), place)
    with pytest.raises(SpecErrors, match=r"broken: cannot be read \(Input/output error\)"):
        read_file("broken")
    with pytest.raises(OSError, match="broken") as caught:
        read_regular("broken")
    assert caught.value.filename == "broken"


def test_a_glob_leaves_out_folders_but_no_data_in_silence(place):
    (place / "many" / "older").mkdir(parents=True)
    (place / "many" / "a.txt").write_text("x\n")
    assert find_files("many/*", place) == [place / "many" / "a.txt"]
    with pytest.raises(UserError, match=r"`many/older`.*is a folder.*`many/older/\*`"):
        find_files("many/o*", place)
    os.symlink("gone.txt", "many/b.txt")
    with pytest.raises(UserError, match=r"`many/b\.txt`.*`many/\*` matches, is a link to gone"):
        find_files("many/*", place)


def test_a_name_that_no_file_can_have_is_the_users_to_mend(place):
    with pytest.raises(UserError, match="File name too long"):
        find_files("x" * 300, place)


@pytest.mark.parametrize("name", ["pipe", "circle", "/dev/zero"])
def test_a_data_folder_that_is_none_says_what_it_is(place, name):
    with pytest.raises(UserError, match=f"The data folder .*{LYING[name]}.*--data-dir"):
        find_files("a.txt", place / name)


def test_what_is_read_once_may_come_through_a_pipe_and_must_end(place):
    reader, writer = os.pipe()
    os.write(writer, b"line\n")
    os.close(writer)
    with open_once(f"/dev/fd/{reader}") as file:
        assert file.read() == b"line\n"
    os.close(reader)
    with open_once(os.devnull) as file:
        assert file.read() == b""
    for name in ("/dev/zero", "folder", "socket", "circle"):
        with pytest.raises(OSError, match=LYING[name]):
            open_once(name)


def test_text_in_utf_16_is_named(tmp_path):
    (tmp_path / "a.txt").write_bytes("one\ntwo\n".encode("utf-16"))
    with pytest.raises(UserError, match=r"a\.txt:1: the file is UTF-16; save it as UTF-8"):
        list(open_corpus(TextOptions(text="a.txt"), tmp_path))
