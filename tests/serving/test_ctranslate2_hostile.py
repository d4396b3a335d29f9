"""Ten thousand strings that nobody would write, through exports to CTranslate2."""

import sys
from pathlib import Path

import numpy as np
import pytest

from tfkd.decoding import Decoder, build_search
from tfkd.models import Transformer
from tfkd.serving.formats.ctranslate2 import CTranslate2
from tfkd.serving.formats.format import Subject
from tfkd.serving.formats.opening import open_exported
from tfkd.spec.formats.ctranslate2 import CTranslate2Options

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
from hostile_lines import TEXT, hostile_strings
from small_tokenizers import tokenizer_of

pytestmark = [pytest.mark.tensorflow, pytest.mark.long]
pytest.importorskip("ctranslate2")

DECODE = {"kind": "beam", "beam": 2, "n_best": 2, "length_penalty": 0.0, "max_length": 5}
CHUNK = 1000
# What two outputs' scores differ by, in nats, where no rounding makes one of the other.
CLEAR = 1e-2


@pytest.mark.parametrize("kind", ["wordpiece", "sentencepiece", "byte_bpe"])
def test_each_has_an_answer_and_the_model_s_where_that_is_clear(tmp_path, kind):
    tokenizer = tokenizer_of(kind)
    lead = None if kind == "wordpiece" else int(tokenizer.encode(["a"]).values[-1])
    model = Transformer(
        tokenizer.size, encoder_layers=1, decoder_layers=1, width=16, heads=2, max_length=48,
        seed=3, source_lead=lead,
    )  # fmt: skip
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(weight.numpy() + 0.5 * rng.normal(size=weight.shape))
    bias = model.head.own_bias.numpy()
    bias[[one for one in tokenizer.special_ids if one != tokenizer.end_id]] = -100
    model.head.own_bias.assign(bias)  # what is never written has no share of the scores
    both = {"source": tokenizer, "target": tokenizer}
    made = Subject(model, both, DECODE, TEXT, {"name": "tiny"}, None)
    options = CTranslate2Options(of="learn", format="ctranslate2")
    CTranslate2().write(made, options, tmp_path / "a")
    engine, strings = open_exported(tmp_path / "a"), hostile_strings()
    decoder = Decoder(model, build_search(DECODE), tokenizer, tokenizer)
    alike = clear = 0
    for first in range(0, len(strings), CHUNK):
        lines = strings[first : first + CHUNK]
        answers = engine.translate(lines)
        assert len(answers) == len(lines)
        assert np.isfinite([one.score for one in answers]).all()
        # Half a pair is no character: each library writes a question mark.
        ids = tokenizer.encode([one.encode("utf-8", "replace").decode("utf-8") for one in lines])
        read = [tokenizer.pieces(row) for row in ids]
        same = [
            ours == theirs for ours, theirs in zip(read, engine.source.encode(lines), strict=True)
        ]
        decoded = decoder.decode(ids)
        expected = tokenizer.decode_batch(decoded.outputs)
        margins = decoded.n_best_scores[:, 0] - decoded.n_best_scores[:, 1]
        for line, one, text, margin, known in zip(
            lines, answers, expected, margins, same, strict=True
        ):
            alike += known
            if known and margin > CLEAR:
                clear += 1
                assert one.text == text, line[:200]
    assert len(strings) == 10_000
    assert alike >= 0.98 * len(strings)
    assert clear >= 0.7 * len(strings)
