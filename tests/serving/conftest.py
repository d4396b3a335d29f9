"""A word-piece tokenizer, a model with sharp random weights, and one export for all tests."""

import functools
import json

import numpy as np
import pytest
from made_once import made_once, shared_folder

from tfkd.data.tokenizers.wordpiece import SPECIALS, WordPiece

WORDS = [f"{a}{b}" for a in "bdgkm" for b in "aeiou"]
PIECES = [*SPECIALS, *WORDS, *[f"##{a}{b}" for a in "bdg" for b in "aei"], ",", ".", "ß", "日"]


@pytest.fixture(scope="session")
def tokenizer() -> WordPiece:
    """A tokenizer of 43 pieces."""
    return WordPiece(PIECES, lower_case=False)


@pytest.fixture(scope="session")
def build():
    """Makes a Transformer whose random weights are large, so that scores are far apart."""
    from tfkd.models import Transformer

    def make(**options):
        model = Transformer(
            len(PIECES), encoder_layers=1, decoder_layers=2, width=16, heads=2, max_length=20,
            seed=3, **options,
        )  # fmt: skip
        rng = np.random.default_rng(1)
        for weight in model.weights:
            noise = 0.5 * rng.normal(size=weight.shape)
            weight.assign(np.asarray(weight.value).astype(np.float32) + noise)
        return model

    return make


@pytest.fixture(scope="session")
def decode() -> dict:
    """Decode options."""
    return {"kind": "beam", "beam": 3, "max_length": {"factor": 1.0, "plus": 4}}


@pytest.fixture(scope="session")
def sentences() -> list[str]:
    """Lines of 0 to 12 words, with punctuation, unknown characters and a very long line."""
    rng = np.random.default_rng(0)
    lines = [" ".join(rng.choice(WORDS, n)) for n in rng.integers(1, 13, 8)]
    return [*lines, "", "Ünknown €uro, ba.", "baba dage 日 ß \ufffd\u200b", "ba, " * 3000]


@pytest.fixture(scope="session")
def exported(tmp_path_factory, build, tokenizer, sentences, decode):
    """(result of the export, float32 model) of a model in mixed precision."""
    from tfkd.serving import export_saved_model
    from tfkd.serving.graphs.full_precision import in_float32

    model, folder = build(dtype="mixed_bfloat16"), shared_folder(tmp_path_factory, "export")
    card = {
        "name": "tiny",
        "summary": "Says nothing.",
        "scores": [{"metric": "BLEU", "value": 1.0}],
        "data": {"train": "none"},
        "paper": None,
    }

    def make():
        result = export_saved_model(
            model, {"source": tokenizer, "target": tokenizer}, decode,
            folder / "runs" / "tiny", card, sentences=sentences,
        )  # fmt: skip
        (folder / "result.json").write_text(json.dumps(result), "utf-8")

    made_once(folder, make)
    return json.loads((folder / "result.json").read_text("utf-8")), in_float32(model)


@pytest.fixture(scope="module")
def loaded_once():
    """A folder's SavedModel is loaded once for a file of tests, whoever asks for it."""
    import tensorflow as tf

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf.saved_model, "load", functools.cache(tf.saved_model.load))
        yield


@pytest.fixture
def in_process(monkeypatch):
    """Runs what a fresh process would run in this one, to save its start."""
    from tfkd.serving import check, checking

    monkeypatch.setattr(checking, "run_fresh", check.answer)


@pytest.fixture(scope="session")
def loops():
    """Counts the loops that are saved in a version's graph."""
    from tensorflow.core.protobuf import saved_model_pb2

    def count(folder) -> int:
        graph = (folder / "saved_model.pb").read_bytes()
        saved = saved_model_pb2.SavedModel.FromString(graph).meta_graphs[0].graph_def
        names = [function.signature.name for function in saved.library.function]
        return sum("while" in name and "_body_" in name for name in names)

    return count
