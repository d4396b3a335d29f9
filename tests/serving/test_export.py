"""An export from strings to strings: layout, answers, card, and refusals."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfkd.decoding import BeamSearch, Decoder, build_search
from tfkd.serving import ExportRefusedError, export_saved_model, load_saved_model, self_check
from tfkd.serving import export as export_module
from tfkd.serving.check_result import CheckResult
from tfkd.serving.checking import Difference
from tfkd.serving.graphs.full_precision import in_float32
from tfkd.serving.graphs.served_model import ServedModel
from tfkd.spec.errors import UserError

pytestmark = pytest.mark.usefixtures("loaded_once")


@pytest.fixture(scope="module")
def translator(exported):
    return load_saved_model(Path(exported[0]["folder"]).parent)


def test_the_layout_is_tensorflow_serving_s_and_the_check_held(exported, sentences, loops):
    result, model = exported
    folder = Path(result["folder"])
    assert folder.name == "1"
    assert [path.name for path in folder.parent.iterdir()] == ["1"]
    graph = (folder / "saved_model.pb").read_bytes()
    assert b"_gradient_op_type" not in graph, "functions of gradients that nobody asks for"
    assert loops(folder) == 1, "a search of its own for each signature"
    assert result["bytes"] == sum(
        path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and not path.is_relative_to(folder / "ids")
    )
    assert result["parameters"] == model.count_params()
    assert result["check"]["sentences"] == len(set(sentences))
    assert result["check"]["largest_difference"] < 1e-4


def test_lines_come_back_in_order_as_the_decoder_has_them(
    exported, translator, tokenizer, sentences, decode
):
    decoder = Decoder(exported[1], build_search(decode), tokenizer, tokenizer)
    lines = [*sentences[:-1], *sentences[:3][::-1]] * 12
    expected = decoder.decode(tokenizer.encode(lines))
    found = translator.translate(lines)
    assert [each.text for each in found] == tokenizer.decode_batch(expected.outputs)
    np.testing.assert_allclose([each.score for each in found], expected.scores, atol=1e-4)
    assert len({each.text for each in found}) > 5
    assert translator.translate([]) == []


def test_hard_lines_have_answers(translator):
    lines = ["", " \t ", "\ufffd", "ba " * 20000, "x" * 5000, "\x00ba", "\ud800", "日" * 200]
    found = translator.translate(lines)
    assert [each.text for each in found[:3]] == ["", "", ""]
    assert all(np.isfinite(each.score) for each in found)
    assert translator.translate(["ba " * 19])[0].text == found[3].text


def test_bytes_that_are_not_utf8_and_no_rows_are_no_errors(translator):
    signature = translator.signatures["serving_default"]
    assert np.isfinite(signature(text=[b"\xff\xfe ba"])["scores"]).all()
    assert signature(text=[])["outputs"].shape == (0,)


def test_the_ids_signature_gives_the_ids_of_the_text(translator, tokenizer, sentences):
    signature = translator.signatures["ids"]
    rows = tokenizer.encode(sentences[:9])
    answer = signature(source_ids=rows.dense(int(rows.lengths.max()), 0))
    texts = [
        tokenizer.decode(row[:length])
        for row, length in zip(answer["output_ids"], answer["output_lengths"], strict=True)
    ]
    served = translator.translate(sentences[:9])
    assert texts == [each.text for each in served]
    np.testing.assert_allclose(answer["scores"], [each.score for each in served], atol=1e-4)


def test_the_card_says_what_it_is_and_how_to_call_it(exported, sentences):
    card = (Path(exported[0]["folder"]) / "README.md").read_text("utf-8")
    for text in (
        "# tiny\n\nSays nothing.",
        "serving_default",
        "| metric | value |\n| --- | --- |\n| BLEU | 1 |",
        "## Data\n\n- train: none",
        f"answered {len(set(sentences))} sentences",
        "more than 19 tokens",
    ):
        assert text in card
    assert "Paper" not in card
    code = re.search(r"```python\n(.*?)```", card, re.S)[1]
    code = code.replace('load("1")', f"load({exported[0]['folder']!r})")
    exec(compile(code, "README.md", "exec"), {"print": print})


def test_a_model_with_other_weights_is_found_out(
    exported, tokenizer, sentences, build, decode, in_process
):
    result, _ = exported
    other = build()
    for weight in other.decoder.weights:
        weight.assign(weight + 0.02)
    check = self_check(
        result["folder"], sentences[:3], other, tokenizer, tokenizer, build_search(decode)
    )
    assert not check.holds
    assert [each.sentence for each in check.differences] == sentences[:3]
    assert sentences[0] in str(check.differences[0])


def test_what_is_refused_leaves_nothing_and_the_old_version_stays(
    exported, tokenizer, build, decode, monkeypatch
):
    folder = Path(exported[0]["folder"])
    before = (folder / "saved_model.pb").read_bytes()
    found = CheckResult(2, 0, 0.5, [], [Difference("ein Satz", "other", "served", -1, "own", -2)])

    class Graph(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([], tf.float32)], autograph=False)
        def serve(self, x):
            return tf.py_function(lambda y: y, [x], tf.float32) if self.python else x

        def __init__(self, *_):
            super().__init__()
            self.weights, self.python = [], False

        def signatures(self):
            return {"serving_default": self.serve.get_concrete_function()}

    monkeypatch.setattr(export_module, "ServedModel", Graph)
    arguments = [build(), {"source": tokenizer, "target": tokenizer}, decode, folder.parent, {}]
    none = CheckResult(0, 0, 0, ["x"])
    differs = r"to 2 sentences are not .*1 answers differ.*\n.*'ein Satz': other\n.*'served'"
    for check, message in ((found, differs), (none, r"no sentence.*\(1 were left out")):
        monkeypatch.setattr(export_module, "self_check", lambda *_, check=check: check)
        with pytest.raises(ExportRefusedError, match=message):
            export_saved_model(*arguments, sentences=["a"])

    def fails(*_):
        raise RuntimeError("does not load")

    monkeypatch.setattr(export_module, "self_check", fails)
    with pytest.raises(ExportRefusedError, match="does not load"):
        export_saved_model(*arguments, sentences=["a"])
    monkeypatch.setattr(Graph, "__init__", lambda self, *_: setattr(self, "python", True))
    monkeypatch.setattr(Graph, "weights", [], raising=False)
    with pytest.raises(ExportRefusedError, match="EagerPyFunc"):
        export_saved_model(*arguments, sentences=["a"])
    assert [path.name for path in folder.parent.iterdir()] == ["1"]
    assert (folder / "saved_model.pb").read_bytes() == before


@pytest.mark.long
def test_draws_are_exported_too(tmp_path, tokenizer, build, sentences, in_process):
    model, sides = build(), {"source": tokenizer, "target": tokenizer}
    (bias,) = (one for one in model.weights if one.path.endswith("head/bias"))
    likely_end = np.asarray(bias) + 6 * (np.arange(bias.shape[0]) == 3)  # [SEP]
    bias.assign(likely_end)
    free = {"kind": "sample", "top_p": 0.9, "max_length": 6, "seed": 5}
    decode = {**free, "min_length": 5}
    result = export_saved_model(
        model, sides, decode, tmp_path, {}, sentences=sentences[:8], version=3
    )
    assert result["folder"] == str(tmp_path / "3")
    assert result["check"]["largest_difference"] < 1e-4
    own, same, other = (
        [found.text for found in load_saved_model(tmp_path, given).translate(sentences[:8])]
        for given in (None, {"seed": 5}, {"seed": 6})
    )
    assert own == same != other
    # Nothing is shorter than asked, though the model would end before.
    rows = tokenizer.encode(sentences[:8])
    served = load_saved_model(tmp_path).signatures["ids"]
    answer = served(source_ids=rows.dense(int(rows.lengths.max()), 0))
    assert {*answer["output_lengths"].tolist()} <= {5, 6}
    found = Decoder(model, build_search(free), tokenizer, tokenizer).decode(rows).outputs
    assert min(found.lengths) < 5


@pytest.mark.long
def test_a_search_with_a_constructor_of_its_own_is_served(tokenizer, build):
    class Pair(BeamSearch):
        def __init__(self):
            super().__init__(beam=2)

    served = ServedModel(build(), tokenizer, tokenizer, Pair())
    assert served.signatures()["ids"](tf.constant([[5, 6]]))["output_ids"].shape[0] == 1


def test_weights_in_mixed_precision_become_float32(build):
    for policy in ("mixed_bfloat16", "bfloat16"):
        mixed = build(dtype=policy)
        twin = in_float32(mixed)
        assert twin.compute_dtype == twin.head.compute_dtype == "float32"
        assert twin.decoder.blocks[0].self_attention.query_key_value.compute_dtype == "float32"
        for weight, source in zip(twin.weights, mixed.weights, strict=True):
            assert weight.dtype == "float32"
            np.testing.assert_array_equal(weight, np.asarray(source).astype(np.float32))
        assert in_float32(twin) is twin


def test_folders_without_a_model_are_named(tmp_path):
    with pytest.raises(UserError, match=r"no SavedModel here.*tfkd export"):
        load_saved_model(tmp_path)
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"nonsense")
    with pytest.raises(UserError, match="not a SavedModel of tfkd"):
        load_saved_model(tmp_path)


def test_results_of_checks_are_values():
    assert CheckResult(1, 0, 0.0).holds
    assert not dataclasses.replace(CheckResult(1, 0, 0.0), rows=0).holds
