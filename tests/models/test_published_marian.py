"""Translators of ours as Marian's folders: written, and read again."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tfkd.data.tokenizers.published_pieces import as_marian, read_published_pieces
from tfkd.data.tokenizers.sentence_piece import SentencePiece, learn_sentencepiece
from tfkd.models import Transformer, build_model, save_published_marian, variables_by_path
from tfkd.models.published.architectures import open_published
from tfkd.models.published.loading import load_model
from tfkd.spec.errors import UserError
from tfkd.spec.options.models.transformer import TransformerOptions

LINES = ["ein Hund und zwei Katzen", "a dog and two cats", "Straße, Café: 42 %", "[MASK] </ s>"]
MARIAN = {"norm_epsilon": 1e-5, "activation": "silu"}


@pytest.fixture(scope="module")
def pieces():
    return SentencePiece(learn_sentencepiece(LINES * 20, 70))


def translator(size, **options):
    model = Transformer(
        size, encoder_layers=2, decoder_layers=1, width=8, heads=2, **{**MARIAN, **options}
    )
    draw = np.random.default_rng(3)
    for variable in model.weights:
        variable.assign(variable.value.numpy() + 0.3 * draw.normal(size=variable.shape))
    return model


def logits(model, tokenizers, source, target):
    read, wrote = (tokenizers[side] for side in ("source", "target"))
    ids = [*read.encode([source]).row(0), read.end_id]
    before = [wrote.start_id, *wrote.encode([target]).row(0)]
    record = {
        "source": {"ids": tf.constant([ids], tf.int32)},
        "target": {"ids": tf.constant([before], tf.int32)},
    }
    return model.head.logits(model(record)["hidden"]).numpy()[0]


def test_a_translator_comes_back_from_its_folder(tmp_path, pieces):
    model = translator(pieces.size)
    save_published_marian(model, tmp_path, {"source": pieces, "target": pieces})
    again = load_model(open_published(tmp_path), ())
    sides = {side: read_published_pieces(tmp_path, side) for side in ("source", "target")}
    # Of what stands for no text the end, the unknown piece and the start are left.
    names = [sides["source"].vocabulary.index(name) for name in pieces.vocabulary[5:]]
    ours = [*range(5, pieces.size), pieces.end_id, pieces.unknown_id, pieces.start_id]
    theirs = [*names, sides["target"].end_id, sides["target"].unknown_id, sides["target"].start_id]
    assert sides["target"].size == len(theirs) == pieces.size - 2
    place = dict(zip(ours, theirs, strict=True))
    for line in (*LINES, "", "ein Hünd ☃"):
        expected = [place[one] for one in pieces.encode([line]).row(0).tolist()]
        assert sides["source"].encode([line]).row(0).tolist() == expected
        assert sides["target"].decode(expected) == pieces.decode(pieces.encode([line]).row(0))
        found = logits(again, sides, line, LINES[1])[:, theirs]
        wanted = logits(model, {"source": pieces, "target": pieces}, line, LINES[1])[:, ours]
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_what_was_read_is_written_as_it_was(tmp_path, pieces):
    one, other = tmp_path / "one", tmp_path / "other"
    save_published_marian(translator(pieces.size), one, {"source": pieces, "target": pieces})
    sides = {side: read_published_pieces(one, side) for side in ("source", "target")}
    model = load_model(open_published(one), ())
    save_published_marian(model, other, sides)
    for name in ("config.json", "vocab.json", "generation_config.json"):
        assert json.loads((one / name).read_text()) == json.loads((other / name).read_text())
    again = variables_by_path(load_model(open_published(other), ()))
    for path, variable in variables_by_path(model).items():
        np.testing.assert_array_equal(variable.value, again[path].value, err_msg=path)
    line = LINES[0]
    ids = [read_published_pieces(folder, "source").encode([line]).row(0) for folder in (one, other)]
    assert ids[0].tolist() == ids[1].tolist()


def test_pieces_in_front_are_named_as_the_tokenizer_has_them(pieces):
    piece, sizes = pieces.vocabulary[9], {"encoder_layers": 1, "decoder_layers": 1, "heads": 2}
    options = TransformerOptions(tokenizer="one", width=8, source_lead=piece, **sizes)
    model = build_model(options, {"one": pieces}, policy="float32", seed=1)
    assert model.leads == {"encoder": 9}
    other = options.model_copy(update={"source_lead": ">>fra<<"})
    with pytest.raises(UserError, match=r"tokenizers\.one has no piece"):
        build_model(other, {"one": pieces}, policy="float32", seed=1)


def test_a_learnt_tokenizer_may_have_the_ids_of_a_marian(tmp_path, pieces):
    learnt = as_marian(pieces.model)
    save_published_marian(translator(learnt.size), tmp_path, {"source": learnt, "target": learnt})
    read = read_published_pieces(tmp_path, "source")
    assert read.vocabulary == learnt.vocabulary
    for line in LINES:
        ids = learnt.encode([line]).row(0).tolist()
        assert read.encode([line]).row(0).tolist() == ids
        assert learnt.decode(ids) == pieces.decode(pieces.encode([line]).row(0))
    (tmp_path / "saved").mkdir()
    learnt.save(tmp_path / "saved")
    assert SentencePiece.load(tmp_path / "saved").fingerprint() == learnt.fingerprint()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"norm": "pre"}, "Expected norm='post'"),
        ({"norm_epsilon": 1e-6}, "Expected norm_epsilon=1e-05"),
        ({"share_embeddings": "target"}, "share_embeddings='all'"),
    ],
)
def test_what_the_format_cannot_say_is_refused(tmp_path, pieces, options, said):
    with pytest.raises(ValueError, match=said):
        save_published_marian(
            translator(pieces.size, **options),
            tmp_path / "no",
            {"source": pieces, "target": pieces},
        )
    assert not (tmp_path / "no").exists()


def test_tokenizers_that_the_format_has_no_place_for_are_refused(tmp_path, pieces):
    lower = SentencePiece(pieces.model, lower_case=True)
    other = SentencePiece(learn_sentencepiece(LINES[:2] * 20, 60))
    for one, two in ((lower, lower), (pieces, other)):
        with pytest.raises(ValueError, match="learnt from both sides"):
            save_published_marian(translator(pieces.size), tmp_path, {"source": one, "target": two})
