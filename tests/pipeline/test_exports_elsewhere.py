"""Exports and engines of stages of other specs: what no format holds is refused before a run."""

import pytest

from tfkd.pipeline.engine.noise import with_noise
from tfkd.pipeline.engine.seeds import wanted_of_all_seeds
from tfkd.pipeline.plan.planner import plan
from tfkd.pipeline.plan.plugin_classes import refuse_exports
from tfkd.pipeline.plan.validate import validate
from tfkd.pipeline.scoring.failed_checks import in_checked_order
from tfkd.spec import load_spec
from tfkd.spec.errors import UserError
from tfkd.spec.options.evaluations import NoiseOptions

OTHER = """\
tfkd: 1
name: other
data:
  pairs: {generated: everyday, rows: 60, seed: 1}
  text: {generated: everyday, rows: 60, seed: 3, only: text}
tokenizers: {joint: {size: 150, learn_from: [pairs]}}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2,
  tokenizer: joint}
teacher:
  rnn: {kind: rnn, layers: 1, width: 16, tokenizer: joint}
  bert: {kind: bert, layers: 1, width: 8, heads: 2, tokenizer: joint}
views: {mlm: {kind: mlm}, hidden: {kind: mass, share: 0.5}}
stages:
  plain: {train: student, data: pairs, objective: {cross_entropy: {}}, steps: 2}
  cells: {train: teacher.rnn, data: pairs, objective: {cross_entropy: {}}, steps: 2}
  reads: {train: teacher.bert, data: text, objective: {masked_lm: {view: mlm}}, steps: 2}
  segments: {train: student, data: text, objective: {cross_entropy: {view: hidden}}, steps: 2}
"""
SPEC = """\
tfkd: 1
name: small
data:
  pairs: {generated: everyday, rows: 60, seed: 1}
  valid: {generated: everyday, rows: 20, seed: 2}
tokenizers: {joint: {size: 150, learn_from: [pairs]}}
"""
EVALUATED = (
    "evaluate: [{of: 'other.yaml:plain', on: pairs, metrics: [bleu], decode: {kind: beam%s]\n"
)
BEST = "}, choose: {decode.length_penalty: [%s], by: valid.bleu}}"


@pytest.fixture
def nodes(tmp_path):
    def found(rest):
        (tmp_path / "other.yaml").write_text(OTHER, "utf-8")
        (tmp_path / "small.yaml").write_text(SPEC + rest, "utf-8")
        spec = load_spec(tmp_path / "small.yaml")
        asked = wanted_of_all_seeds(spec, tmp_path)
        return in_checked_order(asked, "out" if "out" in spec.stages else None)

    return found


def export(stage, **options):
    said = "".join(f", {key}: {value}" for key, value in options.items())
    return f"export: [{{of: 'other.yaml:{stage}'{said}}}]\n"


def engine(stage):
    return (
        f"stages: {{out: {{translate: 'other.yaml:{stage}', data: pairs, "
        "decode: {kind: greedy, engine: ctranslate2}}}\n"
    )


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        (export("plain", format="litert"), "export: .*plain as litert_float32: other.yaml:plain "
         "writes text from left to right, which litert cannot hold; expected a classifier"),
        (export("reads"), "export: .*reads: other.yaml:reads trains a bert, which writes no text; "
         "expected an encoder-decoder"),
        (export("segments"), "other.yaml:segments learns to write segments .*; expected a stage"),
        (export("cells", format="ctranslate2"), "other.yaml:cells is of kind rnn, which ctran.*; "
         "expected a transformer or a"),
        (EVALUATED % (BEST % "0.6, 1.7") + export("plain", format="ctranslate2"),
         "plain is decoded with a length penalty of 1.7, which ctranslate2 cannot hold; expected"),
        (engine("cells"), "stages.out.decode.engine: other.yaml:cells is of kind rnn, which "
         "ctranslate2 cannot hold; expected no engine: TensorFlow"),
    ],
)  # fmt: skip
def test_what_a_format_cannot_hold_of_another_spec_is_told(nodes, rest, said):
    with pytest.raises(UserError, match=said) as raised:
        refuse_exports(nodes(rest))
    assert "\n" not in str(raised.value)


def test_the_spec_s_checks_and_its_plan_tell_it_too(tmp_path):
    (tmp_path / "other.yaml").write_text(OTHER, "utf-8")
    path, said = tmp_path / "small.yaml", "other.yaml:plain writes text from left to right, which"
    path.write_text(SPEC + export("plain", format="litert"), "utf-8")
    (fault,), _ = validate([path], data_dir=tmp_path)
    assert said in fault.message
    with pytest.raises(UserError, match=said):
        plan(load_spec(path), data_dir=tmp_path, runs_dir=tmp_path)
    path.write_text(SPEC + export("plain"), "utf-8")
    assert validate([path], data_dir=tmp_path)[0] == []


def test_what_it_holds_is_not_refused(nodes, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    refuse_exports(nodes(EVALUATED % (BEST % "0.6, 1.4") + export("plain", format="ctranslate2")))
    refuse_exports(nodes(engine("plain")))
    refuse_exports(nodes(export("reads", format="litert")))
    refuse_exports(nodes(export("cells", format="saved_model")))


def test_noise_is_not_put_on_what_was_exported(tmp_path):
    """Its row would have the noise of the model that it was made of."""
    exported = "{of: plain, export: ctranslate2_float32, on: pairs, metrics: [%s]}"
    rows = "{of: plain, on: pairs, metrics: [loss, bleu]}, " + exported % "bleu"
    path = tmp_path / "other.yaml"
    path.write_text(
        f"{OTHER}evaluate: [{rows}]\nexport: [{{of: plain, format: ctranslate2}}]\n", "utf-8"
    )
    noise = NoiseOptions(sigma=0.1, metrics=["bleu"])
    found = with_noise(load_spec(path), noise).evaluate
    assert [one.noise for one in found] == [noise, None]
