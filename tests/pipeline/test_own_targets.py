"""Soft labels of one's own: what is stored is what was said, and what does not fit is refused."""

import shutil

import numpy as np
import pytest

import tfkd
from tfkd import UserError, load_spec, open_rows
from tfkd.pipeline.engine.builder import GraphBuilder
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.run import execute
from tfkd.pipeline.engine.wanted import wanted
from tfkd.pipeline.scoring.failed_checks import in_checked_order
from tfkd.spec.metrics import TEACHER_FORCED
from tfkd.targets import SoftTargetStore, StoreWriter
from tfkd.training import read_history

pytestmark = [pytest.mark.tensorflow, pytest.mark.long]

SPEC = """\
tfkd: 1
name: own
data:
  train: {tsv: train.tsv, columns: {text: 0, probabilities: [1, 2]}, classes: [pos, neg]}
  scores: {tsv: train.tsv, columns: {text: 0, logits: 3}, classes: [pos, neg]}
  valid: {tsv: valid.tsv, columns: {text: 0, label: 1}}
  pairs: {parallel: [pairs.de, pairs.en]}
  lines: {text: pairs.en}
tokenizers:
  joint: {kind: wordpiece, size: 120, learn_from: [pairs, train]}
  bytes: {kind: byte_bpe, size: 300, learn_from: [pairs]}
student:
  small: {kind: bert, layers: 1, width: 8, heads: 2, max_length: 64, tokenizer: joint,
    initializer_range: 0.3, head: {kind: classifier, classes: [train]}}
  words: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2,
    tokenizer: joint}
  writer: {kind: gpt2, layers: 1, width: 8, heads: 2, max_length: 32, tokenizer: bytes}
stages:
  votes: {targets: {field: probabilities}, model: student.small, data: train}
  service: {targets: {store: service}, model: student.words, data: pairs}
  voice: {targets: {store: voice}, model: student.writer, data: [{of: lines, pack: 16}]}
  texts: {targets: {store: texts}, model: student.writer, data: lines}
  classes: {targets: {store: classes}, model: student.small, data: valid}
  small:
    train: student.small
    data: [train, valid]
    steps: 40
    objective: {soft_targets: {teacher: votes}}
    batch: {size: 16, unit: sentences}
    schedule: {kind: constant, rate: 3e-2}
  words: {train: student.words, data: pairs, steps: 2,
    objective: {soft_targets: {teacher: service}}}
  writer: {train: student.writer, data: [{of: lines, pack: 16}], steps: 2,
    objective: {soft_targets: {teacher: voice}}}
evaluate:
  - {of: small, on: valid, metrics: accuracy}
  - {of: words, on: pairs, metrics: loss}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Data, spec, and stages that all tests share."""
    folder = tmp_path_factory.mktemp("own")
    rng = np.random.default_rng(1)
    rows, labelled = [], []
    for number in range(60):
        good = number % 2 == 0
        text = f"{'a good' if good else 'a bad'} film of {number}"
        share = 0.8 + 0.19 * rng.random()
        shares = [share, 1 - share] if good else [1 - share, share]
        logits = " ".join(f"{one:.9f}" for one in np.log(shares) + number)
        rows.append("\t".join([text, *(f"{one:.9f}" for one in shares), logits]))
        labelled.append(f"{text} again\t{'pos' if good else 'neg'}")
    (folder / "train.tsv").write_text("".join(f"{row}\n" for row in rows), "utf-8")
    (folder / "valid.tsv").write_text("".join(f"{row}\n" for row in labelled), "utf-8")
    german = [f"der hund {number} läuft" for number in range(30)]
    english = [f"the dog {number} runs{' fast' * (number % 3)}" for number in range(30)]
    (folder / "pairs.de").write_text("".join(f"{row}\n" for row in german), "utf-8")
    (folder / "pairs.en").write_text("".join(f"{row}\n" for row in english), "utf-8")
    (folder / "own.yaml").write_text(SPEC, "utf-8")
    return folder


def rows_of(folder, stage):
    return open_rows(
        folder / "own.yaml", stage, data_dir=folder, runs_dir=folder / "runs", say=lambda _: None
    )


def made(folder, stage, *overrides):
    """A stage alone, with what it rests on: its folder and what it says."""
    spec = load_spec(folder / "own.yaml", overrides=overrides)
    node = GraphBuilder(folder, spec).stage(spec, stage)
    context = Context(folder, folder / "runs", say=lambda _: None)
    for one in in_order([node]):
        execute(one, context, "")
    return context.folder(node).path, context.folder(node).manifest()["summary"]


def said_of(rows, seed=0, top_k=3):
    """Ids and log-probabilities for all positions: the right one is the likeliest."""
    due, size = rows.ids(), len(rows.pieces)
    gold = np.maximum(due.values, 0)
    ids = (gold[:, None] + np.arange(top_k)) % size
    shares = np.random.default_rng(seed).dirichlet(np.ones(top_k), len(ids))
    return due, ids, np.log(-np.sort(-shares, 1) + 1e-9)


def write(folder, rows, counts, ids, said):
    shutil.rmtree(folder, ignore_errors=True)
    writer = rows.writer(folder, top_k=ids.shape[1])
    writer.write(len(rows), counts, ids, said)
    return writer.finish()


def test_a_field_is_stored_as_it_stands_and_taught(folder):
    path, summary = made(folder, "votes")
    store = SoftTargetStore(path / "store-0")
    lines = [row.split("\t") for row in (folder / "train.tsv").read_text().splitlines()]
    shares = np.array([row[1:3] for row in lines], float)[:, ::-1]  # classes are sorted: neg, pos
    found = store.take(np.arange(60), 1)
    np.testing.assert_array_equal(found["ids"][:, 0], np.tile([0, 1], (60, 1)))
    said = np.exp(found["log_probabilities"][:, 0].astype(float))
    np.testing.assert_allclose(said, shares, atol=1e-3)
    assert summary["brief"] == "60 rows"
    change = "{targets: {field: logits}, model: student.small, data: scores}"
    reads = "stages.small.data=[scores, valid]"
    other, _ = made(folder, "votes", f"stages.votes={change}", reads)
    theirs = SoftTargetStore(other / "store-0").take(np.arange(60), 1)
    for name in ("ids", "log_probabilities"):
        np.testing.assert_allclose(theirs[name].astype(float), found[name].astype(float), atol=2e-3)
    # Nobody ever showed it a label.
    spec = load_spec(folder / "own.yaml", overrides=["evaluate=[{of: small, on: valid, "
                                                     "metrics: accuracy}]"])  # fmt: skip
    run = tfkd.run(spec, data_dir=folder, runs_dir=folder / "runs", say=lambda _: None)
    (score,) = run.to_dict()["evaluations"]
    assert score["metrics"]["accuracy"]["value"] > 0.9


def test_own_files_are_held_against_the_student_before_others_take_hours(folder):
    rows = rows_of(folder, "service")
    write(folder / "service", rows, rows.ids().lengths, *said_of(rows)[1:])
    spec = load_spec(folder / "own.yaml")
    order = [node.kind for node in in_checked_order(wanted(spec, folder))]
    assert order.count("targets") == 2
    assert max(i for i, kind in enumerate(order) if kind == "targets") < order.index("train")


@pytest.mark.parametrize("stage", ["service", "voice", "classes"])
def test_a_program_scores_rows_as_the_student_reads_them(folder, stage):
    rows = rows_of(folder, stage)
    due, ids, said = said_of(rows, top_k=2 if stage == "classes" else 3)
    counts = due.lengths.copy()
    if stage == "service":  # a row that the teacher said nothing of
        counts[4] = 0
        kept = np.repeat(counts > 0, due.lengths)
        ids, said = ids[kept], said[kept]
    write(folder / stage, rows, counts, ids, said)
    path, summary = made(folder, stage)
    found = list(SoftTargetStore(path / "store-0").shards())
    np.testing.assert_array_equal(np.concatenate([one for _, _, one, _, _ in found]), counts)
    np.testing.assert_array_equal(np.concatenate([one for *_, one, _ in found]), ids)
    known = summary[TEACHER_FORCED]
    assert (known["positions"], known["accuracy"]) == (counts.sum(), 1.0)
    assert ("1 rows have none" in summary["brief"]) == (stage == "service")
    if stage != "classes":  # what is read there stands one place behind what is predicted
        for read, label in zip(rows.inputs(0, 5), rows.ids(0, 5), strict=True):
            np.testing.assert_array_equal(read[1:], label[:-1])


@pytest.mark.parametrize("stage", ["service", "voice", "classes"])
def test_students_learn_from_a_program(folder, stage):
    rows = rows_of(folder, stage)
    due, ids, said = said_of(rows, top_k=2 if stage == "classes" else 3)
    write(folder / stage, rows, due.lengths, ids, said)
    student = {"service": "words", "voice": "writer", "classes": "small"}[stage]
    change = f"{{soft_targets: {{teacher: {stage}}}}}"
    changes = [f"stages.{student}.objective={change}", f"stages.{student}.steps=2"]
    path, _ = made(folder, student, *changes)
    (line,) = [one for one in read_history(path / "history.jsonl") if "terms" in one]
    assert 0 < line["terms"]["soft_targets"] < 20


def test_a_student_of_fewer_positions_learns_from_the_first(folder):
    rows = rows_of(folder, "texts")
    due, ids, said = said_of(rows)
    assert due.lengths.max() > 6
    write(folder / "texts", rows, due.lengths, ids, said)
    short = "student.short={kind: gpt2, layers: 1, width: 8, heads: 2, max_length: 6, " \
        "tokenizer: bytes}"  # fmt: skip
    path, _ = made(folder, "writer", short, "stages.writer={train: student.short, data: lines, "
                   "steps: 2, objective: {soft_targets: {teacher: texts}}}")  # fmt: skip
    (line,) = [one for one in read_history(path / "history.jsonl") if "terms" in one]
    assert 0 < line["terms"]["soft_targets"] < 20


def test_classes_may_stand_in_any_order(folder):
    rows = rows_of(folder, "classes")
    assert rows.pieces == ["neg", "pos"]
    writer = StoreWriter.for_rows(
        shutil.rmtree(folder / "classes", ignore_errors=True) or folder / "classes",
        [text for (text,) in rows.texts()], top_k=2, pieces=["pos", "neg"],
    )  # fmt: skip
    good = 1 - rows.ids().values  # in the other order
    writer.write(60, np.ones(60), np.stack([good, 1 - good], 1), np.log([[0.8, 0.2]] * 60))
    writer.finish()
    assert made(folder, "classes")[1][TEACHER_FORCED]["accuracy"] == 1


def refused(folder, stage="service"):
    with pytest.raises(UserError) as error:
        made(folder, stage)
    return str(error.value)


def test_what_does_not_fit_is_refused_with_row_and_place(folder):
    rows = rows_of(folder, "service")
    due, ids, said = said_of(rows)
    place, texts, pieces = folder / "service", rows.texts(), rows.pieces

    def own(**given):
        shutil.rmtree(place, ignore_errors=True)
        given = {"rows": texts, "pieces": pieces, "top_k": 3} | given
        return StoreWriter.for_rows(place, given.pop("rows"), **given)

    shutil.rmtree(place, ignore_errors=True)
    assert "there is no such folder" in refused(folder)
    writer = own()
    writer.write(10, due.lengths[:10], ids[: due.offsets[10]], said[: due.offsets[10]])
    assert "is not finished: it has 10 of 30 rows" in refused(folder)

    def whole(writer, counts=due.lengths, last=30, accepted=False):
        rows = slice(counts.sum()), slice(writer.manifest.header.top_k)
        writer.write(last, counts, ids[rows], said[rows])
        writer.finish()
        return None if accepted else refused(folder)

    few = due.lengths[:29]
    assert "it has 29 rows, and pairs has 30" in whole(own(rows=texts[:29]), few, 29)
    other = [*texts[:6], ("der hund 6 läuft", "the cat"), *texts[7:]]
    told = whole(own(rows=other))
    assert "row 7 was written of another text than pairs has there, 'der hund 6 läuft' | " in told
    assert "(1 such rows)" in told
    counts = due.lengths.copy()
    counts[3] -= 1
    told = whole(own(), counts)
    assert f"row 4 of pairs has {counts[3]} positions; expected {counts[3] + 1}" in told
    changed = [*pieces[:9], "?!", *pieces[10:]]
    told = whole(own(pieces=changed))
    assert f"1 of {len(pieces)} pieces differ: 9 is {pieces[9]!r} and '?!'" in told
    given = {"pieces": None, "vocabulary": "ab" * 32, "vocabulary_size": len(pieces)}
    assert "its vocabulary has the fingerprint abababababab" in whole(own(**given))
    given |= {"vocabulary": rows._predicted.fingerprint(), "vocabulary_size": 70_000}
    told = whole(own(**given))
    assert "its vocabulary_size is 70,000, and the student's vocabulary has " in told
    spec = load_spec(folder / "own.yaml")
    whole(own(top_k=1), accepted=True)
    node = GraphBuilder(folder, spec).stage(spec, "service")
    whole(own(top_k=2), accepted=True)  # after the graph was made
    context = Context(folder, folder / "runs", say=lambda _: None)
    with pytest.raises(UserError, match="it was written anew since this run was planned"):
        execute(node, context, "")

    writer = own()
    writer._checks = False  # as a program that writes files of its own would
    wrong = said.copy()
    wrong[due.offsets[8], :2] = 0
    writer.write(30, due.lengths, ids, wrong)
    writer.finish()
    told = refused(folder)
    assert "/shard-00000.bin: row 9 of pairs, position 1: its probabilities add up to 2" in told
    shard = place / "shard-00000.bin"
    shard.write_bytes(shard.read_bytes()[:-1] + b"\0")
    assert "damaged" in refused(folder)


def test_classes_that_a_student_does_not_tell_apart(folder):
    rows = rows_of(folder, "classes")
    shutil.rmtree(folder / "classes", ignore_errors=True)
    writer = StoreWriter.for_rows(
        folder / "classes", rows.texts(), top_k=2, pieces=["pos", "odd"]
    )  # fmt: skip
    writer.write(60, np.ones(60), np.tile([0, 1], (60, 1)), np.log([[0.5, 0.5]] * 60))
    writer.finish()
    assert "the classes of the student and of the store are others" in refused(folder, "classes")
    with pytest.raises(UserError, match="has probabilities of the class 'fine', and"):
        made(folder, "votes", "data.train.classes=[pos, fine]", "student.small.head={kind: "
             "classifier, classes: [valid]}")  # fmt: skip


def test_rows_are_opened_of_a_targets_stage_alone(folder):
    with pytest.raises(UserError, match="small is a train stage of own; expected a targets stage"):
        rows_of(folder, "small")
    with pytest.raises(UserError, match="did you mean votes"):
        rows_of(folder, "vote")
