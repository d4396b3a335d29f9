"""JSON files with their own SHA-256."""

import json

import pytest

from tfkd.data.checksummed import read_checksummed, write_checksummed

CONTENT = {"b": 1, "a": [1.5, "ü", None], "c": {"d": (1, 2)}}


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "file.json"
    write_checksummed(made, CONTENT)
    return made


def test_what_was_written_is_read(path):
    assert read_checksummed(path) == json.loads(json.dumps(CONTENT))


def test_no_flipped_bit_changes_the_content_unseen(path):
    whole, content = path.read_bytes(), read_checksummed(path)
    for place in range(len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
            try:
                found = read_checksummed(path)
            except ValueError:
                continue
            assert found == content


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"a": 1}'])
def test_what_has_no_checksum_is_refused(path, text):
    path.write_text(text)
    with pytest.raises(ValueError):  # noqa: PT011 - the callers say which file
        read_checksummed(path)


def test_a_checksum_that_is_not_required_may_be_missing_and_not_wrong(path):
    path.write_text('{"a": 1}')
    assert read_checksummed(path, required=False) == {"a": 1}
    path.write_text('{"a": 1, "sha256": "other"}')
    with pytest.raises(ValueError, match="other bytes"):
        read_checksummed(path, required=False)


def test_paths_that_are_no_unicode_come_back(path):
    write_checksummed(path, {"data_dir": "b\udcff", "name": "ü"})
    assert read_checksummed(path) == {"data_dir": "b\udcff", "name": "ü"}
