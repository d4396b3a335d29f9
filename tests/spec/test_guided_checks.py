"""What a spec says of terms that guide attention by alignments."""

import re
from types import SimpleNamespace

import pytest

from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.wanted import wanted
from tfkd.pipeline.stages.link_stores import aligned
from tfkd.spec import load_spec, validate_files
from tfkd.spec.errors import UserError
from tfkd.spec.options.stages import LearntPart

SPEC = """\
tfkd: 1
name: guided
data:
  web: {generated: german_english, rows: 96, seed: 1}
  more: {generated: german_english, rows: 96, seed: 2}
tokenizers: {joint: {kind: wordpiece, size: 100, learn_from: [web]}}
teacher: {kind: rnn, layers: 1, width: 16, tokenizer: joint}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 2, width: 16, heads: 2, tokenizer: joint}
views: {quiet: {kind: none}, loud: {kind: noise, typos: 0.1}}
stages:
  clean: {filter: web, rules: [same]}
  lexicon: {align: web, model: student}
  turned: {align: web, model: student, swap: true}
  learn: {train: MODEL, data: DATA, steps: 1, objective: {words: {kind: cross_entropy}, guided_attention: {TERM}}MORE}
export: [learn]
"""  # noqa: E501
TERM = "alignments: lexicon, weight: 0.05"


def written(tmp_path, term=TERM, data="web", model="student", more=""):
    path = tmp_path / "guided.yaml"
    text = SPEC.replace("TERM", term).replace("DATA", data).replace("MORE", more)
    path.write_text(text.replace("MODEL", model), "utf-8")
    return path


def nodes(path, **options):
    spec = load_spec(path, **options)
    return {f"{n.kind} {n.label}": n for n in in_order(wanted(spec, path.parent).ends())}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, None),
        ({"term": f"{TERM}, layer: 2, heads: 2"}, None),
        ({"term": "weight: 1"}, "guided_attention.alignments: "),
        ({"term": "alignments: lexicn"}, "alignments: there is no stage.*mean lexicon"),
        ({"term": "alignments: clean"}, "clean is a filter stage; expected an align stage"),
        ({"term": f"{TERM}, layer: 3"}, "layer: 3, and student has 2; expected 1 to 2"),
        ({"term": f"{TERM}, heads: 3"}, "heads: 3, and student has 2; expected 1 to 2"),
        ({"term": f"{TERM}, view: quiet"}, "view: quiet, and links are of texts as they stand"),
        ({"data": "[web, more]"}, "lexicon aligns web, and the stage reads more"),
        ({"data": "{of: web, view: loud}"}, "the links of web, and loud changes its texts"),
        ({"data": "{of: web, swap: true}", "term": "alignments: turned"}, None),
        ({"data": "{of: web, swap: true}"}, "aligns web as it stands, and .* with swap: true"),
        ({"term": "alignments: turned"}, "aligns web swapped, and .* stage without swap: true"),
        ({"term": "alignments: 'bare.yaml:clean'"}, "another kind of stage; expected an align st"),
        ({"model": "teacher"}, "teacher is an rnn, which has no heads"),
    ],
)
def test_faults_are_told_in_their_place(tmp_path, asked, said):
    written(tmp_path).rename(tmp_path / "bare.yaml")
    faults = [str(one) for one in validate_files([written(tmp_path, **asked)])]
    assert len(faults) == (said is not None), faults
    if said is not None:
        assert re.search(rf"stages.learn.*{said}", faults[0]), faults[0]


def test_links_that_a_training_rests_on_are_in_its_key(tmp_path):
    path = written(tmp_path)
    found, changed = nodes(path), nodes(path, overrides=["stages.lexicon.passes=2"])
    assert found["train learn"].inputs["links.guided_attention"].label == "lexicon"
    assert found["train learn"].key != changed["train learn"].key
    lighter = nodes(path, overrides=["stages.learn.objective.guided_attention.weight=0"])
    assert "align lexicon" not in lighter


def test_links_of_other_rows_or_pieces_are_refused(tmp_path):
    """Another spec's swapped links; a variant's pieces are others; texts that are changed."""
    written(tmp_path).rename(tmp_path / "bare.yaml")
    turned = written(tmp_path, data="{of: web, swap: true}", term="alignments: turned")
    assert nodes(turned)["align turned"]
    for given in (
        {"data": "{of: web, swap: true}", "term": "alignments: 'bare.yaml:lexicon'"},
        {"term": "alignments: 'bare.yaml:turned'"},
        {"term": "alignments: 'lexicon#small'", "more": ""},
    ):
        path = written(tmp_path, **given)
        text = path.read_text("utf-8")
        path.write_text(f"{text}variants: {{small: {{tokenizers.joint.size: 80}}}}\n", "utf-8")
        with pytest.raises(UserError, match=r"guided_attention\.alignments: .* has not aligned"):
            nodes(path)


def test_links_of_texts_that_are_changed_are_refused_with_the_graph():
    """What the checks refuse; a graph may be made of options that they have not seen."""
    term = SimpleNamespace(alignments="lexicon")
    part = LearntPart(of="web", view="loud")
    options = SimpleNamespace(objective={"guided_attention": term}, data=[part], train="student")
    texts = {role: SimpleNamespace(key=role) for role in ("ids.source", "ids.target")}
    links = SimpleNamespace(inputs=texts, label="lexicon")
    inputs = {
        f"data.0.{role}": SimpleNamespace(key=role, options=SimpleNamespace(field=role[4:]))
        for role in texts
    }
    graph = SimpleNamespace(stage=lambda spec, name: links)
    with pytest.raises(UserError, match=r"loud changes its texts.* disturb stage"):
        aligned(graph, None, "learn", options, inputs)
    part = part.model_copy(update={"view": None})
    options.data = [part]
    assert list(aligned(graph, None, "learn", options, inputs)) == ["links.guided_attention"]


def test_an_aligned_corpus_that_the_model_writes_is_a_circle(tmp_path):
    path = written(tmp_path)
    text = path.read_text("utf-8").replace(
        "{align: web, model: student}", "{align: own, model: student}"
    )
    path.write_text(text.replace("stages:\n", "stages:\n  own: {translate: learn, data: web}\n"))
    assert any("circle of stages" in str(one) for one in validate_files([path]))
