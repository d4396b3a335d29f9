"""What translate stages rest on, and what rests on them, before anything runs."""

import re

import pytest

from tfkd.pipeline.engine.builder import GraphBuilder
from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.wanted import wanted
from tfkd.pipeline.inputs.letter_case import lower_cased
from tfkd.pipeline.plan.planner import plan
from tfkd.spec import load_spec
from tfkd.spec.errors import UserError

SPEC = """\
tfkd: 1
name: outputs
data:
  train: {parallel: [a.de, a.en]}
  news: {text: news.en}
  unread: {parallel: [b.de, b.en]}
tokenizers: {joint: {learn_from: [train]}}
teacher: {kind: bert, layers: 1, width: 8, heads: 2, tokenizer: joint}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2, tokenizer: joint}
views: {cmlm: {kind: conditional_mlm}}
stages:
  bert: {train: teacher, data: train, steps: 1, objective: {masked_lm: {view: cmlm}}}
  nat: {train: student, data: train, steps: 1, objective: {cross_entropy: {}}}
  out: {translate: nat, data: [train, news]}
  learn:
    train: student
    data: [{of: train}, {of: out, swap: true}]
    steps: 1
    objective: {cross_entropy: {}}
variants: {longer: {stages.nat.steps: 2}}
export: [learn]
"""  # noqa: E501
OWN = {"translate out", "ids out.source.joint", "ids out.target.joint", "train learn",
       "export learn"}  # fmt: skip
MODEL = OWN | {"train nat"}


@pytest.fixture
def path(tmp_path):
    for name in ("a.de", "a.en", "b.de", "b.en", "news.en"):
        (tmp_path / name).write_text(f"words of {name}\n", "utf-8")
    place = tmp_path / "spec.yaml"
    place.write_text(SPEC, "utf-8")
    return place


def nodes(path, *overrides):
    plan = wanted(load_spec(path, overrides=overrides), path.parent)
    return {f"{node.kind} {node.label}": node for node in in_order(plan.nodes())}


def changed(path, *overrides):
    before, after = nodes(path), nodes(path, *overrides)
    return {name for name in before if name not in after or before[name].key != after[name].key}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("stages.out.decode={kind: greedy}", OWN),
        ("stages.out.decode={kind: beam, length_penalty: 1.0}", OWN),
        ("stages.out.data=[news, train]", OWN),
        ("stages.out.data=train", OWN | {"corpus news"}),
        ("stages.out.data=[{of: train, swap: true}, news]", OWN),
        ("stages.nat.steps=2", MODEL),
        ("data.news.lower_case=true", OWN | {"corpus news"}),
        # What is chosen by name as it is by default.
        ("stages.out.decode={kind: beam, beam: 4}", set()),
        ("stages.out.keep_source=true", set()),
        ("data.unread.lower_case=true", set()),
    ],
)
def test_what_changes_the_outputs_changes_what_rests_on_them(path, change, expected):
    assert changed(path, change) == expected


def test_outputs_alone_are_another_corpus(path):
    one = "stages.more={train: teacher, from: bert, data: out, steps: 1, objective: {masked_lm: "
    one += "{view: mlm}}}"
    views = "views.mlm={kind: mlm}"
    plain = ("stages.learn.data=train", views, one, "stages.learn.objective="
             "{cross_entropy: {}, soft_targets: {teacher: t}}", "stages.t={score: more, "
             "data: train}")  # fmt: skip
    found = [nodes(path, *plain, f"stages.out.keep_source={word}") for word in ("true", "false")]
    keys = [one["translate out"].key for one in found]
    assert keys[0] != keys[1]
    assert {name for name in found[1] if name.startswith("ids out")} == {"ids out.text.joint"}


def test_names_are_in_no_fingerprint(path):
    before = {node.key for node in nodes(path).values()}
    text = path.read_text("utf-8")
    renamed = {
        "train: {parallel": "pairs: {parallel", "[train": "[pairs", "data: train": "data: pairs",
        "of: train": "of: pairs", "news": "gazette", "nat": "tutor", "out": "made",
    }  # fmt: skip
    for old, new in renamed.items():
        text = re.sub(rf"(?<![a-z_.]){re.escape(old)}(?![a-z_.])", new, text)
    text = text.replace("gazette.en", "news.en").replace("stages.nat", "stages.tutor")
    path.write_text(text, "utf-8")
    assert {node.key for node in nodes(path).values()} == before


def test_a_raised_revision_of_the_search_makes_outputs_anew(path, monkeypatch):
    from dataclasses import replace

    from tfkd.spec import registry

    before, lookup = nodes(path), registry.lookup

    def raised(*asked):
        found = lookup(*asked)
        return replace(found, revision=9) if asked == ("decode", "beam") else found

    monkeypatch.setattr(registry, "lookup", raised)
    after = nodes(path)
    assert {name for name in before if before[name].key != after[name].key} == OWN


@pytest.mark.parametrize(
    ("changes", "lower"),
    [
        ([], False),
        # Swapped: the student reads outputs, and the model wrote what it has learnt.
        (["data.train.lower_case=true"], True),
        (["data.train.lower_case=true", "stages.learn.data=[{of: out}]"], False),  # news is not
        (
            ["data.train.lower_case=true", "data.news.lower_case=true",
             "stages.learn.data=[{of: out}]"],
            True,
        ),
        (["data.news.lower_case=true", "stages.learn.data=[{of: out, swap: true}]"], False),
        (["tokenizers.joint.lower_case=true", "stages.learn.data=[{of: out, swap: true}]"], True),
        # What was trained on swapped pairs writes their sources.
        (
            ["stages.nat.data=[{of: unread, swap: true}]", "data.unread.lower_case=true",
             "stages.learn.data=[{of: out, swap: true}]"],
            True,
        ),
    ],
)  # fmt: skip
def test_outputs_are_in_the_case_that_their_model_has_learnt(path, changes, lower):
    found = nodes(path, *changes)
    assert lower_cased(found["train learn"]) == lower
    assert found["export learn"].identity.get("lower_case", False) == lower


def test_a_stage_of_a_variant_or_another_spec_may_translate(path):
    assert nodes(path, "stages.out.translate='nat#longer'")["train nat#longer"].options.steps == 2
    far = path.with_name("far.yaml")
    far.write_text(SPEC.replace("name: outputs", "name: far"), "utf-8")
    found = nodes(path, "stages.out.translate='far.yaml:nat'")
    # The same model: nothing is made twice.
    assert found["translate out"].key == nodes(path)["translate out"].key


def test_plan_lists_it_and_says_what_is_known_later(path):
    lines = plan(load_spec(path), data_dir=path.parent, runs_dir=path.parent / "runs").splitlines()
    assert any(line.startswith("translate out") for line in lines)
    assert "out: rows and tokens are known once train is made." in lines


def test_a_borrowed_teacher_leads_into_no_circle_over_the_tokenizer_of_its_name_here(path):
    text = SPEC.replace("tokenizers: {joint: {learn_from: [train]}}", (
        "tokenizers: {joint: {learn_from: [train]}, own: {learn_from: [out.target]}}"
    ))  # fmt: skip
    text = text.replace("heads: 2, tokenizer: joint}\nstudent", (
        "heads: 2, tokenizer: own, head: {tokenizer: joint, tied: false}}\nstudent"
    ))  # fmt: skip
    text = text.replace("  nat: {train: student, data: train, steps: 1, objective: {cross", (
        "  t: {score: 'bert#longer', data: train}\n"
        "  nat: {train: student, data: train, steps: 1, objective: "
        "{soft_targets: {teacher: t}, cross"
    ))  # fmt: skip
    here = text.replace("bert#longer", "bert")
    text = text.replace(
        "{stages.nat.steps: 2}", "{tokenizers.own: {learn_from: [train]}, stages.nat.steps: 2}"
    )
    path.write_text(text, "utf-8")
    scored = {f"{one.kind} {one.label}" for one in in_order([nodes(path)["score t"]])}
    assert "translate out" not in scored
    path.write_text(here, "utf-8")
    with pytest.raises(UserError, match="a circle of stages"):
        nodes(path)


def test_a_node_that_waits_for_itself_is_named(tmp_path):
    graph = GraphBuilder(tmp_path)
    key = (0, "ids", "train")
    with pytest.raises(UserError, match="a circle of stages leads back to the ids train"):
        graph.once(key, lambda: graph.once((1, "train", "a"), lambda: graph.once(key, None)))


def test_an_engine_is_the_export_of_its_model_as_export_has_it(path):
    engine = "stages.out.decode={kind: beam, engine: {format: ctranslate2, quantize: int8}}"
    as_export = "export=[learn, {of: nat, format: ctranslate2, quantize: int8}]"
    before, after = nodes(path, as_export), nodes(path, engine, as_export)
    name = "export nat as ctranslate2_int8"
    out = after["translate out"]
    assert out.inputs["export"] is not before[name]
    assert out.inputs["export"].key == before[name].key == after[name].key
    assert out.key != before["translate out"].key
    assert "engine" not in out.identity["decode"]
    assert out.key != nodes(path, engine.replace("int8", "float32"))["translate out"].key
    short = nodes(path, "stages.out.decode={kind: beam, engine: ctranslate2}")["translate out"]
    assert short.key == nodes(path, engine.replace("int8", "float32"))["translate out"].key
    shown = plan(load_spec(path, overrides=[engine]), data_dir=path.parent, runs_dir=path.parent)
    assert name in shown
