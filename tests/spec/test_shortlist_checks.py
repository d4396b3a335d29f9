"""What a spec says of align and shortlist stages, and of the models and pieces that fit them."""

import re

import pytest

from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.wanted import wanted
from tfkd.spec import load_spec, registry, validate_files
from tfkd.spec.errors import UserError
from tfkd.spec.options import ModelOptions, TransformerOptions
from tfkd.spec.source.showing import dump_yaml

SPEC = """\
tfkd: 1
name: lists
data:
  web: {generated: german_english, rows: 96, seed: 1}
  news: {generated: german_english, rows: 96, seed: 2, only: text}
tokenizers:
  joint: {kind: wordpiece, size: 100, learn_from: [clean]}
  other: {kind: wordpiece, size: 90, learn_from: [clean]}
teacher:
  bert: {kind: bert, layers: 1, width: 16, heads: 2, tokenizer: joint}
  apart: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 16, heads: 2, tokenizer: {source: joint, target: other}}
  fills: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 16, heads: 2, tokenizer: joint, decoder_attention: full}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 16, heads: 2, tokenizer: joint}
views: {mlm: {kind: mlm}, filled: {target: {kind: uniform_count}}}
stages:
  clean: {filter: web, rules: [same]}
  learn: {train: student, data: clean, steps: 1, objective: {cross_entropy: {}}}
  words: {train: teacher.bert, data: clean, steps: 1, objective: {masked_lm: {view: mlm}}}
  filling: {train: teacher.fills, data: clean, steps: 1, objective: {masked_lm: {view: filled}, length: {view: filled}}}
  elsewhere: {align: clean, model: teacher.apart}
  lexicon: {align: clean, model: student}
  back: {align: clean, model: student, swap: true}
  turned: {train: student, data: {of: clean, swap: true}, steps: 1, objective: {cross_entropy: {}}}
  both: {train: student, data: [web, {of: clean, swap: true}], steps: 1, objective: {cross_entropy: {}}}
  of_web: {align: web, model: student}
  quick: {shortlist: learn, lexicon: lexicon}
evaluate:
  - {of: quick, on: web, metrics: [bleu], decode: {kind: greedy}, against: learn}
export: [quick]
"""  # noqa: E501
ALIGN, QUICK = "{align: clean, model: student}", "{shortlist: learn, lexicon: lexicon}"


def written(tmp_path, before="", after=""):
    path = tmp_path / "lists.yaml"
    assert before in SPEC
    path.write_text(SPEC.replace(before, after) if before else SPEC, "utf-8")
    return path


def keys(path, **options):
    spec = load_spec(path, **options)
    return {f"{n.kind} {n.label}": n.key for n in in_order(wanted(spec, path.parent).ends())}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("", "", None),
        (ALIGN, "{align: web, model: student, passes: 3, symmetrize: union}", None),
        (ALIGN, "{align: cleen, model: student}", "lexicon.align: there is no corpus.*mean clean"),
        (ALIGN, "{align: learn, model: student}", "lexicon.align: learn is a train stage"),
        (ALIGN, "{align: clean.source, model: student}", "lexicon.align: .*one field of a corpus"),
        (ALIGN, "{align: news, model: student}", "lexicon.align: news has text; .*source and tar"),
        (ALIGN, "{align: clean}", "lexicon.model: "),
        (ALIGN, "{align: clean, model: studnt}", "lexicon.model: there is no model .*mean student"),
        (ALIGN, "{align: clean, model: teacher.bert}", "lexicon.model: teacher.bert is a bert, wh"),
        (ALIGN, "{align: clean, model: student, symmetrize: both}", "lexicon.symmetrize: .*union"),
        (QUICK, "{shortlist: learn}", "quick.lexicon: "),
        (QUICK, "{shortlist: lern, lexicon: lexicon}", "quick.shortlist: there is no stage.*learn"),
        (QUICK, "{shortlist: lexicon, lexicon: lexicon}", "quick.shortlist: lexicon is an align "),
        (QUICK, "{shortlist: words, lexicon: lexicon}", "quick.shortlist: words is a bert, whi"),
        (QUICK, "{shortlist: filling, lexicon: lexicon}", "filling is a transformer, which fills "),
        (QUICK, "{shortlist: learn, lexicon: clean}", "quick.lexicon: clean is a filter stage"),
        (QUICK, "{shortlist: learn, lexicon: elsewhere}", "quick.lexicon: elsewhere has the pi"),
        (QUICK, "{shortlist: learn, lexicon: back}", "quick.lexicon: back is with swap, and learn"),
        (QUICK, "{shortlist: turned, lexicon: back}", None),
        (QUICK, "{shortlist: turned, lexicon: lexicon}", "lexicon is without swap.*stage with sw"),
        (QUICK, "{shortlist: both, lexicon: back}", None),
        (QUICK, "{shortlist: both, lexicon: of_web}", None),
        (QUICK, "{shortlist: both, lexicon: lexicon}", "lexicon is without swap, and both learns"),
        (QUICK, "{shortlist: learn, lexicon: lexicon, best: 257}", "quick.best: 257 is .*most 256"),
    ],
)  # fmt: skip
def test_faults_are_told_in_their_place(tmp_path, before, after, said):
    faults = [str(one) for one in validate_files([written(tmp_path, before, after)])]
    own = [one for one in faults if "stages." in one]
    assert len(own) == (said is not None), faults
    if said is not None:
        assert re.search(rf"stages\..*{said}", own[0]), own[0]


def test_keys_hang_on_what_results_do(tmp_path):
    """On pieces and options: of the aligned model nothing but its tokenizers counts."""
    path = written(tmp_path)
    before = keys(path)
    lists, quick = "align lexicon", "shortlist quick"
    wider = keys(path, overrides=["student.width=32"])
    assert wider[lists] == before[lists]
    assert wider[quick] != before[quick]
    for change in ("lexicon.passes=3", "lexicon.symmetrize=union", "lexicon.align=web"):
        changed = keys(path, overrides=[f"stages.{change}"])
        assert changed[lists] != before[lists], change
        assert changed[quick] != before[quick], change
        assert changed["train learn"] == before["train learn"]
    swapped = keys(path, overrides=["stages.lexicon.swap=true", "stages.quick.shortlist=turned"])
    assert swapped[lists] != before[lists]
    fewer = keys(path, overrides=["stages.quick.best=20"])
    assert {name for name in before if fewer[name] != before[name]} == {
        quick, *(name for name in before if "quick" in name)
    }  # fmt: skip
    again = tmp_path / "resolved.yaml"
    again.write_text(dump_yaml(load_spec(path).resolved()), "utf-8")
    assert keys(again) == before


def test_a_variant_s_lexicon_has_its_own_pieces(tmp_path):
    text = SPEC.replace(
        "{shortlist: learn, lexicon: lexicon}", "{shortlist: learn, lexicon: 'lexicon#small'}"
    )
    path = tmp_path / "lists.yaml"
    path.write_text(f"{text}variants: {{small: {{tokenizers.joint.size: 80}}}}\n", "utf-8")
    with pytest.raises(UserError, match=r"quick\.lexicon: lexicon#small has the pieces of other"):
        keys(path)


@pytest.mark.parametrize(
    ("quick", "said"),
    [
        ("{shortlist: learn, lexicon: 'lists.yaml:lexicon'}", None),
        ("{shortlist: 'lists.yaml:both', lexicon: back}", None),
        ("{shortlist: 'lists.yaml:words', lexicon: lexicon}", r"shortlist: .*words is a bert, whi"),
        ("{shortlist: 'lists.yaml:filling', lexicon: lexicon}", "is a transformer, which fills in"),
        (
            "{shortlist: learn, lexicon: 'lists.yaml:back'}",
            r"lexicon: .*back is with swap, and le",
        ),
        ("{shortlist: 'lists.yaml:both', lexicon: lexicon}", "lexicon is without swap, and .*both"),
    ],
)
def test_another_spec_s_models_and_lexicons_fit_or_are_refused(tmp_path, quick, said):
    written(tmp_path)
    other = tmp_path / "other.yaml"
    other.write_text(f"{{extends: lists.yaml, name: other, stages: {{quick: {quick}}}}}\n", "utf-8")
    if said is None:
        assert keys(other)
        return
    with pytest.raises(UserError, match=rf"quick\..*{said}"):
        keys(other)


def test_a_model_that_computes_all_pieces_has_no_lists(tmp_path, monkeypatch):
    """A plugin's does, unless it says otherwise; the package's own say so."""
    load_spec(written(tmp_path))
    for name in registry.names("model"):
        options = registry.lookup("model", name).options
        if options.__module__.startswith("tfkd."):
            assert options.lists != options.single_sequence, name
    assert not ModelOptions.lists
    monkeypatch.setattr(TransformerOptions, "lists", False)
    with pytest.raises(UserError, match=r"quick\.shortlist: learn is a transformer.*lists = True"):
        load_spec(written(tmp_path))


@pytest.mark.parametrize("quick", ["quick", "lists.yaml:quick"])
@pytest.mark.parametrize("several", ["average: [learn, {}]", "translate: [learn, {}], data: clean"])
def test_lists_of_one_of_several_models_are_refused(tmp_path, quick, several):
    written(tmp_path)
    other = tmp_path / "other.yaml"
    reads = "from: mean, data: clean" if "average" in several else "data: mean"
    learns = f"{{train: student, {reads}, steps: 1, objective: {{cross_entropy: {{}}}}}}"
    stages = f"{{mean: {{{several.format(repr(quick))}}}, ends: {learns}}}"
    other.write_text(
        f"{{extends: lists.yaml, name: other, stages: {stages}, export: [ends]}}\n", "utf-8"
    )
    with pytest.raises(
        UserError, match=r"stages\.mean\..*quick is a shortlist stage.*learn; `short"
    ):
        keys(other)
