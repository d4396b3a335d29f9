"""Teacher checks of models that write from left to right: what may stand beside them."""

import pytest

from tfkd.spec import load_spec
from tfkd.spec.errors import SpecErrors

SPEC = """\
tfkd: 1
name: checks
data: {train: {parallel: [a.en, a.de]}, text: {text: a.txt}}
tokenizers:
  bytes: {kind: byte_bpe, size: 300, learn_from: text}
  other: {kind: byte_bpe, size: 400, learn_from: text}
  pieces: {learn_from: [train, text], size: 300}
teacher:
  gpt: {kind: gpt2, layers: 2, width: 8, heads: 2, max_length: 64, tokenizer: bytes}
  mass:
    {kind: transformer, encoder_layers: 2, decoder_layers: 2, width: 8, heads: 2, tokenizer: pieces}
  bert: {kind: bert, layers: 1, width: 8, heads: 2, max_length: 128, tokenizer: pieces}
student:
  gpt: {kind: gpt2, layers: 1, width: 8, heads: 2, max_length: 64, tokenizer: bytes}
  mass:
    {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2, tokenizer: pieces}
  fills:
    kind: transformer
    encoder_layers: 1
    decoder_layers: 1
    width: 8
    heads: 2
    decoder_attention: full
    tokenizer: pieces
views:
  segment: {kind: mass}
  other: {kind: mass, share: 0.3}
  mlm: {kind: mlm, max_length: 128}
  count: {source: {kind: one_span, p: 0.1}, target: {kind: uniform_count}}
stages:
  loaded: {load: folder, into: teacher.gpt}
  gpt: {train: teacher.gpt, data: text, steps: 1, objective: {causal_lm: {}}}
  small: {train: student.gpt, data: text, steps: 1, objective: {causal_lm: {}}}
  mass: {train: teacher.mass, data: text, steps: 1, objective: {cross_entropy: {view: segment}}}
  less: {train: student.mass, data: text, steps: 1, objective: {cross_entropy: {view: segment}}}
  tuned: {train: teacher.mass, from: mass, data: train, steps: 1, objective: {cross_entropy: {}}}
  plain: {train: student.mass, data: train, steps: 1, objective: {cross_entropy: {}}}
  words: {train: teacher.bert, data: text, steps: 1, objective: {masked_lm: {view: mlm}}}
  filled:
    train: student.fills
    data: train
    steps: 1
    objective: {masked_lm: {view: count}, length: {view: count}}
evaluate:
"""


def load(folder, check, *overrides):
    path = folder / "spec.yaml"
    path.write_text(f"{SPEC}  - {{{check}, metrics: teacher_check}}\n", "utf-8")
    return load_spec(path, overrides=overrides)


@pytest.mark.parametrize(
    "check",
    [
        "of: gpt, on: text",
        "of: gpt, on: [text, train], against: small",
        "of: loaded, on: text",
        "of: loaded, on: text, against: small",
        "of: mass, on: [text, train]",
        "of: mass, on: text, against: less",
        "of: tuned, on: train, against: plain",
        "of: words, on: text",
    ],
)
def test_what_fits_is_valid(tmp_path, check):
    load(tmp_path, check)


@pytest.mark.parametrize(
    ("check", "overrides", "part"),
    [
        ("of: gpt, on: text, against: mass", (), "against: mass has a transformer"),
        ("of: mass, on: text, against: words", (), "against: words has a bert"),
        ("of: mass, on: text, against: filled", (), "against: filled has a transformer"),
        (
            "of: gpt, on: text, against: small", ("student.gpt.max_length=32",),
            "small is measured in other views of a text than gpt",
        ),
        (
            "of: gpt, on: text, against: small", ("student.gpt.tokenizer=other",),
            "gpt predicts the pieces of bytes, small those of other",
        ),
        (
            "of: gpt, on: text, against: small",
            ("stages.small.data=[{of: text, pack: {length: 64, separator: newline}}]",),
            "small has read documents with newlines between them, gpt with ends of texts",
        ),
        (
            "of: mass, on: text, against: less",
            ("stages.less.objective={cross_entropy: {view: other}}",),
            "less is measured in other views",
        ),
        ("of: mass, on: text, against: plain", (), "plain is measured in other views"),
        ("of: tuned, on: train", (), "nothing stands beside it; expected against: STAGE"),
        ("of: tuned, on: text, against: plain", (), "an encoder-decoder cannot read text"),
        ("of: filled, on: train", (), "a llama or a model that writes from left to right"),
        ("of: words, on: text, against: gpt", (), "compared with itself without context"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_fault(tmp_path, check, overrides, part):
    with pytest.raises(SpecErrors) as caught:
        load(tmp_path, check, *overrides)
    (error,) = caught.value.errors
    assert part in str(error)


def test_figures_by_token_are_of_models_with_one_separator(tmp_path):
    newlines = "stages.small.data=[{of: text, pack: {length: 64, separator: newline}}]"
    path = tmp_path / "spec.yaml"
    path.write_text(
        f"{SPEC}  - {{of: gpt, on: text, metrics: [loss, accuracy], against: small}}\n", "utf-8"
    )
    load_spec(path)
    with pytest.raises(SpecErrors, match="small has read documents with newlines between them"):
        load_spec(path, overrides=[newlines])
