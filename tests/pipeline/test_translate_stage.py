"""Translate stages with a model that turns words around: rows, order, shards, what is left out."""

from types import SimpleNamespace

import numpy as np
import pytest
from rings import few

from tfkd.data.ragged import Ragged
from tfkd.data.text.text_corpus import TextCorpus
from tfkd.pipeline.engine.run import run
from tfkd.pipeline.stages.train import TrainStage
from tfkd.spec import load_spec
from tfkd.spec.errors import UserError
from tfkd.training.deadline import Deadline
from tfkd.training.interruption import Interrupted

pytestmark = pytest.mark.tensorflow
SPEC = """\
tfkd: 1
name: turned
data:
  train: {parallel: [a.de, a.en], lower_case: true}
  news: {text: news.txt}
tokenizers: {joint: {learn_from: [train], size: 60}}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2, tokenizer: joint}
stages:
  learn: {train: student, data: train, steps: 1, objective: {cross_entropy: {}}}
  out: {translate: learn, data: train, decode: {kind: greedy}}
"""  # noqa: E501
ROWS = 300
LIMIT = 6


class Words:
    """A tokenizer of whole words; its vocabulary grows as it reads."""

    def __init__(self):
        self.words = []
        self.read = []

    def encode(self, lines):
        self.read += lines
        for word in " ".join(lines).split(" "):
            if word not in self.words:
                self.words.append(word)
        return Ragged.from_rows([list(map(self.words.index, line.split(" "))) for line in lines])

    def decode_batch(self, ids):
        texts = [" ".join(self.words[number] for number in ids.row(row)) for row in range(len(ids))]
        return [text.replace("bruch", "a\r\n b\u2028c\n") for text in texts]


class Turned:
    """Decodes a sentence as its words from the last to the first, and one with `leer` as nothing.

    Attributes:
        calls: How often it was asked.
        stop: Called before each.
    """

    calls = 0
    stop = staticmethod(lambda calls: None)

    def __init__(self, model, search, source, target):
        self._empty = lambda: target.words.index("leer") if "leer" in target.words else -1

    def decode(self, ids):
        Turned.stop(Turned.calls)
        Turned.calls += 1
        rows = [ids.row(row)[::-1] for row in range(len(ids))]
        rows = [row[:0] if self._empty() in row else row for row in rows]
        return SimpleNamespace(outputs=Ragged.from_rows(rows))


def turned(line):
    """What comes out of a line, by hand; None for a row that is left out."""
    words = line.lower().split(" ")
    if len(words) > LIMIT or "leer" in words:
        return None
    return " ".join(words[::-1]).replace("bruch", "a b\u2028c")


@pytest.fixture
def words(monkeypatch):
    """The tokenizer that the stage is given; no model is trained."""
    tokenizer = Words()
    sides = {"source": tokenizer, "target": tokenizer}
    monkeypatch.setattr(TrainStage, "run", lambda self, node, folder, context: {})
    monkeypatch.setattr("tfkd.pipeline.inputs.models.trained_model", lambda node, context: None)
    monkeypatch.setattr("tfkd.pipeline.inputs.made.side_tokenizers", lambda node, context: sides)
    monkeypatch.setattr("tfkd.decoding.decoder.source_limit", lambda model: LIMIT)
    monkeypatch.setattr("tfkd.decoding.Decoder", Turned)
    monkeypatch.setattr(Turned, "calls", 0)
    return tokenizer


@pytest.fixture
def sides(tmp_path):
    """The corpus's two sides, of lines of 1 to 8 words."""
    chance = np.random.default_rng(1)
    made = {}
    for side, others in (("de", ["leer", "bruch"]), ("en", ["leer"])):
        known = [f"{side}{number}" for number in range(20)] + others
        made[side] = [" ".join(chance.choice(known, chance.integers(1, 9))) for _ in range(ROWS)]
        (tmp_path / f"a.{side}").write_text("".join(f"{x}\n" for x in made[side]), "utf-8")
    made["news"] = ["Der Hund", "Die LEER Katze", "Ein Haus am See"]
    (tmp_path / "news.txt").write_text("".join(f"{x}\n" for x in made["news"]), "utf-8")
    (tmp_path / "spec.yaml").write_text(SPEC, "utf-8")
    return made


def made(folder, *overrides, runs="runs", **settings):
    """Runs up to the stage; its folder, its lines by field, and what was said."""
    said = []
    spec = load_spec(folder / "spec.yaml", overrides=overrides)
    run(
        spec, data_dir=folder, runs_dir=folder / runs, until="out", say=said.append, **settings
    )  # fmt: skip
    path = folder / runs / (spec.name + ("-smoke" if settings.get("smoke") else "")) / "out"
    text = TextCorpus.open(path)
    return path, {field: list(text.lines(field)) for field in text.fields}, said


def pairs(lines):
    kept = [(line, turned(line)) for line in lines if turned(line) is not None]
    return {"source": [line for line, _ in kept], "target": [output for _, output in kept]}


@pytest.mark.parametrize(
    ("change", "read"),
    few(
        [
            ("name=turned", ("de",)),
            ("stages.out.data={of: train, swap: true}", ("en",)),
            ("stages.out.data=[news, train]", ("news", "de")),
            ("stages.out.data=[{of: train, swap: true}, news]", ("en", "news")),
        ],
        3,
    ),
)
def test_each_row_has_its_output_and_rows_stay_in_order(words, sides, tmp_path, change, read):
    expected = pairs([line for side in read for line in sides[side]])
    path, found, _ = made(tmp_path, change)
    assert found == expected
    assert 100 < len(found["source"]) < ROWS
    assert {file.name for file in path.iterdir()} == {
        "source.txt", "source.offsets.npy", "target.txt", "target.offsets.npy", "corpus.json",
        "manifest.json",
    }  # fmt: skip


def test_outputs_alone_are_a_text(words, sides, tmp_path):
    _, found, _ = made(tmp_path, "stages.out.keep_source=false")
    assert found == {"text": pairs(sides["de"])["target"]}


def test_what_is_left_out_is_counted_and_named(words, sides, tmp_path):
    _, found, said = made(tmp_path, "stages.out.data=[train, news]")
    lines = sides["de"] + sides["news"]
    long = [len(line.split(" ")) > LIMIT for line in lines]
    empty = [
        "leer" in line.lower().split() and not far for line, far in zip(lines, long, strict=True)
    ]
    report = TextCorpus.open(tmp_path / "runs" / "turned" / "out").report
    assert (report["read"], report["kept"]) == (len(lines), len(found["source"]))
    dropped = report["dropped"]
    assert {reason: entry["count"] for reason, entry in dropped.items()} == {
        "too long for the model": sum(long), "without an output": sum(empty),
    }  # fmt: skip
    assert dropped["too long for the model"]["lines"][0] == f"train:{long.index(True) + 1}"
    brief = f"{len(found['source'])} rows, left out: "
    assert any(brief in line and f"{sum(long)} too long for the model" in line for line in said)


def test_a_model_of_lower_cased_text_reads_lower_case(words, sides, tmp_path):
    """As a SavedModel does; what was read stands in the corpus as it was written."""
    _, found, _ = made(tmp_path, "stages.out.data=news")
    assert found == {"source": ["Der Hund", "Ein Haus am See"],
                     "target": ["hund der", "see am haus ein"]}  # fmt: skip
    assert set(words.read) <= {line.lower() for line in sides["news"]}
    words.read.clear()
    _, found, _ = made(tmp_path, "stages.out.data=news", "data.train.lower_case=false")
    assert found["target"][0] == "Hund Der"


def test_no_row_left_is_an_error(words, sides, tmp_path):
    (tmp_path / "news.txt").write_text("leer\nleer hier\n", "utf-8")
    with pytest.raises(UserError, match=r"stages\.out: of 2 rows none is left \(2 without an out"):
        made(tmp_path, "stages.out.data=news")


def test_smoke_fills_what_a_model_of_a_few_steps_leaves_empty(words, sides, tmp_path, monkeypatch):
    nothing = lambda self, ids: SimpleNamespace(outputs=Ragged.from_rows([[]] * len(ids)))  # noqa: E731
    monkeypatch.setattr(Turned, "decode", nothing)
    monkeypatch.setattr("tfkd.decoding.decoder.source_limit", lambda model: 1000)
    _, found, _ = made(tmp_path, smoke=True)
    assert len(found["source"]) > 50
    assert found["target"] == found["source"]


@pytest.mark.parametrize(
    ("how", "shards"), few([("an error", 1), ("a signal", 2), ("the time limit", 3)], 1)
)
def test_a_stopped_stage_goes_on_to_the_same_bytes(words, sides, tmp_path, how, shards):
    change = "stages.out.data=[train, news]"
    path, _, _ = made(tmp_path, change, runs="whole")
    whole = {file.name: file.read_bytes() for file in path.iterdir()}
    calls, Turned.calls = Turned.calls, 0
    assert calls == 4  # 128 + 128 + 44 rows, and 3
    deadline = Deadline(3600)

    def stop(calls):
        if calls == shards:
            if how == "an error":
                raise OSError("No space left on device")
            if how == "a signal":
                raise Interrupted("stopped by SIGTERM")
            deadline.seconds, deadline._end = 1, 0.0
            deadline.check()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Turned, "stop", staticmethod(stop))
        with pytest.raises((OSError, Interrupted)):
            made(tmp_path, change, deadline=deadline)
    (folder,) = (tmp_path / "runs" / "stages").glob("translate-*/")
    assert not (folder / "manifest.json").exists()
    assert len(list(folder.glob("work/outputs-*.json"))) == shards
    path, _, _ = made(tmp_path, change)
    # No shard is made twice.
    assert Turned.calls == calls
    found = {file.name: file.read_bytes() for file in path.iterdir()}
    assert {n: b for n, b in found.items() if n != "manifest.json"} == {
        n: b for n, b in whole.items() if n != "manifest.json"
    }


class Lists(Turned):
    """Gives of each sentence its words turned, again, as they were, and a fourth that is none."""

    def decode(self, ids):
        first = super().decode(ids).outputs
        found = []
        for row in range(len(ids)):
            found += [first.row(row), first.row(row), ids.row(row), first.row(row)[:0]]
        scores = np.tile(np.float32([-0.1, -0.1, -2 / 3, -np.inf]), (len(ids), 1))
        return SimpleNamespace(outputs=first, n_best=Ragged.from_rows(found), n_best_scores=scores)


N_BEST = "stages.out={translate: learn, data: train, keep: n_best, decode: {kind: beam, n_best: 4}}"


def test_n_best_lists_have_a_row_for_each_output_with_its_score(
    words, sides, tmp_path, monkeypatch
):
    monkeypatch.setattr("tfkd.decoding.Decoder", Lists)
    _, found, said = made(tmp_path, N_BEST)
    rows, left = [], {"long": 0, "empty": 0, "again": 0}
    for number, line in enumerate(sides["de"], 1):
        low = line.lower()
        if len(line.split(" ")) > LIMIT:
            left["long"] += 1
            continue
        plain = low.replace("bruch", "a b\u2028c")
        if "leer" in low.split():  # the first two are empty, the third is what was read
            left["empty"] += 2
        else:
            left["again"] += 1
            rows.append((line, turned(line), str(number), "-0.1"))
            if low.split(" ") == low.split(" ")[::-1]:  # what was read is the same once more
                left["again"] += 1
                continue
        rows.append((line, plain, str(number), "-0.6666667"))
    assert list(zip(*found.values(), strict=True)) == rows
    assert list(found) == ["source", "target", "list", "score"]
    # Nothing of a score is lost in its digits.
    assert {np.float32(one) for one in found["score"]} == {np.float32(-0.1), np.float32(-2 / 3)}
    report = TextCorpus.open(tmp_path / "runs" / "turned" / "out").report
    assert report["kept"] == len(rows)
    assert report["read"] == len(rows) + sum(left.values())
    counts = {reason: entry["count"] for reason, entry in report["dropped"].items()}
    assert counts == {"too long for the model": left["long"], "without an output": left["empty"],
                      "the same output again": left["again"]}  # fmt: skip
    assert any(f"{len(rows)} rows of {ROWS} sources, left out: " in line for line in said)


def test_stopped_n_best_lists_go_on_to_the_same_bytes(words, sides, tmp_path, monkeypatch):
    monkeypatch.setattr("tfkd.decoding.Decoder", Lists)
    path, _, _ = made(tmp_path, N_BEST, runs="whole")
    whole = {file.name: file.read_bytes() for file in path.iterdir()}

    def stop(calls):
        if calls == 5:
            raise Interrupted("stopped by SIGTERM")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Turned, "stop", staticmethod(stop))
        with pytest.raises(Interrupted):
            made(tmp_path, N_BEST)
    (folder,) = (tmp_path / "runs" / "stages").glob("translate-*/")
    assert len(list(folder.glob("work/outputs-*.json"))) == 2
    path, _, _ = made(tmp_path, N_BEST)
    for file in path.iterdir():
        if file.name != "manifest.json":
            assert file.read_bytes() == whole[file.name]
