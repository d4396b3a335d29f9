"""What a spec says of filter stages: rules by their kinds, and what does not fit is told."""

import re

import pytest

from tfkd.reference import json_schema
from tfkd.spec import load_spec, validate_files
from tfkd.spec.options.filters import LanguageRuleOptions

SPEC = """\
tfkd: 1
name: rules
data:
  web: {parallel: [web.de, web.en]}
  news: {text: news.txt}
tokenizers: {joint: {kind: wordpiece, size: 100, learn_from: [clean]}}
teacher: {kind: bert, layers: 1, width: 16, heads: 2, tokenizer: joint}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 16, heads: 2, tokenizer: joint}
views: {mlm: {kind: mlm}}
stages:
  clean: {filter: web, rules: [same]}
  back: {train: student, data: {of: clean, swap: true}, steps: 1, objective: {cross_entropy: {}}}
  words: {train: teacher, data: clean, steps: 1, objective: {masked_lm: {view: mlm}}}
  best: RULES
export: [back]
"""  # noqa: E501


def written(tmp_path, rules, corpus="clean"):
    path = tmp_path / "rules.yaml"
    path.write_text(SPEC.replace("RULES", f"{{filter: {corpus}, rules: {rules}}}"), "utf-8")
    return path


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("[same, {kind: likelihood, of: back, swap: true, keep: 0.8}]", None),
        ("[{kind: likelihood, of: back, most: 4}, duplicates]", None),
        ("[]", r"rules: .*at least 1"),
        ("same", r"rules: "),
        ("[sam]", r"sam. is no filter.*did you mean same"),
        ("[{most: 3}]", r"rules.0.*no kind"),
        ("[{kind: length, mst: 3}]", r"rules.0.mst: unknown key.*did you mean most"),
        ("[{kind: letters, least: 1.5}]", r"rules.0.least: 1.5"),
        ("[{kind: length, least: 5, most: 4}]", r"rules.0.least: 5, and most is 4: .* at most 4"),
        ("[same, same]", r"rules.1.*'?same'? is the name of rule 1, too"),
        ("[{kind: markup, on: [text]}]", r"rules.0.on: the corpus has no text text; .*source, tar"),
        ("[{kind: language, languages: {text: de}}]", r"languages.text: the corpus has no text"),
        ("[{kind: language, languages: {source: DE}}]", r"0.languages.*'DE' is no code; expected"),
        ("[{kind: language, languages: {source: de}, among: [en, fr]}]", r"among: not de; exp"),
        ("[{kind: likelihood, of: back}]", r"rules.0: neither keep nor most"),
        ("[{kind: likelihood, of: back, keep: 0.5, most: 1}]", r"rules.0: keep and most"),
        ("[{kind: likelihood, of: bck, keep: 0.5}]", r"rules.0.of: there is no stage.*mean back"),
        ("[{kind: likelihood, of: words, keep: 0.5}]", r"words is a bert, which tells no likeli"),
        ("[{kind: likelihood, of: back, keep: 0.5, on: target}]", r"on: target, and back reads bo"),
    ],
)
def test_faults_of_rules_are_told_in_their_place(tmp_path, rules, said):
    faults = [str(one) for one in validate_files([written(tmp_path, rules)])]
    assert len(faults) == (said is not None), faults
    if said is not None:
        assert re.search(rf"rules.yaml:14: stages.best.*{said}", faults[0]), faults[0]


@pytest.mark.parametrize("rule", ["ratio", "same", "numbers", "urls"])
def test_a_rule_of_pairs_needs_pairs(tmp_path, rule):
    (fault,) = validate_files([written(tmp_path, f"[{rule}]", "news")])
    assert "compares source and target, and the corpus has text" in str(fault)


def test_a_filter_in_front_of_the_model_that_it_asks_is_a_circle(tmp_path):
    path = written(tmp_path, "[same]")
    text = path.read_text("utf-8")
    path.write_text(text.replace("[same]", "[{kind: likelihood, of: back, keep: 0.5}]", 1), "utf-8")
    assert "circle of stages" in str(validate_files([path])[0])


def test_a_resolved_spec_reads_the_same(tmp_path):
    from tfkd.spec.source.showing import dump_yaml

    spec = load_spec(written(tmp_path, "[same, {kind: likelihood, of: back, keep: 0.8}]"))
    again = tmp_path / "again.yaml"
    again.write_text(dump_yaml(spec.resolved()), "utf-8")
    assert load_spec(again).stages["best"] == spec.stages["best"]
    assert spec.stages["best"].corpus_fields(lambda name: ("source", "target")) == (
        "source",
        "target",
    )


def test_the_schema_has_rules_by_their_kinds():
    schema = json_schema()
    words = schema["$defs"]["filter"]["anyOf"][-1]["enum"]
    assert {"same", "duplicates", "ratio"} <= set(words)
    assert "language" not in words
    assert "likelihood" not in words


def test_editors_know_what_a_code_of_a_language_is():
    properties = LanguageRuleOptions.model_json_schema()["properties"]
    pattern = properties["languages"]["additionalProperties"]["pattern"]
    assert [bool(re.search(pattern, code)) for code in ("de", "DE", "deut")] == [True, False, False]
