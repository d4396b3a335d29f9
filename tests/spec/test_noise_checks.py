"""What a spec says of noise on texts and of mixtures that change: what does not fit is told."""

import re

import pytest

from tfkd.pipeline.plan.smoke import smoke_spec
from tfkd.reference import json_schema
from tfkd.spec import load_spec, validate_files

SPEC = """\
tfkd: 1
name: robust
data:
  web: {parallel: [web.de, web.en]}
  clean: {parallel: [clean.de, clean.en]}
  news: {text: news.txt}
  reviews: {tsv: reviews.tsv, columns: {text: 0, label: 1}}
  marked: {tsv: marked.tsv, columns: {text: 0, label: 1}, marked_by: "#"}
tokenizers: {joint: {kind: wordpiece, size: 100, learn_from: [loud, web]}}
teacher:
  bert: {kind: bert, layers: 1, width: 16, heads: 2, tokenizer: joint}
  classes: {kind: bert, layers: 1, width: 16, heads: 2, tokenizer: joint, head: {kind: classifier}}
  tagger: {kind: bert, layers: 1, width: 16, heads: 2, tokenizer: joint, head: {kind: tagger}}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 16, heads: 2, tokenizer: joint}
views:
  robust: VIEW
  source: {kind: noise, upper: {share: 0.1, sides: source}, typos: 0.1}
  cmlm: {kind: conditional_mlm}
  mlm: {kind: mlm}
stages:
  loud: {disturb: web, view: source}
  teach: {train: teacher.bert, data: clean, steps: 1, objective: {masked_lm: {view: cmlm}}}
  stored: {score: teach, data: web}
  labels: {train: teacher.classes, data: [{of: reviews, view: robust}], steps: 2, objective: {cross_entropy: {}}}
  learn: {train: student, data: DATA, steps: 40, objective: OBJECTIVE}
  more: MORE
evaluate: [{of: learn, on: [web, loud], metrics: [loss]}]
"""  # noqa: E501
VIEWS = """\
  prefix: {kind: prefix_lm}
  count: {kind: uniform_count}
  spans: {kind: spans}
stages:
"""
VIEW = "{kind: noise, upper: 0.1, tags: 0.1}"
OTHER = "{average: [learn, learn]}"


def written(tmp_path, view=VIEW, data="[{of: web, view: source}]", objective="", more=OTHER):
    text = SPEC.replace("VIEW", view).replace("DATA", data).replace("MORE", more)
    path = tmp_path / "robust.yaml"
    path.write_text(text.replace("OBJECTIVE", objective or "{cross_entropy: {}}"), "utf-8")
    return path


def refused(path, said):
    (failure,) = validate_files([path])
    errors = str(failure)
    assert re.search(said, errors), errors
    return errors


@pytest.mark.parametrize(
    "data",
    [
        "[{of: web, view: robust}]",
        "[{of: web, view: source, swap: true, weight: 2}]",
        "[{of: web, weight: 1, until: 20}, {of: clean, from: 20}]",
        "[{of: web, until: 20, view: robust}, {of: clean, from: 10}, {of: web, from: 30}]",
        "[{of: web, until: 20}, {of: clean, from: 10, until: 30}, {of: web, from: 20, until: 40}]",
        "[{of: web, until: 50}]",
    ],
)
def test_noise_and_mixtures_that_fit(tmp_path, data):
    path = written(tmp_path, data=data)
    assert validate_files([path]) == []
    stage = load_spec(path).stages["learn"]
    again = load_spec(path).resolved()["stages"]["learn"]["data"]
    assert [one.get("until") for one in again] == [part.until for part in stage.data]
    # As --smoke runs it, it is valid, too.
    stage = smoke_spec(load_spec(path)).stages["learn"]
    ends = [one for part in stage.data for one in (part.from_, part.until) if one]
    assert stage.steps >= 4
    assert all(0 < one < stage.steps for one in ends)


@pytest.mark.parametrize(
    ("view", "said"),
    [
        ("{kind: noise}", "views.robust: .*no noise; expected a share of one of upper, title"),
        ("{kind: noise, upper: 0.6, title: 0.5}", r"upper and title, 0.6 \+ 0.5 of the rows"),
        ("{kind: noise, upper: 1.2}", "robust.upper.*1.2.*"),
        ("{kind: noise, typos: 0}", "robust.typos"),
        ("{kind: noise, typos: {share: 0.1, rate: 2}}", "typos.rate"),
        ("{kind: noise, typo: 0.1}", "robust.typo.*unknown key.*typos"),
        ("{kind: noise, tags: {share: 0.1, of: [a b]}}", "white space"),
        ("{kind: noise, tags: {share: 0.1, of: []}}", "tags.of"),
        ("{kind: noise, tags: {share: 1, of: [x], at: front}}", "tags.at"),
        ("{kind: noise, upper: {share: 0.1, sides: target}}", "upper.sides"),
        ("{kind: noise, upper: true}", "robust.upper"),
        ("{kind: noise, upper: 0.1, variants: 0}", "robust.variants"),
        ("{kind: noise, upper: 0.1, variants: 33}", "robust.variants"),
    ],
)
def test_bad_shares_and_names_are_refused(tmp_path, view, said):
    refused(written(tmp_path, view), said)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("[{of: web, view: robus}]", "data.0.view: there is no view 'robus'.*robust"),
        ("[{of: web, view: mlm}]", r"mlm \(mlm\) changes no text; expected a view of kind noise"),
        ("[{of: web, until: 20}]", "steps 21 to 40 have no corpus"),
        ("[{of: web, from: 20}]", "steps 1 to 20 have no corpus"),
        ("[{of: web, until: 10}, {of: clean, from: 20}]", "steps 11 to 20 have no corpus"),
        ("[{of: web, until: 20, from: 20}, clean]", "from 20 until 20, which is no step"),
        ("[{of: web, from: 40}, clean]", "from: 40, and the stage has 40 steps"),
        ("[{of: web, until: 0}, clean]", "until"),
    ],
)
def test_data_that_does_not_fit_is_refused(tmp_path, data, said):
    refused(written(tmp_path, data=data), said)


def test_forms_of_an_epoch_are_not_many(tmp_path):
    data = "[{of: web, view: source}, {of: clean, view: robust}]"
    for variants, said in ((8, None), (9, "data: noise with 4 and 9 variants, together 36 forms")):
        path = written(tmp_path, f"{{kind: noise, typos: 0.1, variants: {variants}}}", data)
        if said is None:
            assert validate_files([path]) == []
        else:
            refused(path, said)


def test_steps_of_a_mixture_are_no_epochs(tmp_path):
    path = written(tmp_path, data="[{of: web, until: 20}, clean]")
    path.write_text(path.read_text("utf-8").replace("steps: 40", "epochs: 4"), "utf-8")
    refused(path, "until: 20, a step, and the stage has epochs")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("{disturb: web, view: mlm}", "more.view: mlm .mlm. changes no text"),
        ("{disturb: marked, view: robust}", "marked has marks at their places"),
        ("{disturb: nothing, view: robust}", "there is no corpus 'nothing'"),
        ("{score: teach, data: [{of: web, view: robust}]}", "data.0.view: unknown key"),
        ("{score: teach, data: [{of: web, until: 3}]}", "data.0.until: unknown key"),
        (
            "{train: teacher.bert, data: [{of: news, view: robust}], steps: 1, "
            "objective: {masked_lm: {view: mlm}}}",
            "the words of news are what teacher.bert learns to say",
        ),
        (
            "{train: teacher.tagger, data: [{of: reviews, view: robust}], steps: 1, "
            "objective: {cross_entropy: {}}}",
            "robust moves words, and teacher.tagger labels each of them",
        ),
        (
            "{train: student, data: web, steps: 1, objective: {cross_entropy: {view: robust}}}",
            r"robust \(noise\) changes texts before they are cut.*data: \[\{of: CORPUS",
        ),
    ],
)  # fmt: skip
def test_noise_is_for_texts_that_are_read(tmp_path, more, said):
    refused(written(tmp_path, more=more), said)


BERT = "{train: teacher.bert, data: [{of: web, view: source}], steps: 1, objective: {OBJECTIVE}}"
ON_ENCODER = "{cross_entropy: {}, own: {kind: masked_lm, view: OWN}}"


@pytest.mark.parametrize(
    ("objective", "said"),
    [
        ("masked_lm: {view: cmlm}", None),
        ("causal_lm: {view: prefix}", None),
        ("masked_lm: {view: mlm}", r"masked_lm predicts words of the source in mlm \(mlm\)"),
        ("masked_lm: {view: count}", r"masked_lm predicts words of the source in count"),
        ("a: {kind: masked_lm, view: cmlm}, b: {kind: masked_lm, view: mlm}", "b predicts words"),
    ],
)
def test_no_term_learns_words_of_a_source_with_noise(tmp_path, objective, said):
    path = written(tmp_path, more=BERT.replace("OBJECTIVE", objective))
    path.write_text(path.read_text("utf-8").replace("stages:\n", VIEWS), "utf-8")
    if said is None:
        assert validate_files([path]) == []
    else:
        refused(path, f"more.data.0.view: {said}.* and source changes them")


@pytest.mark.parametrize("view", ["mlm", "spans"])
def test_nor_does_an_encoder(tmp_path, view):
    path = written(tmp_path, objective=ON_ENCODER.replace("OWN", view))
    path.write_text(path.read_text("utf-8").replace("stages:\n", VIEWS), "utf-8")
    refused(path, f"learn.data.0.view: own predicts words of the source in {view} ")


STORED = "{cross_entropy: {}, soft: {kind: soft_targets, teacher: stored}}"


def test_stored_targets_are_of_the_words_that_a_target_had(tmp_path):
    """Noise on the source alone leaves them true."""
    data = "[{of: web, view: source}]"
    assert validate_files([written(tmp_path, data=data, objective=STORED)]) == []
    tag = "{kind: noise, tags: {share: 1, at: start, sides: source}}"
    path = written(tmp_path, tag, "[{of: web, view: robust}]", STORED)
    assert validate_files([path]) == []
    for view in (
        VIEW,
        "{kind: noise, title: 0.1}",
        "{kind: noise, punctuation: {share: 0.1, sides: both}}",
    ):
        path = written(tmp_path, view, "[{of: web, view: robust}]", STORED)
        refused(path, "data.0.view: robust changes targets, and stored .of soft. has stored")


def test_the_schema_has_noise_and_steps_of_corpora():
    text = str(json_schema())
    for key in ("punctuation", "variants", "disturb", "until"):
        assert f"'{key}'" in text
