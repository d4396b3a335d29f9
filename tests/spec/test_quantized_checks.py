"""`precision: {fake_quantize: int8}`: what it reads as, whom it refuses, whose key it changes."""

from types import SimpleNamespace

import pytest

from tfkd.pipeline.engine.builder import GraphBuilder
from tfkd.spec import load_spec
from tfkd.spec.checks.quantized_checks import check_quantized
from tfkd.spec.errors import SpecErrors
from tfkd.spec.faults import Faults
from tfkd.spec.source.tree import Node

SPEC = """\
tfkd: 1
name: tuned
data: {train: {generated: everyday, rows: 40, seed: 2}}
tokenizers: {joint: {kind: wordpiece, size: 200, learn_from: train}}
teacher: {kind: rnn, layers: 1, width: 8, tokenizer: joint}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2,
          tokenizer: joint}
stages:
  big: {train: teacher, data: train, objective: {cross_entropy: {}}, steps: 4}
  learn: {train: student, data: train, objective: {cross_entropy: {}}, steps: 4}
  tune: {train: student, from: learn, data: train, objective: {cross_entropy: {}}, steps: 2,
         precision: {fake_quantize: int8}}
evaluate: [{of: big, on: train, metrics: [loss]}, {of: tune, on: train, metrics: [loss]}]
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "tuned.yaml"
    path.write_text(SPEC, "utf-8")
    return path


def options(path, *changes):
    return load_spec(path, overrides=changes).stages["tune"]


def test_it_stands_beside_a_type_of_products(path):
    assert (options(path).products, options(path).fake_quantize) == ("float32", "int8")
    both = options(path, "stages.tune.precision={fake_quantize: int8, products: bfloat16}")
    assert (both.products, both.fake_quantize) == ("bfloat16", "int8")
    plain = options(path, "stages.tune.precision=bfloat16")
    assert (plain.products, plain.fake_quantize) == ("bfloat16", None)


def test_a_tuning_has_a_key_of_its_own(path):
    keys, both = set(), "{fake_quantize: int8, products: float16}"
    for precision in ("float32", "{fake_quantize: int8}", both):
        spec = load_spec(path, overrides=[f"stages.tune.precision={precision}"])
        keys.add(GraphBuilder(path.parent, spec).stage(spec, "tune").key)
    assert len(keys) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("stages.tune.precision={fake_quantize: int4}", "precision.fake_quantize: found 'int4'"),
        ("stages.tune.precision={products: bfloat16}", "precision: products alone; "
         "expected precision: bfloat16, or fake_quantize: int8 beside it"),
        ("stages.tune.precision={products: int3}", "expected precision: bfloat16, or fake_q"),
        ("stages.big.precision={fake_quantize: int8}", "big.precision.fake_quantize: int8, and "
         "teacher is an rnn, whose products are not all of layers that can be rounded; expected an "
         "abnet, a bert, a bert_fused, a gpt2, a llama, a t5 or a transformer"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_the_spec(path, change, message):
    with pytest.raises(SpecErrors) as raised:
        load_spec(path, overrides=[change])
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("folds", "place", "said"),
    [
        (True, "on_self_attention_output", "an export adds to the matrices that they stand on"),
        (True, "after_block", None),
        (False, "on_self_attention_output", None),
    ],
)
def test_adapters_that_an_export_folds_are_not_rounded_by_themselves(folds, place, said):
    """Rounded W and W1 W2 are not rounded W + W1 W2."""
    adapter = SimpleNamespace(quantizes=True, folds=folds, place=place, kind="low_rank")
    model = SimpleNamespace(quantizes=True, kind="transformer", adapters={"encoder": adapter})
    stage = SimpleNamespace(fake_quantize="int8", train="student")
    faults = Faults(Node({}, "a.yaml", 1))
    check_quantized(faults, ("stages", "tune"), stage, model)
    found = [str(error) for error in faults.errors]
    assert len(found) == (said is not None)
    assert all(said in one and "; expected adapters that do not fold" in one for one in found)
