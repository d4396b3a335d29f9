"""A plugin's decoding is exported where it is written twice, and refused before training else."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tfkd.data.tokenizers.wordpiece import SPECIALS, WordPiece
from tfkd.pipeline.plugin_classes import refuse_exports
from tfkd.spec.errors import UserError

WORDS = [f"{a}{b}" for a in "bdgkm" for b in "aeiou"]
SENTENCES = ["ba be bi", "mo", "ge ga di da du ka", ""]
DECODE = {"kind": "typical", "candidates": 4, "max_length": 8}


@pytest.fixture(autouse=True)
def plugin(join):
    return join("typical_search")


@pytest.fixture
def exported(monkeypatch, tmp_path):
    """Exports a random model that is decoded so; returns what loads it again."""
    from tfkd.models import Transformer
    from tfkd.serving import check, checking, export_saved_model, load_saved_model

    monkeypatch.setattr(checking, "run_fresh", check.answer)
    tokenizer = WordPiece([*SPECIALS, *WORDS], lower_case=False)
    model = Transformer(
        tokenizer.size, encoder_layers=1, decoder_layers=1, width=8, heads=2, max_length=20, seed=3
    )
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(np.asarray(weight.value) + 0.5 * rng.normal(size=weight.shape))
    both = {"source": tokenizer, "target": tokenizer}

    def export():
        result = export_saved_model(model, both, DECODE, tmp_path, {}, sentences=SENTENCES)
        return result, lambda **given: load_saved_model(tmp_path, given or None), model, tokenizer

    return export


def test_it_is_exported_with_an_option_for_each_call(exported):
    from tfkd.decoding import Decoder, GreedySearch

    result, load, model, tokenizer = exported()
    assert result["check"]["sentences"] == len(SENTENCES)
    assert result["check"]["largest_difference"] < 1e-4
    own = [one.text for one in load().translate(SENTENCES)]
    assert own == [one.text for one in load(candidates=4).translate(SENTENCES)]
    one = [found.text for found in load(candidates=1).translate(SENTENCES)]
    greedy = Decoder(model, GreedySearch(max_length=8), tokenizer, tokenizer)
    assert one == tokenizer.decode_batch(greedy.decode(tokenizer.encode(SENTENCES)).outputs)
    assert one != own
    card = (Path(result["folder"]) / "README.md").read_text("utf-8")
    assert "the int32 scalar `candidates`, gives" in card


def test_what_it_says_twice_must_be_the_same(exported, plugin, monkeypatch):
    from tfkd.decoding.plain_decoding import plain_greedy_search
    from tfkd.serving import ExportRefusedError

    monkeypatch.setattr(
        plugin, "plain_typical", lambda *a, count, **k: plain_greedy_search(*a, **k)
    )
    with pytest.raises(ExportRefusedError, match="another output, and no tie"):
        exported()


def test_an_export_without_plain_code_is_refused_before_training(plugin, monkeypatch):
    node = SimpleNamespace(
        kind="export", label="learn", options={"decode": plugin.TypicalOptions()}
    )
    others = [SimpleNamespace(kind="train", options=None)]
    refuse_exports([*others, node])
    monkeypatch.delattr(plugin.TypicalSearch, "plain")
    refuse_exports(others)
    said = "export: learn is decoded by typical of a plugin, and typical_search:TypicalSearch has "
    with pytest.raises(UserError, match=f"{said}no plain: .* Derive it from tfkd.decoding.Search"):
        refuse_exports([node])


@pytest.mark.long
def test_a_spec_that_names_it_runs_whole(whole_run):
    change = f"evaluate.1.decode={json.dumps(DECODE)}"
    run = whole_run("quickstart", "typical_search", change)
    found = json.loads((run / "results.json").read_text("utf-8"))
    assert "typical" in [one["decode"]["kind"] for one in found["exports"]]
