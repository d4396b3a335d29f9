"""Exports of models that write of listed pieces: SavedModels and CTranslate2's folders."""

import numpy as np
import pytest
import tensorflow as tf

from tfkd.decoding import Decoder, Shortlist, build_search
from tfkd.serving import export_saved_model, load_saved_model
from tfkd.serving.formats.ctranslate2 import CTranslate2
from tfkd.serving.formats.format import Subject
from tfkd.serving.formats.opening import open_exported
from tfkd.spec.formats.ctranslate2 import CTranslate2Options

pytestmark = pytest.mark.tensorflow
DECODE = {"kind": "greedy", "max_length": {"factor": 1.0, "plus": 4}}


@pytest.fixture
def listed(build, tokenizer):
    """A model in mixed precision, whose lists leave most pieces out, and both tokenizers."""
    model = build(dtype="mixed_bfloat16")
    bias = model.head.own_bias.numpy()
    bias[[one for one in tokenizer.special_ids if one != tokenizer.end_id]] = -100
    bias[tokenizer.end_id] += 2  # some outputs end before their limit
    model.head.own_bias.assign(bias)  # to CTranslate2 what is forbidden has a share of the scores
    rng = np.random.default_rng(4)
    best = rng.integers(-1, tokenizer.size, (tokenizer.size, 3)).astype(np.int32)
    best[list(tokenizer.special_ids)] = -1  # as of pieces that stand in no corpus
    model.shortlist = Shortlist(best, np.array([9, 12, 40], np.int32))
    return model, {"source": tokenizer, "target": tokenizer}


def answers(model, both, lines, shortlist):
    from tfkd.serving.graphs.full_precision import in_float32

    model = in_float32(model)
    model.shortlist = shortlist
    decoder = Decoder(model, build_search(DECODE), both["source"], both["target"])
    found = decoder.decode(both["source"].encode(lines))
    return both["target"].decode_batch(found.outputs), found.scores


@pytest.mark.long
@pytest.mark.usefixtures("in_process")
def test_a_saved_model_goes_by_its_lists(tmp_path, listed, sentences):
    """Its check holds it to NumPy's search over the same lists; other outputs are the proof."""
    model, both = listed
    lines = sentences[:6]
    made = export_saved_model(
        model, both, DECODE, tmp_path / "served", {"name": "tiny"}, sentences=lines
    )
    assert made["check"]["sentences"] == 6
    assert made["more_ops"] == []
    served = load_saved_model(tmp_path / "served").translate(lines)
    expected, scores = answers(model, both, lines, model.shortlist)
    assert [one.text for one in served] == expected
    np.testing.assert_allclose([one.score for one in served], scores, atol=1e-3)
    assert expected != answers(model, both, lines, None)[0]


def test_ctranslate2_gets_the_lists_as_its_map(tmp_path, listed, sentences, tokenizer):
    pytest.importorskip("ctranslate2")
    model, both = listed
    subject = Subject(model, both, DECODE, sentences, {"name": "tiny"}, None)
    options = CTranslate2Options(of="quick", format="ctranslate2")
    made = CTranslate2().write(subject, options, tmp_path / "made")
    assert made["check"]["lines"] > 6
    table = dict(
        line.split("\t") for line in (tmp_path / "made" / "vmap.txt").read_text().splitlines()
    )
    pieces = tokenizer.vocabulary
    assert table.pop("").split() == [pieces[place] for place in (9, 12, 40)]
    for place, piece in enumerate(pieces):
        listed_here = [pieces[one] for one in model.shortlist.best[place] if one >= 0]
        assert table.get(piece, "").split() == listed_here
    engine = open_exported(tmp_path / "made")
    assert engine.about["options"]["use_vmap"] is True
    lines = [line for line in sentences if 0 < len(line) < 60]
    expected, scores = answers(model, both, lines, model.shortlist)
    found = [engine.translate([line])[0] for line in lines]
    assert [one.text for one in found] == expected
    assert expected != answers(model, both, lines, None)[0]
    for line, score in zip(lines, scores, strict=True):
        (row,) = engine.source.encode([line])
        (answer,) = engine.answers([row])
        if len(answer.pieces) < engine.limit(engine.read(row)):
            # At its limit an output's end is scored among all pieces.
            np.testing.assert_allclose(answer.score, score, atol=1e-3)


def test_a_piece_with_white_space_is_on_no_map(tmp_path):
    from tfkd.serving.formats.ctranslate2_shortlist import write_vmap

    lists = Shortlist(np.array([[0, 1], [2, -1], [1, -1]], np.int32), np.array([2, 1], np.int32))
    write_vmap(lists, ["a", "b c", "d"], ["x", "y z", "w"], tmp_path)
    assert (tmp_path / "vmap.txt").read_text() == "\tw\na\tx\n"


def test_lists_are_found_in_the_graph_as_in_numpy(tokenizer, listed):
    model, _ = listed
    rng = np.random.default_rng(6)
    ids = rng.integers(0, tokenizer.size, (5, 8)).astype(np.int32)
    valid = np.arange(8) < np.array([[8], [1], [3], [0], [5]])
    found = model.shortlist.allowed({"ids": tf.constant(ids), "valid": valid}, tokenizer).numpy()
    for row in range(5):
        expected = model.shortlist.pieces(ids[row][valid[row]], tokenizer)
        np.testing.assert_array_equal(np.flatnonzero(found[row]), expected)
