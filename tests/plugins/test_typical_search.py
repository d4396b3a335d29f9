"""A plugin's decoding is exported where it is written twice, and refused before training else."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tfkd.data.tokenizers.wordpiece import SPECIALS, WordPiece
from tfkd.pipeline.plan.plugin_classes import refuse_exports
from tfkd.spec.errors import UserError

pytestmark = pytest.mark.tensorflow

WORDS = [f"{a}{b}" for a in "bdgkm" for b in "aeiou"]
SENTENCES = ["ba be bi", "mo", "ge ga di da du ka", ""]
DECODE = {"kind": "typical", "candidates": 4, "max_length": 8}


@pytest.fixture(scope="module", autouse=True)
def plugin(join):
    return join("typical_search")


@pytest.fixture(scope="module")
def tokenizer():
    return WordPiece([*SPECIALS, *WORDS], lower_case=False)


@pytest.fixture(scope="module")
def model(tokenizer):
    from tfkd.models import Transformer

    model = Transformer(
        tokenizer.size, encoder_layers=1, decoder_layers=1, width=8, heads=2, max_length=20, seed=3
    )
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(np.asarray(weight.value) + 0.5 * rng.normal(size=weight.shape))
    return model


@pytest.fixture(scope="module")
def exported(tmp_path_factory, model, tokenizer, plugin):
    """The result of an export, which is checked in this process."""
    from tfkd.serving import check, checking, export_saved_model

    both, folder = {"source": tokenizer, "target": tokenizer}, tmp_path_factory.mktemp("export")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checking, "run_fresh", check.answer)
        yield export_saved_model(model, both, DECODE, folder, {}, sentences=SENTENCES)


@pytest.mark.long
def test_it_is_exported_with_an_option_for_each_call(exported, model, tokenizer):
    from tfkd.decoding import Decoder, GreedySearch
    from tfkd.serving import load_saved_model

    assert exported["check"]["sentences"] == len(SENTENCES)
    assert exported["check"]["largest_difference"] < 1e-4
    own, same, one = (
        [found.text for found in load_saved_model(exported["folder"], given).translate(SENTENCES)]
        for given in (None, {"candidates": 4}, {"candidates": 1})
    )
    assert own == same != one
    greedy = Decoder(model, GreedySearch(max_length=8), tokenizer, tokenizer)
    assert one == tokenizer.decode_batch(greedy.decode(tokenizer.encode(SENTENCES)).outputs)
    card = (Path(exported["folder"]) / "README.md").read_text("utf-8")
    assert "the int32 scalar `candidates`, gives" in card


@pytest.mark.long
def test_what_it_says_twice_must_be_the_same(exported, model, tokenizer, plugin, monkeypatch):
    from tfkd.decoding import build_search
    from tfkd.decoding.numpy_decoding import numpy_greedy_search
    from tfkd.serving import self_check

    def greedy(predict, *, count, **settings):
        return numpy_greedy_search(predict, **settings)

    def checked():
        both = (tokenizer, tokenizer)
        return self_check(exported["folder"], SENTENCES, model, *both, build_search(DECODE))

    assert checked().holds
    monkeypatch.setattr(plugin, "numpy_typical", greedy)
    reasons = [one.reason for one in checked().differences]
    assert "another output, and no tie" in reasons


READY = SimpleNamespace(refuse_unready=lambda node: None)


def export_node(decode, **said):
    """An export stage as far as it is asked before a run."""
    export = SimpleNamespace(of="learn", encoders=False, reasons_against=lambda served: (), **said)
    model = SimpleNamespace(heads_needed=lambda *_: (), encoder_decoder=True)
    spec = SimpleNamespace(views={}, models={"student": model})
    trained = SimpleNamespace(options=SimpleNamespace(train="student"), spec=spec)
    options = {"decode": decode, "export": export}
    return SimpleNamespace(
        kind="export", label="learn", options=options, inputs={}, trained=trained, stage=READY
    )


def test_a_package_in_a_package_that_is_not_there_is_missing():
    node = export_node(None, packages=("json.decoder", "no_such_package.inner"), format="onnx")
    with pytest.raises(UserError, match=r"learn needs no_such_package.inner, which is not install"):
        refuse_exports([node])


def test_an_export_without_it_in_numpy_is_refused_before_training(plugin, monkeypatch):
    node = export_node(plugin.TypicalOptions(), packages=())
    others = [SimpleNamespace(kind="train", options=None, stage=READY)]
    refuse_exports([*others, node])
    monkeypatch.delattr(plugin.TypicalSearch, "numpy")
    refuse_exports(others)
    said = "export: learn is decoded by typical of a plugin, and typical_search:TypicalSearch has "
    with pytest.raises(UserError, match=f"{said}no numpy: .* Derive it from tfkd.decoding.Search"):
        refuse_exports([node])


@pytest.mark.long
def test_a_spec_that_names_it_runs_whole(whole_run):
    change = f"evaluate.1.decode={json.dumps(DECODE)}"
    run = whole_run("quickstart", "typical_search", change)
    found = json.loads((run / "results.json").read_text("utf-8"))
    assert "typical" in [one["decode"]["kind"] for one in found["exports"]]
