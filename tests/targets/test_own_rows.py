"""A store that a program of the user's own writes: its rows, its pieces, and what it may not be."""

import hashlib
import re

import numpy as np
import pytest

from tfkd.spec.errors import UserError
from tfkd.targets import SoftTargetStore, StoreWriter
from tfkd.targets.own_rows import (
    PIECES,
    ROWS,
    fault_in_rows,
    read_pieces,
    read_rows,
    row_hashes,
)

TEXTS = [("ein hund", "a dog"), ("zwei", "two"), ("drei", "three")]
PIECES_OF = ["[PAD]", "a", "dog", "two", "three", "</s>"]
IDS = np.array([[1, 2], [2, 1], [5, 0], [3, 4], [5, 0]])
SAID = np.log([[0.6, 0.3], [0.5, 0.5], [0.9, 0.1], [0.7, 0.1], [1.0, 1e-9]])


def write(folder, **given):
    writer = StoreWriter.for_rows(folder, TEXTS, top_k=2, pieces=PIECES_OF, **given)
    writer.write(1, [3], IDS[:3], SAID[:3])
    writer.write(3, [2, 0], IDS[3:], SAID[3:])
    return writer.finish()


def test_a_store_says_which_rows_and_pieces_it_is_of(tmp_path):
    store = write(tmp_path)
    header = store.manifest.header
    texts = ["\t".join(row).encode() for row in TEXTS]
    expected = [hashlib.blake2b(one, digest_size=8).digest() for one in texts]
    assert (tmp_path / ROWS).read_bytes() == b"".join(expected)
    assert header.corpus == f"rows:{hashlib.sha256(b''.join(expected)).hexdigest()}"
    assert (header.examples, header.top_k, header.vocabulary_size) == (3, 2, 6)
    assert read_pieces(tmp_path, header.vocabulary) == PIECES_OF
    np.testing.assert_array_equal(read_rows(tmp_path, header.corpus), row_hashes(TEXTS))
    found = SoftTargetStore(tmp_path).take(np.arange(3), 3)
    np.testing.assert_array_equal(found["present"].sum(1), [3, 2, 0])
    np.testing.assert_array_equal(found["ids"][0], IDS[:3])
    parts = list(store.shards())
    assert [(first, last) for first, last, *_ in parts] == [(0, 1), (1, 3)]
    np.testing.assert_array_equal(np.concatenate([ids for *_, ids, _ in parts]), IDS)
    said = np.concatenate([one for *_, one in parts]).astype(float)
    np.testing.assert_allclose(np.exp(said), np.exp(SAID), atol=1e-3)


def test_a_program_that_was_stopped_goes_on(tmp_path):
    whole = write(tmp_path / "whole")
    writer = StoreWriter.for_rows(tmp_path / "cut", TEXTS, top_k=2, pieces=PIECES_OF)
    writer.write(1, [3], IDS[:3], SAID[:3])
    again = StoreWriter.for_rows(tmp_path / "cut", TEXTS, top_k=2, pieces=PIECES_OF)
    assert again.next_example == 1
    again.write(3, [2, 0], IDS[3:], SAID[3:])
    assert again.finish().manifest == whole.manifest
    with pytest.raises(UserError, match="holds soft targets with another corpus"):
        StoreWriter.for_rows(tmp_path / "cut", TEXTS[:2], top_k=2, pieces=PIECES_OF)


def test_a_vocabulary_by_its_fingerprint(tmp_path):
    writer = StoreWriter.for_rows(
        tmp_path, ["a", "b"], top_k=2, vocabulary="0123", vocabulary_size=70_000
    )
    assert writer.manifest.header.vocabulary == "0123"
    assert read_pieces(tmp_path, "0123") is None
    assert not (tmp_path / PIECES).exists()
    with pytest.raises(ValueError, match="Expected the pieces; or `vocabulary`"):
        StoreWriter.for_rows(tmp_path, ["a"], top_k=2, vocabulary="0123")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"top_k": 0}, "`top_k`. Expected 1 to 6, the number of pieces. Received: 0"),
        ({"top_k": 7}, "Received: 7"),
        ({"pieces": [*"abca"]}, "`pieces`. Expected each once. Received: 'a' a second time at 3"),
        ({"rows": ["a", "b\ud800"]}, "Row 2: half a character"),
    ],
)
def test_a_store_of_no_such_rows_or_pieces_is_not_begun(tmp_path, given, told):
    given = {"rows": TEXTS, "top_k": 2, "pieces": PIECES_OF} | given
    with pytest.raises(ValueError, match=re.escape(told)):
        StoreWriter.for_rows(tmp_path / "none", given.pop("rows"), **given)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"ids": IDS[:3] + 0.9}, "`ids`. Expected whole numbers. Received: float64"),
        ({"ids": IDS[:3] > 1}, "`ids`. Expected whole numbers. Received: bool"),
        ({"counts": [2.5]}, "`counts`. Expected whole numbers of 0 or more"),
        ({"counts": [-1]}, "`counts`. Expected whole numbers of 0 or more"),
        ({"log_probabilities": SAID[:3, 0]}, "the shape of `log_probabilities`"),
    ],
)
def test_other_things_than_ids_and_counts_are_refused(tmp_path, given, told):
    writer = StoreWriter.for_rows(tmp_path, TEXTS, top_k=2, pieces=PIECES_OF)
    given = {"counts": [3], "ids": IDS[:3], "log_probabilities": SAID[:3]} | given
    with pytest.raises(ValueError, match=re.escape(told)):
        writer.write(1, **given)


def test_rows_are_told_apart_by_all_their_fields_and_ids():
    given = [("a", "b"), ("a b",), "a\tb", ("b", "a"), np.array([1, 2]), np.array([2, 1])]
    found = row_hashes(given)
    assert found[0] == found[2]  # a text with a tab is none of a corpus's
    assert len(set(found.tolist())) == 5


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda ids, said: said.__setitem__((3, 0), np.nan), "row 2 of the corpus, position 1: "
         "the log-probability nan; expected a number of 0 or less"),
        (lambda ids, said: said.__setitem__((3, 0), 0.5), "position 1: the log-probability 0.5"),
        (lambda ids, said: ids.__setitem__((4, 1), 6), "row 2 of the corpus, position 2: the id 6; "
         "expected 0 to 5"),
        (lambda ids, said: ids.__setitem__((4, 1), 5), "the id 5 stands there twice"),
        (lambda ids, said: said.__setitem__(4, np.log([0.8, 0.3])), "its probabilities add up to "
         "1.1; expected 1 at the most, give or take 0.01"),
        (lambda ids, said: said.__setitem__(4, [-np.inf, -1e9]), "position 2: none of its 2 ids "
         "has any probability; expected some, or a count of 0"),
        (lambda ids, said: said.__setitem__((3, 0), 0.005), "the log-probability 0.005"),
    ],
)  # fmt: skip
def test_what_is_no_distribution_is_refused_by_row_and_position(tmp_path, change, told):
    ids, said = IDS.copy(), SAID.copy()
    change(ids, said)
    writer = StoreWriter.for_rows(tmp_path, TEXTS, top_k=2, pieces=PIECES_OF)
    writer.write(1, [3], ids[:3], said[:3])
    with pytest.raises(ValueError, match="Row 2 of the corpus, position") as error:
        writer.write(3, [2, 0], ids[3:], said[3:])
    assert told.lower() in str(error.value).lower()
    assert writer.next_example == 1  # nothing of it was written


def test_distributions_of_any_mass_up_to_one_are_right():
    counts = np.array([0, 2, 0, 3])
    assert fault_in_rows(IDS, SAID, counts, 6) is None
    said = SAID.copy()
    said[2, 1] = -np.inf
    assert fault_in_rows(IDS, said, counts, 6) is None
    # Of all ids, or classes, nothing is left for others.
    ids, few = np.array([[1, 0]]), np.log([[0.4, 0.4]])
    assert fault_in_rows(ids, few, np.ones(1, int), 3) is None
    where, told = fault_in_rows(ids, few, np.ones(1, int), 2)
    assert (where, told) == (0, "position 1: its probabilities add up to 0.8; expected 1, give or "
                                "take 0.01")  # fmt: skip
    assert fault_in_rows(IDS, SAID, counts, 5)[0] == 3  # the third position is the last example's


@pytest.mark.parametrize("name", [ROWS, PIECES])
def test_other_bytes_are_refused(tmp_path, name):
    header = write(tmp_path).manifest.header
    path = tmp_path / name

    def read():
        return read_rows(tmp_path, header.corpus), read_pieces(tmp_path, header.vocabulary)

    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(UserError, match="not the file that the manifest names"):
        read()
    path.unlink()
    with pytest.raises(UserError, match="cannot be read"):
        read()
