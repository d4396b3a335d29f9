"""Taggers: words and tags that go together, checked, made small, trained, served."""

import json
from types import SimpleNamespace

import pytest
from smoke_runs import run_tfkd

from tfkd.commands.generate import generate
from tfkd.data.text.text_corpus import Rows, TextCorpus, write_text_corpus
from tfkd.data.tokenizers.wordpiece import SPECIALS, WordPiece
from tfkd.data.words import WORDS
from tfkd.pipeline.plan.smoke import smoke_spec
from tfkd.pipeline.plan.validate import validate
from tfkd.pipeline.tasks.tagging import encode_words
from tfkd.reference import json_schema
from tfkd.spec import UserError, load_spec
from tfkd.starters import starter_spec


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "tagger.yaml"
    path.write_text(starter_spec(kind="tagger"), "utf-8")
    return path


def corpus(folder, rows):
    write_text_corpus(Rows(("text", "label"), rows), folder)
    return TextCorpus.open(folder)


@pytest.mark.tensorflow
def test_a_row_has_as_many_tags_as_words(tmp_path):
    pieces = WordPiece([*SPECIALS, "a", "b"], lower_case=False)
    encode_words(corpus(tmp_path, [("a b a", "X Y X"), ("a b", "X Y")]), WORDS, pieces, tmp_path)
    text = corpus(tmp_path, [("a b", "X Y"), ("a b a", "X Y")])
    with pytest.raises(UserError, match=r"row 2 .* has 3 words and 2 tags: 'a b a', 'X Y'\. A"):
        encode_words(text, WORDS, pieces, tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [(None, None),
     ("student.head={kind: tagger, read: cls}", "student.head.read: found 'cls'"),
     ("data.train.columns={text: 0}", "learns classes from labels, and train has text"),
     ("data.train={tsv: a, columns: {text: 0, text_b: 1, label: 2}}", "a tagger reads the words"),
     ("evaluate.0.metrics=[bleu]", "bleu of train_student, which tells classes apart"),
     ("student.head={kind: taggr}", "student.head.kind: found 'taggr'"),
     ("data.train.columns={text: -2}", "data.train.columns.text: -2 is too small")],
)  # fmt: skip
def test_faults_of_taggers(spec, change, said):
    errors, _ = validate([spec], data_dir=None, overrides=[change] if change else [])
    assert bool(errors) == (said is not None), errors
    assert said is None or any(said in str(error) for error in errors), [*map(str, errors)]


def test_its_head_is_in_the_schema():
    models = {one["properties"]["kind"]["const"]: one for one in
              json_schema()["$defs"]["model"]["anyOf"]}  # fmt: skip
    heads = {one["properties"]["kind"]["const"]: one for choice in
             models["bert"]["properties"]["head"]["anyOf"] for one in choice.get("oneOf", ())
             if "properties" in one}  # fmt: skip
    assert heads["tagger"]["properties"]["read"]["const"] == "words"


def test_smoke_has_tags_for_its_words(spec):
    small = smoke_spec(load_spec(spec))
    assert {corpus.generated for corpus in small.data.values()} == {"tags"}


@pytest.mark.long
def test_a_tagger_learns_from_the_spec_that_init_writes(spec, tmp_path, capsys):
    """On a grammar whose words tell their tags; at its own steps this would take minutes."""
    text = spec.read_text("utf-8")
    for number, name in enumerate(("test", "valid", "train"), start=1):
        start = text.index(f"  {name}: {{conll")
        end = text.index("\n", start)
        rows = 400 if name == "train" else 60
        made = f"  {name}: {{generated: tags, rows: {rows}, seed: {number}}}"
        text = text[:start] + made + text[end:]
    spec.write_text(text, "utf-8")
    small = {"teacher.width": 32, "student.width": 16, "teacher.layers": 1, "student.layers": 1,
             "stages.pretrain.steps": 4, "stages.finetune.steps": 60, "tokenizers.pieces.size": 300,
             "stages.train_student.steps": 80, "stages.train_student.schedule.rate": "5e-3",
             "stages.finetune.schedule.rate": "5e-3", "stages.pretrain.batch.size": 512,
             "stages.finetune.batch.size": 32, "stages.train_student.batch.size": 32}  # fmt: skip
    changes = [word for key, value in small.items() for word in ("--set", f"{key}={value}")]
    run_tfkd("run", spec, "--runs-dir", tmp_path / "runs", *changes)
    run = tmp_path / "runs" / "tagger"
    results = json.loads((run / "results.json").read_text("utf-8"))
    entry = SimpleNamespace(**results["evaluations"][0])
    assert entry.metrics["accuracy"]["value"] > 0.8
    lines = [(run / getattr(entry, name)).read_text("utf-8").splitlines()
             for name in ("references", "hypotheses")]  # fmt: skip
    words = [[line.split() for line in side] for side in lines]
    assert [*map(len, words[0])] == [*map(len, words[1])]
    pairs = [pair for row in zip(*words, strict=True) for pair in zip(*row, strict=True)]
    right = sum(label == guess for label, guess in pairs) / len(pairs)
    assert entry.metrics["accuracy"]["value"] == pytest.approx(right)
    # Served, it says of the test's texts what was scored.
    source = tmp_path / "lines.txt"
    source.write_text("\n".join(one["source"] for one in entry.examples), "utf-8")
    generate(run, source=source)
    said = capsys.readouterr().out.splitlines()
    assert said == [one["hypothesis"] for one in entry.examples]
    assert "<html" in (run / "report.html").read_text("utf-8")
