"""Mask-Predict's loop around two functions of numbers, beside the reference in NumPy."""

from types import SimpleNamespace

import numpy as np
import pytest

from tfkd.decoding.numpy_decoding import NumpyModel
from tfkd.decoding.numpy_mask_predict import numpy_mask_predict
from tfkd.serving.formats.fill_engine import FillEngine
from tfkd.serving.formats.graph import write_side
from tfkd.serving.formats.run import Run

ABOUT = {
    "limit": 12, "most": 12, "source_end": 3, "start": 2, "end": 3, "mask": 4,
    "forbidden": [0, 1, 2, 4], "iterations": 4, "passes": 4, "length_candidates": 3,
    "stop_when_stable": False, "length_penalty": 1.1, "max_length": {"factor": 1.5, "plus": 2},
}  # fmt: skip
OTHERS = [
    {}, {"passes": 5, "length_penalty": None}, {"stop_when_stable": True, "iterations": 6,
     "passes": 6}, {"length_candidates": 1, "forbidden": []}, {"length_candidates": 30, "most": 4},
]  # fmt: skip


@pytest.fixture(scope="module")
def tables(tokenizer):
    """What a model is here: vectors of words and places, and a mixture of what stands around."""
    rng, size = np.random.default_rng(3), tokenizer.size
    shapes = {"words": (size, 8), "places": (40, 8), "around": (8, 8), "out": (8, size)}
    return {name: 2 * rng.normal(size=shape) for name, shape in shapes.items()}


def states(tables, ids, valid):
    """`[rows, length, 8]`: each word beside the mean of all that are valid."""
    own = tables["words"][ids] + tables["places"][: ids.shape[1]]
    seen = (own * valid[..., None]).sum(1) / valid.sum(1)[:, None]
    return np.tanh(own + (seen @ tables["around"])[:, None])


def encoder(tables, ids, valid):
    hidden = states(tables, ids, valid).mean(1)
    lengths = (hidden @ tables["out"])[:, :20].astype(np.float32)
    return {"length_logits": lengths, "state_0": hidden}


def decoder(tables, ids, valid, places, state_0):
    hidden = states(tables, ids, valid) + state_0[:, None]
    logits = (hidden @ tables["out"]).astype(np.float32)
    return {"logits": np.take_along_axis(logits, places[..., None], 1)}


def engine(tables, tokenizer, folder, **chosen):
    said = {side: write_side(tokenizer, folder / side) for side in ("source", "target")}
    about = {**ABOUT, "tokenizers": said, "one_by_one": False, **chosen}
    takes = {"encoder": ("ids", "valid"), "decoder": ("ids", "valid", "places", "state_0")}
    asks = {"encoder": encoder, "decoder": decoder}
    runs = {
        name: Run(names, lambda given, ask=asks[name]: ask(tables, **given))
        for name, names in takes.items()
    }
    return FillEngine(folder, about, runs)


def expected(tables, tokenizer, about, ids):
    """The reference, which feeds each candidate alone, in every pass."""
    row = np.array([[*ids[: about["limit"]], about["source_end"]]])
    read = encoder(tables, row, np.ones_like(row))

    def logits(rows, first):
        places = np.tile(np.arange(rows.shape[1]), (len(rows), 1))
        found = decoder(tables, rows, np.ones_like(rows), places, read["state_0"])
        return found["logits"][:, first:]

    model = NumpyModel(row[0].tolist(), [], tokenizer, logits, lambda: read["length_logits"][0])
    search = SimpleNamespace(
        **about, choose_by="mean" if about["length_penalty"] is None else "length_penalty",
        forbid_specials=bool(about["forbidden"]),
    )  # fmt: skip
    search.passes = "one_more" if about["passes"] > about["iterations"] else "iterations"
    grown = int(about["max_length"]["factor"] * len(ids) + about["max_length"]["plus"])
    return numpy_mask_predict(model, search, limit=min(about["most"], grown))


@pytest.mark.parametrize("one_by_one", [False, True])
@pytest.mark.parametrize("chosen", OTHERS)
def test_outputs_and_scores_are_those_of_the_reference(
    tmp_path, tables, tokenizer, chosen, one_by_one
):
    made = engine(tables, tokenizer, tmp_path, one_by_one=one_by_one, **chosen)
    rng, lengths = np.random.default_rng(4), set()
    for length in [1, 2, 3, 5, 8, 11, 12, 20]:
        ids = rng.integers(5, tokenizer.size, length).tolist()
        wanted = expected(tables, tokenizer, made.about, ids)
        found = made.answer(ids)
        assert tuple(found.ids) == wanted.ids
        assert found.score == pytest.approx(wanted.score, rel=1e-6)
        lengths.add(len(found.ids))
    assert len(lengths) > 1


def test_lines_become_lines_and_an_empty_one_stays_empty(tmp_path, tables, tokenizer):
    made = engine(tables, tokenizer, tmp_path)
    lines = ["ba ki dage", "", " ", "\ud800 \0", "ba " * 3000, "[MASK]"]
    found = made.translate(lines)
    assert [one.text for one in found][1:3] == ["", ""]
    ids = made.answer(made.source.text.ids(lines[:1])[0]).ids
    assert found[0].text == made.target.text.decode([tokenizer.vocabulary[one] for one in ids])
