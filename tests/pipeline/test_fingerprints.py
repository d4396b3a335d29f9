"""Fingerprints: results are shared where they must be, and made anew where they must be."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
from fingerprints import changed, keys
from pinned_defaults import TABLE, defaults
from pydantic import create_model

from tfkd.pipeline.engine.graph import fingerprint, in_order
from tfkd.pipeline.engine.identity import plain
from tfkd.pipeline.engine.wanted import wanted
from tfkd.pipeline.inputs.data_folder import DataFolder
from tfkd.pipeline.stages.score import ScoreStage
from tfkd.spec import load_spec, registry
from tfkd.spec.options.corpora import ConllOptions


@pytest.mark.parametrize(
    "override",
    [
        "name=other",
        "description=words",
        "stages.learn.log_every=7",
        "stages.learn.save_every=9",
        "stages.targets.batch_tokens=64",
        "runtime.jit_compile=true",
        # Options that are named with the value they have by default.
        "stages.learn.seed=1",
        "stages.learn.precision=float32",
        "student.dropout=0.1",
        "teacher.types=2",
        "data.train.max_characters=5000",
        # What is allowed of the data, not what is made of it.
        "data.train.max_bad_rows=0.5",
    ],
)
def test_what_changes_no_result_changes_no_fingerprint(spec_path, override):
    assert changed(spec_path, override) == set()


STUDENTS = {
    "train learn", "train learn#baseline", "evaluate learn#baseline on train",
    "evaluate learn#baseline on test", "evaluate learn on test", "export learn",
    "translate synthetic", "ids synthetic.source.joint", "ids synthetic.target.joint",
    "evaluate learn#baseline on synthetic",
}  # fmt: skip


DISTILLED = {"train learn", "evaluate learn on test", "export learn"}


TAUGHT = {"train teach", "score targets"} | DISTILLED


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("student.dropout=0.2", STUDENTS),
        ("student.width=32", STUDENTS),
        ("stages.learn.seed=2", STUDENTS),
        ("stages.learn.steps=7", STUDENTS),
        ("stages.learn.batch.size=500", STUDENTS),
        ("stages.learn.schedule.rate=1e-3", STUDENTS),
        ("stages.learn.validate.keep=last", STUDENTS),
        # The check compares coverage by the same K.
        (
            "stages.targets.top_k=3",
            {"score targets", "evaluate learn#baseline on train"} | DISTILLED,
        ),
        ("stages.targets.passes=3", {"score targets"} | DISTILLED),
        ("stages.teach.steps=9", TAUGHT),
        ("views.cmlm.p=0.4", TAUGHT),
        ("teacher.heads=4", TAUGHT),
        (
            "evaluate.1.decode={kind: beam, beam: 2}",
            {"evaluate learn on test", "evaluate learn#baseline on test", "export learn"},
        ),
        ("evaluate.1.bootstrap=30", set()),
        ("evaluate.1.randomization=300", set()),
    ],
)
def test_a_chosen_option_changes_what_rests_on_it(spec_path, override, expected):
    assert changed(spec_path, override) == expected


@pytest.mark.parametrize(
    ("old", "new"), [("temperature: 2", "temperature: 3"), ("{weight: 0.5, temp", "{temp")]
)
def test_a_term_of_one_variant_changes_that_variant_alone(spec_path, old, new):
    before = keys(spec_path)
    text = spec_path.read_text("utf-8")
    assert text.count(old) == 1
    spec_path.write_text(text.replace(old, new), "utf-8")
    after = keys(spec_path)
    assert {name for name in before if before[name] != after[name]} == DISTILLED


def test_renamed_corpora_and_stages_are_the_same_results(spec_path):
    before = set(keys(spec_path).values())
    text = spec_path.read_text("utf-8")
    for old, new in (("teach", "tutor"), ("targets", "stored"), ("cmlm", "hidden")):
        text = re.sub(rf"(?<![a-z_]){old}(?![a-z_])", new, text)
    spec_path.write_text(text, "utf-8")
    assert set(keys(spec_path).values()) == before


def test_a_data_byte_changes_all_that_read_it(spec_path):
    before = keys(spec_path)
    path = spec_path.parent / "test.en"
    path.write_bytes(path.read_bytes().replace(b"the", b"thy", 1))
    after = keys(spec_path)
    assert {name for name in before if before[name] != after[name]} == {
        "corpus test", "ids test.source.joint", "ids test.target.joint",
        "evaluate learn on test", "evaluate learn#baseline on test",
    }  # fmt: skip


def test_a_corpus_is_its_bytes_not_its_path(spec_path):
    before = keys(spec_path)
    (spec_path.parent / "train.de").rename(spec_path.parent / "moved.de")
    assert keys(spec_path, "data.train.parallel=[moved.de, train.en]") == before
    assert keys(spec_path, "data.train.parallel=[train.en, moved.de]") != before


def test_a_corpus_of_columns_is_its_bytes_too(spec_path):
    rows = "a X\nb Y\n\nc X\n\n"
    for name in ("words.conll", "moved.conll"):
        (spec_path.parent / name).write_text(rows)
    (spec_path.parent / "others.conll").write_text(rows.replace("c X", "c Y"))
    found = []
    for name in ("words", "moved", "others"):
        options = ConllOptions(conll=f"{name}.conll")
        spec = SimpleNamespace(data={"one": options}, pages={})
        said = plain(options)
        found.append(said | DataFolder().corpus(spec, "one", said, spec_path.parent))
    assert found[0] == found[1] != found[2]


def test_a_new_option_with_its_default_leaves_fingerprints(spec_path):
    options = load_spec(spec_path).models["student"]
    wider = create_model("Wider", __base__=type(options), invented=(int, 3))
    same = wider(**options.model_dump())
    assert plain(same) == plain(options)
    assert plain(same.model_copy(update={"invented": 4})) != plain(options)


def test_defaults_are_pinned():
    """Values at their defaults are in no fingerprint, so a default must not change unseen."""
    pinned, now = json.loads(TABLE.read_text("utf-8")), defaults()
    changed = {name for name in pinned.keys() & now.keys() if pinned[name] != now[name]}
    changed |= pinned.keys() - now.keys()
    assert not changed, (
        f"the defaults of {sorted(changed)} have changed: old results would pass for new ones. "
        "Raise the revision of the class in tfkd/spec/builtins.py (of a stage or a part of one: "
        "REVISIONS in tfkd/pipeline/engine/graph.py), then: "
        "python tests/pipeline/pinned_defaults.py"
    )
    new = now.keys() - pinned.keys()
    assert not new, f"{sorted(new)}: pin them by python tests/pipeline/pinned_defaults.py"


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("view", "conditional_mlm", TAUGHT),
        ("objective", "soft_targets", DISTILLED),
        ("optimizer", "adam", TAUGHT | STUDENTS),
        ("model", "transformer", STUDENTS),
    ],
)
def test_a_class_with_a_raised_revision_changes_what_it_takes_part_in(
    spec_path, monkeypatch, kind, name, expected
):
    before = keys(spec_path)
    lookup = registry.lookup

    def raised(*asked):
        return replace(lookup(*asked), revision=2) if asked == (kind, name) else lookup(*asked)

    monkeypatch.setattr(registry, "lookup", raised)
    after = keys(spec_path)
    assert {one for one in before if before[one] != after[one]} == expected


def test_a_file_that_is_read_twice_counts_twice(spec_path):
    def corpus(paths):
        return keys(spec_path, f"data.test.parallel={paths}")["corpus test"]

    once = corpus("[test.de, test.en]")
    twice = corpus("[[test.de, test.de], [test.en, test.en]]")
    assert len({once, twice, corpus("[test.de, test.de]"), corpus("[test.en, test.en]")}) == 4


def test_fields_that_were_text_once_are_told_of(spec_path):
    """Older keys are of corpora in which these were lower-cased, and compared for an overlap."""
    (spec_path.parent / "test.tsv").write_text("ein hund\ta dog\t1\t-2.5\n")

    def identity(columns):
        corpus = f"data.test={{tsv: test.tsv, columns: {columns}}}"
        plan = wanted(load_spec(spec_path, overrides=[corpus]), spec_path.parent)
        (node,) = (one for one in in_order(plan.nodes()) if one.label == "test")
        return node.identity

    assert "not_text" not in identity("{source: 0, target: 1}")
    told = identity("{source: 0, target: 1, list: 2, score: 3}")
    assert told["not_text"] == ["list", "score"]


def test_the_order_of_terms_counts_where_their_views_differ(spec_path):
    def teacher(first, second):
        kinds = {"cmlm": "conditional_mlm", "mlm": "mlm"}
        views = ", ".join(f"{n}: {{kind: {kind}, max_length: 160}}" for n, kind in kinds.items())
        terms = f"stages.teach.objective={{{first}, {second}}}"
        return keys(spec_path, f"views={{{views}}}", terms)["train teach"]

    words, both = "words: {kind: masked_lm, view: cmlm}", "both: {kind: masked_lm, view: mlm}"
    # Validation measures the first term's view.
    assert teacher(words, both) != teacher(both, words)


def test_a_revision_changes_the_fingerprint(spec_path, monkeypatch):
    before = keys(spec_path)
    monkeypatch.setattr(ScoreStage, "revision", ScoreStage.revision + 1)
    after = keys(spec_path)
    assert {n for n in before if before[n] != after[n]} == {"score targets"} | DISTILLED


def test_fingerprints_do_not_hang_on_the_order_of_keys():
    assert fingerprint("train", {"a": 1, "b": (1, 2)}) == fingerprint(
        "train", {"b": [1, 2], "a": 1}
    )
    assert fingerprint("train", {"a": 1}) != fingerprint("score", {"a": 1})


def _tokenizer(folder, **options):
    """The fingerprint of a tokenizer that is read."""
    path = folder / "read.yaml"
    path.write_text(
        "tfkd: 1\nname: read\ndata: {train: {parallel: [train.de, train.en]}}\n"
        f"tokenizers: {{joint: {json.dumps({'kind': 'wordpiece', **options})}}}\n"
        "student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2, "
        "tokenizer: joint}\n"
        "stages: {learn: {train: student, data: train, objective: {cross_entropy: {}}, steps: 1}}\n"
        "export: [learn]\n"
    )
    nodes = in_order(wanted(load_spec(path), folder).nodes())
    (found,) = [node.fingerprint for node in nodes if node.kind == "tokenizer"]
    return found


def test_a_read_tokenizer_is_all_bytes_that_say_what_it_is(spec_path):
    folder = spec_path.parent
    preset, hub = folder / "pre", folder / "hub"
    (hub / "assets" / "tokenizer").mkdir(parents=True)
    preset.mkdir()
    (preset / "vocab.txt").write_text("[PAD]\n")
    found = {_tokenizer(folder, vocabulary="pre/vocab.txt"), _tokenizer(folder, preset="pre")}
    for lower_case in ("true", "false"):
        (preset / "tokenizer_config.json").write_text(f'{{"do_lower_case": {lower_case}}}')
        found.add(_tokenizer(folder, preset="pre"))
    for piece in "ab":
        (hub / "assets" / "tokenizer" / "vocabulary.txt").write_text(piece)
        found.add(_tokenizer(folder, preset="hub"))
    assert len(found) == 6
    (preset / "README.md").write_text("no part of it")
    assert _tokenizer(folder, preset="pre") in found
