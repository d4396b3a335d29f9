"""Translate stages in specs: what they may read, and that they stand where corpora stand."""

import pytest
from schema_checker import fits
from spec_files import rests_on

from tfkd.pipeline.plan.smoke import smoke_spec
from tfkd.reference.schema import json_schema
from tfkd.spec import dump_yaml, load_spec
from tfkd.spec.errors import SpecErrors
from tfkd.spec.source.yaml_reader import read_text

SPEC = """\
tfkd: 1
name: outputs
data:
  train: {parallel: [a.de, a.en]}
  valid: {parallel: [b.de, b.en]}
  news: {text: news.en}
  marked: {tsv: m.tsv, columns: {text: 0, label: 1}}
  pairs: {tsv: p.tsv, columns: {text: 0, text_b: 1}}
  labels: {tsv: l.tsv, columns: {label: 0}}
tokenizers: {joint: {learn_from: [train]}}
teacher: {kind: bert, layers: 1, width: 8, heads: 2, tokenizer: joint}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2, tokenizer: joint}
views: {cmlm: {kind: conditional_mlm}}
stages:
  bert: {train: teacher, data: train, steps: 1, objective: {masked_lm: {view: cmlm}}}
  nat: {train: student, data: train, steps: 1, objective: {cross_entropy: {}}}
  synthetic: {translate: nat, data: train}
  alone: {translate: nat, data: train, keep_source: false, decode: {kind: greedy}}
  student:
    train: student
    data: [{of: train, weight: 1}, {of: synthetic, weight: 1, swap: true}]
    steps: 1
    objective: {cross_entropy: {}}
variants: {longer: {stages.nat.steps: 2}}
evaluate: [{of: student, on: valid, metrics: bleu}]
export: [student]
"""  # noqa: E501


def load(folder, *overrides, **options):
    path = folder / "spec.yaml"
    path.write_text(SPEC, "utf-8")
    return load_spec(path, overrides=overrides, **options)


def faults(folder, *overrides, **options):
    with pytest.raises(SpecErrors) as caught:
        load(folder, *overrides, **options)
    return [str(error) for error in caught.value.errors]


@pytest.mark.parametrize(
    "change",
    [
        "name=other",
        "stages.synthetic={translate: 'nat#longer', data: [train, news, marked]}",
        "stages.synthetic.data={of: train, swap: true}",
        "stages.synthetic.data=[{of: train, swap: true}, valid]",
        "stages.synthetic.decode={kind: beam, beam: 2, max_length: {factor: 2}}",
        "stages.synthetic={translate: nat, data: train, keep: n_best, decode: {kind: beam, "
        "n_best: 3}}",
        "stages.alone={translate: nat, data: train, keep_source: false, keep: n_best, decode: "
        "{kind: sample, n_best: 3}}",
        # Outputs of outputs: there and back again.
        "stages.more={translate: nat, data: [{of: synthetic, swap: true}, alone]}",
        # Each place where a corpus's name stands.
        "stages.student.validate={on: synthetic}",
        "evaluate.0.on=[valid, synthetic]",
        "tokenizers.other={learn_from: [synthetic, synthetic.target, alone.text]}",
        "tokenizers.other={vocabulary: v.txt, keep: {seen_in: [synthetic.source]}}",
        "data.valid.drop_overlap=[synthetic.target, alone]",
        "stages.targets={score: bert, data: synthetic}",
        "stages.more={train: teacher, data: alone, steps: 1, objective: {masked_lm: {view: mlm}}}",
    ],
)
def test_what_fits_is_valid(tmp_path, change):
    load(tmp_path, "views.mlm={kind: mlm}", change)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (
            "stages.synthetic.translate=bert",
            "stages.synthetic.translate: bert trains a bert, which writes no text; expected an "
            "encoder-decoder",
        ),
        (
            "stages.synthetic.translate=alone",
            "stages.synthetic.translate: alone is a translate stage; expected a train or load "
            "stage",
        ),
        ("stages.synthetic.translate=nta", "there is no stage 'nta'; expected one of bert, nat"),
        (
            "stages.synthetic.data={of: train, weight: 2}",
            "stages.synthetic.data: weight: train is translated once; expected no weight in a "
            "translate stage",
        ),
        (
            "stages.synthetic.data=[train, valid, {of: train, swap: true}]",
            "stages.synthetic.data.2: train stands here twice; expected each corpus once",
        ),
        (
            "stages.synthetic.data={of: news, swap: true}",
            "stages.synthetic.data: swap: news has text; expected a corpus with a target to read",
        ),
        (
            "stages.synthetic.data=[train, pairs]",
            "stages.synthetic.data.1: pairs has text, text_b; expected a corpus with a source, or "
            "text alone",
        ),
        (
            "stages.synthetic.data=train.target",
            "stages.synthetic.data: 'train.target' is one field of a corpus; expected train",
        ),
        ("stages.synthetic.data=labels", "labels has label; expected a corpus with a source, or"),
        ("stages.synthetic.decode={kind: bean}", "stages.synthetic.decode.kind: 'bean' is no"),
        ("stages.synthetic.decode={kind: beam, beam: 0}", "stages.synthetic.decode.beam: 0 is too"),
        ("stages.synthetic.keep_source=5", "stages.synthetic.keep_source: found 5; expected true"),
        ("stages.synthetic.kept=1", "stages.synthetic.kept: unknown key; expected one of"),
        (
            "stages.synthetic.keep=n_best",
            "stages.synthetic.keep: n_best, and beam search is to "
            "give one output of each row; expected n_best in decode, like {kind: beam, beam: 4",
        ),
        ("stages.alone.keep=n_best", "stages.alone.keep: n_best, and greedy is to give one output"),
        (
            "stages.student.data={of: synthetic, row_weights: score}",
            "stages.student.data.row_weights: synthetic has source, target; expected a corpus with "
            "list and score, like that of a translate stage with keep: n_best",
        ),
        (
            "stages.synthetic.data={of: train, row_weights: score}",
            "stages.synthetic.data: row_weights: train is translated once",
        ),
        (
            "stages.targets={score: bert, data: {of: train, row_weights: score}}",
            "stages.targets.data: row_weights: train is scored once",
        ),
        ("stages.synthetic.score=bert", "two kinds of stage in one; expected exactly one of the"),
        (
            "stages.student.data=[train, alone]",
            "stages.student.data.1: an encoder-decoder cannot read alone, which has text",
        ),
        (
            "stages.student.data=[train, nat]",
            "stages.student.data.1: nat is a train stage; expected a corpus or a translate or",
        ),
        (
            "stages.student.data=[train, synthtic]",
            "there is no corpus 'synthtic'; expected one of train, valid, news, marked, pairs, "
            "labels, synthetic, alone; did you mean synthetic?",
        ),
        (
            "tokenizers.other={learn_from: alone.target}",
            "tokenizers.other.learn_from: alone has no field 'target'; expected one of text",
        ),
        (
            "evaluate.0.on=[valid, alone]",
            "evaluate.0.on.1: an encoder-decoder cannot read alone, which has text",
        ),
        (
            "stages.targets={score: bert, data: alone}",
            "stages.targets.data: alone has text; expected a corpus with source and target",
        ),
        (
            "stages.bert.data=[train, alone]",
            "cmlm (conditional_mlm) hides words of the target, and alone has text",
        ),
        ("evaluate.0.of=[bert, student]", "evaluate.0.of: found a list; expected one stage: what"),
        ("evaluate.0.of=synthetic", "synthetic is a translate stage; expected a train or"),
        ("export=[synthetic]", "synthetic is a translate stage; expected a train or load"),
        ("stages.student.from=synthetic", "synthetic is a translate stage; expected a train or"),
        ("data.synthetic={parallel: [c.de, c.en]}", "stages.synthetic: a corpus has this name too"),
    ],
)
def test_what_does_not_fit_is_one_fault(tmp_path, change, part):
    (line,) = faults(tmp_path, change)
    assert part in line


def test_a_faulty_translate_stage_is_one_fault_where_it_is_read_too(tmp_path):
    (line,) = faults(tmp_path, "stages.synthetic.keep_source=no_word")
    assert "stages.synthetic.keep_source" in line


@pytest.mark.parametrize(
    ("changes", "trail"),
    [
        (["stages.nat.data=synthetic"], "nat -> synthetic -> nat"),
        (["stages.nat.validate={on: synthetic}"], "nat -> synthetic -> nat"),
        (
            ["tokenizers.joint.learn_from=[train, synthetic.target]"],
            "tokenizers.joint -> synthetic -> nat",
        ),
        (
            ["tokenizers.joint={vocabulary: v.txt, keep: {seen_in: [alone]}}"],
            "tokenizers.joint -> alone -> nat -> tokenizers.joint",
        ),
        (
            ["data.train.drop_overlap=[alone]", "stages.alone.data=valid"],
            "data.train -> alone -> nat -> data.train",
        ),
        (["data.train.drop_overlap=[alone]"], "data.train -> alone -> data.train"),
        (["stages.synthetic.data=[train, synthetic]"], "synthetic -> synthetic"),
        (
            ["stages.synthetic.data=alone", "stages.alone.data={of: synthetic, swap: true}"],
            "synthetic -> alone -> synthetic",
        ),
        (
            ["stages.nat.from=start", "stages.start={train: student, data: synthetic, steps: 1, "
             "objective: {cross_entropy: {}}}"],
            "nat -> start -> synthetic -> nat",
        ),
        (["stages.nat.objective.cross_entropy={kind: soft_targets, teacher: targets}",
          "stages.targets={score: bert, data: synthetic}"], "targets -> synthetic -> nat"),
        (
            ["teacher.head={tokenizer: own, tied: false}", "tokenizers.own={learn_from: synthetic}",
             "stages.synthetic.translate=other",
             "stages.other={train: student, data: train, from: {encoder: raw}, steps: 1, "
             "objective: {cross_entropy: {}}}",
             "stages.raw={load: bert, into: teacher}"],
            "raw -> tokenizers.own -> synthetic -> other -> raw",
        ),
    ],
)  # fmt: skip
def test_circles_over_corpora_and_tokenizers(tmp_path, changes, trail):
    found = [line for line in faults(tmp_path, *changes) if "a circle of stages" in line]
    (line,) = found
    shown = line.partition("a circle of stages: ")[2].partition(";")[0].split(" -> ")
    # The way may begin at any stage of the circle.
    assert trail in " -> ".join(shown[:-1] * 3), line
    assert shown[0] == shown[-1]
    assert "." not in shown[0]


def test_a_circle_through_a_variant_and_another_spec(tmp_path):
    load(tmp_path, "stages.synthetic.translate='nat#longer'", "stages.nat.data=[train, valid]")
    text = SPEC.replace("translate: nat, data: train}", "translate: 'nat#longer', data: train}")
    path = tmp_path / "own.yaml"
    path.write_text(text.replace("nat.steps: 2", "nat.data: synthetic"), "utf-8")
    with pytest.raises(SpecErrors, match=r"nat -> synthetic -> nat \(in variant longer\)"):
        load_spec(path)
    (tmp_path / "far.yaml").write_text(
        SPEC.replace("nat: {train: student, data: train", "nat: {train: student, data: synthetic")
        .replace("synthetic: {translate: nat", "synthetic: {translate: 'spec.yaml:nat'")
        .replace("alone: {translate: nat", "alone: {translate: bert"),
        "utf-8",
    )
    load(tmp_path, "stages.synthetic.translate='far.yaml:nat'")
    path.write_text(SPEC.replace("nat: {train: ", "nat: {from: 'far.yaml:nat', train: "), "utf-8")
    (tmp_path / "far.yaml").write_text(
        (tmp_path / "far.yaml").read_text("utf-8").replace("spec.yaml:nat", "own.yaml:nat"), "utf-8"
    )
    # What the other spec's stage reads leads back over its translate stage.
    trail = "far.yaml:nat -> far.yaml:synthetic -> own.yaml:nat -> far.yaml:nat"
    with pytest.raises(SpecErrors, match=trail):
        load_spec(path)


def test_what_writes_a_corpus_is_among_what_a_stage_rests_on(tmp_path):
    def needed(*changes):
        return rests_on(load(tmp_path, *changes), "student")

    assert needed() == ["nat", "synthetic", "student"]
    plain = "stages.student.data=train"
    assert needed(plain) == ["student"]
    assert needed(plain, "stages.student.validate={on: synthetic}")[:2] == ["nat", "synthetic"]
    tokenizers = "tokenizers.other={learn_from: alone}", "stages.nat.train=student"
    assert needed(plain, *tokenizers, "teacher.tokenizer=other") == ["student"]
    assert needed(plain, "data.train.drop_overlap=[more]", "data.more={text: c.txt}") == ["student"]
    over = "data.valid.drop_overlap=[alone]", "stages.student.validate={on: valid}"
    assert needed(plain, *over) == ["nat", "alone", "student"]


def test_a_resolved_spec_is_a_spec(tmp_path):
    spec = load(tmp_path)
    assert spec.resolved()["stages"]["alone"] == {
        "translate": "nat", "beside": [], "data": [{"of": "train", "weight": 1.0, "swap": False}],
        "keep_source": False, "keep": "best", "decode": {"kind": "greedy", "min_length": 0},
        "on_failed_check": "warn",
    }  # fmt: skip
    again = tmp_path / "again.yaml"
    again.write_text(dump_yaml(spec.resolved()), "utf-8")
    assert load_spec(again).resolved() == spec.resolved()


def test_the_schema_knows_the_kind():
    schema = json_schema()
    plain = read_text(SPEC, "spec").plain()
    assert fits(schema, plain, schema)
    plain["stages"]["alone"]["keep_source"] = "yes"
    assert not fits(schema, plain, schema)
    plain["stages"]["alone"] = {"translate": "nat", "data": "train", "decode": {"kind": "bean"}}
    assert not fits(schema, plain, schema)


def test_smoke_leaves_the_line_as_it_is(tmp_path):
    spec = smoke_spec(load(tmp_path))
    assert spec.stages["alone"] == load(tmp_path).stages["alone"]
    assert rests_on(spec, "student") == rests_on(load(tmp_path), "student")


def test_rows_of_n_best_lists_may_be_weighed(tmp_path):
    more = "{translate: nat, data: train, keep: n_best, decode: {kind: beam, n_best: 4}}"
    spec = load(
        tmp_path,
        f"stages.synthetic={more}",
        "stages.student.data=[train, {of: synthetic, row_weights: {by: score, temperature: 0.5}}]",
    )
    assert spec.stages["synthetic"].field_names == ("source", "target", "list", "score")
    parts = spec.stages["student"].data
    assert parts[0].weighing is None
    assert parts[1].weighing.temperature == 0.5
    with pytest.raises(SpecErrors, match="row_weights and pack"):
        load(
            tmp_path, f"stages.synthetic={more}", "views.mlm={kind: mlm}",
            "stages.more={train: teacher, data: {of: alone, pack: 8, row_weights: score}, "
            "steps: 1, objective: {masked_lm: {view: mlm}}}",
            "stages.alone={translate: nat, data: train, keep_source: false, keep: n_best, decode: "
            "{kind: sample, n_best: 3}}",
        )  # fmt: skip
