"""Translate stages of several models, which write together."""

import numpy as np
import pytest
from test_several_teachers import nodes

from tfkd import cli
from tfkd.data.ragged import Ragged
from tfkd.data.text.text_corpus import TextCorpus
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.scoring.failed_checks import _teachers
from tfkd.reference.schema import json_schema
from tfkd.report.lineage import teachers_of
from tfkd.spec import load_spec
from tfkd.spec.errors import SpecErrors, UserError

OUT = "out: {translate: {one: 3, two: 1}, data: news, decode: {kind: greedy, max_length: 6, min_length: 3}}"  # noqa: E501
SPEC = """\
tfkd: 1
name: together
data:
  train: {generated: german_english, rows: 60, seed: 2}
  news: {generated: german_english, rows: 8, seed: 3}
tokenizers:
  joint: {kind: wordpiece, size: 200, learn_from: [train]}
  other: {kind: wordpiece, size: 150, learn_from: [train]}
teacher:
  small: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2,
          tokenizer: joint}
  large: {kind: rnn, layers: 1, width: 12, tokenizer: joint}
  apart: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2,
          tokenizer: other}
  filling: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2,
            tokenizer: joint, decoder_attention: full, lengths: 64}
views: {mask: {target: {kind: uniform_count}}}
stages:
  one: &taught {train: teacher.small, data: train, objective: {cross_entropy: {}}, steps: 6,
                schedule: {kind: constant, rate: 3e-2}}
  two: {<<: *taught, train: teacher.large}
  three: {<<: *taught, train: teacher.apart}
  folded: {<<: *taught, folds: 2}
  fills: {train: teacher.filling, data: train, steps: 1,
          objective: {masked_lm: {view: mask}, length: {view: mask}}}
  OUT
  learn: {train: teacher.small, data: [train, out], steps: 1, objective: {cross_entropy: {}}}
export: [learn]
""".replace("OUT", OUT)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("together") / "together.yaml"
    path.write_text(SPEC, "utf-8")
    return path


def test_a_list_a_mapping_and_their_own_keys_are_one(path):
    spec = load_spec(path)
    assert spec.stages["out"].teachers == ["one", "two"]
    assert spec.stages["out"].shares == [0.75, 0.25]

    def key(written):
        return nodes(path, f"stages.out={{{written}, data: news}}")["translate out"].key

    same = [
        "translate: {one: 3, two: 1}",
        "translate: [one, two], weights: [0.75, 0.25]",
        "translate: one, beside: [two], weights: [6, 2]",
    ]
    assert len({key(one) for one in same}) == 1
    keys = [key(one) for one in (same[0], "translate: [one, two]", "translate: one")]
    assert len({*keys}) == 3
    assert key("translate: [one]") == key("translate: {one: 2}") == keys[2]
    assert key("translate: {one: 2, two: 2}") == keys[1]
    assert {"train one", "train two"} <= nodes(path).keys()


def test_a_failed_check_of_any_of_them_counts(path):
    """Its stage may be told to stop for it, and what learns from its corpus, too."""
    found = nodes(path)
    models = {found[f"train {name}"].key for name in ("one", "two")}
    assert _teachers(found["translate out"]) == models <= _teachers(found["train learn"])


def test_the_report_knows_whom_the_corpus_is_from(path):
    results = {"spec": load_spec(path).resolved()}
    assert teachers_of(results, "learn") == ["one", "two"]


@pytest.mark.parametrize(
    ("stage", "told"),
    [
        ("translate: [one, one]", "one twice; expected each teacher once"),
        ("translate: [one, three]", r"translate\.1: three reads by other tokenizers than one"),
        ("translate: [one, folded]", r"translate\.1: folded has folds"),
        ("translate: [one, fills]", r"translate\.1: fills fills in all words of an output at once"),
        ("translate: [fills, one]", r"translate\.0: fills fills in all words"),
        ("translate: {one: 1, fills: 2}", r"translate\.fills: fills fills in all words"),
        ("translate: [one, two], decode: {kind: greedy, engine: ctranslate2}",
         r"decode\.engine: an engine, which runs one model; expected no engine: TensorFlow"),
        ("translate: [one, two], decode: {kind: mask_predict}", "mask_predict, and one goes from"),
        ("translate: {one: 1, two: 0}", r"translate\.two: found 0; expected a weight above 0"),
        ("translate: [one, two], weights: [1]", "1 weights of 2 teachers"),
        ("translate: [one, [two]]", r"translate\.1: found a list; expected the name of a stage"),
        ("translate: [one, tow]", r"translate\.1: there is no stage 'tow'.*two"),
        ("translate: one, beside: [tow]", r"beside\.0: there is no stage 'tow'"),
        ("translate: [one, learn]", "a circle of stages: out -> learn -> out"),
    ],
)  # fmt: skip
def test_models_that_cannot_write_together_are_refused(path, stage, told):
    faulty = path.with_name("faulty.yaml")
    faulty.write_text(SPEC.replace(OUT, f"out: {{{stage}, data: news}}"), "utf-8")
    with pytest.raises(SpecErrors, match=told) as raised:
        load_spec(faulty)
    said = [str(error) for error in raised.value.errors]
    line = SPEC[: SPEC.index(OUT)].count("\n") + 1
    assert len(said) == len({*said}) <= 2
    assert all(one.startswith(f"{faulty}:{line}: stages.out") for one in said)


def test_what_the_checks_of_one_spec_do_not_know_is_refused_with_the_graph(path):
    other = path.with_name("other.yaml")
    changes = "data: {train: {lower_case: true}}, stages: {two: {folds: 2}, out: {translate: one}}"
    other.write_text(f"{{extends: together.yaml, name: other, {changes}}}\n", "utf-8")
    for stage, told in (
        ("one", "other:one knows its sources in lower case only, and two as they are written"),
        ("two", r"other:two has folds.*beside others"),
        ("fills", "other:fills fills in all words of an output at once"),
    ):
        with pytest.raises(UserError, match=told):
            nodes(path, f"stages.out={{translate: [two, 'other.yaml:{stage}'], data: news}}")


def test_editors_know_all_three_ways_to_write_them():
    stages = json_schema()["$defs"]["stage"]["anyOf"]
    (one,) = [one["properties"] for one in stages if "translate" in one["properties"]]
    assert {form["type"] for form in one["translate"]["anyOf"]} == {"string", "array", "object"}


@pytest.mark.long
@pytest.mark.tensorflow
def test_the_corpus_is_what_the_models_write_together(path):
    """Against a greedy loop in NumPy over what each whole model says of each prefix."""
    import tensorflow as tf

    from tfkd.pipeline.inputs.made import side_tokenizers
    from tfkd.pipeline.inputs.models import trained_model

    runs = path.parent / "runs"
    assert cli.main(["run", str(path), "--runs-dir", str(runs), "--until", "out"]) == cli.DONE
    text = TextCorpus.open(runs / "together" / "out")
    found = dict(zip(*(text.lines(side) for side in ("source", "target")), strict=True))
    context, made = Context(data_dir=path.parent, runs_dir=runs), nodes(path)
    models = [trained_model(made[f"train {name}"], context) for name in ("one", "two")]
    tokenizer = side_tokenizers(made["train one"], context)["target"]
    banned = sorted({*tokenizer.special_ids} - {tokenizer.end_id})

    @tf.function(input_signature=[tf.TensorSpec([1, None], tf.int32)] * 2)
    def whole(source, target):
        sides = {"source": source, "target": target}
        record = {name: {"ids": ids, "valid": ids >= 0} for name, ids in sides.items()}
        return [one.head.logits(one(record)["hidden"])[0, -1] for one in models]

    def mean(source, target):
        z = [np.float64(one) for one in whole([source], [target])]
        p = np.average([np.exp(one) / np.exp(one).sum() for one in z], 0, [0.75, 0.25])
        p[banned if len(target) > 3 else [*banned, tokenizer.end_id]] = 0
        return p

    assert len(found) > 4
    for source, output in found.items():
        ids = [*tokenizer.encode([source]).row(0), tokenizer.end_id]
        written = [tokenizer.start_id]
        while len(written) < 7:
            word = int(mean(ids, written).argmax())
            if word == tokenizer.end_id:
                break
            written.append(word)
        (line,) = tokenizer.decode_batch(Ragged.from_rows([np.array(written[1:])]))
        assert line.strip() == output
