"""Noise and changing mixtures in a whole line: what a training's batches hold, kills, measures."""

import json
import signal
import time
from types import SimpleNamespace
from typing import ClassVar, Literal

import numpy as np
import pytest
from pydantic import Field
from small_line import arguments, stage_folders, start, weights

from tfkd.data.grammars.generated import german_english
from tfkd.data.noise.text_noise import TextNoise
from tfkd.data.text.text_corpus import TextCorpus
from tfkd.pipeline.engine.builder import GraphBuilder
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.run import execute
from tfkd.pipeline.inputs.letter_case import lower_cased
from tfkd.pipeline.inputs.made import training_set
from tfkd.pipeline.inputs.text_stages import open_text, open_tokenizer
from tfkd.pipeline.plan.planner import plan
from tfkd.pipeline.plan.step_sizes import longest_row
from tfkd.pipeline.stages.training_batches import batcher_of
from tfkd.spec import load_spec, registry
from tfkd.spec.errors import UserError
from tfkd.spec.options import ViewOptions

SPEC = """\
tfkd: 1
name: noisy
data: {web: {parallel: [web.de, web.en]}, clean: {parallel: [clean.de, clean.en]}}
tokenizers: {joint: {kind: byte_bpe, size: 300, learn_from: [loud]}}
teacher: {kind: bert, layers: 1, width: 16, heads: 2, tokenizer: words}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 16, heads: 2,
  max_length: 200, tokenizer: joint}
views:
  robust: {kind: noise, upper: 0.2, typos: 0.3, tags: 0.2, joined: 0.2, variants: 2}
stages:
  loud: {disturb: web, view: robust}
  learn:
    train: student
    data: [{of: web, view: robust, weight: 2, until: 30}, {of: clean, from: 12}]
    objective: {cross_entropy: {label_smoothing: 0.1}}
    steps: 40
    batch: {size: 24, unit: sentences}
    save_every: 0.05
    log_every: 1
  again: {average: [learn, learn]}
evaluate: [{of: learn, on: [clean, loud], metrics: [loss]}]
"""
ROWS = {"web": 60, "clean": 40}


def written(folder, text=SPEC):
    for seed, (name, rows) in enumerate(ROWS.items()):
        pairs = list(german_english(rows, seed + 1))
        for side, ending in enumerate(("de", "en")):
            lines = "".join(f"{pair[side]}\n" for pair in pairs)
            (folder / f"{name}.{ending}").write_text(lines, "utf-8")
    path = folder / "noisy.yaml"
    path.write_text(text.replace("tokenizer: words", "tokenizer: joint"), "utf-8")
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The training, and all that its batches are made of."""
    path = written(tmp_path_factory.mktemp("noisy"))
    spec = load_spec(path)
    builder = GraphBuilder(path.parent, spec)
    node, loud = builder.stage(spec, "learn"), builder.stage(spec, "loud")
    context = Context(path.parent, path.parent / "runs", say=lambda _: None)
    for one in in_order([*node.inputs.values(), loud]):
        execute(one, context, "")
    return node, loud, context


def texts_of(node, context, corpus, field):
    return list(open_text(node.inputs[f"data.{corpus}.corpus"], context).lines(field))


def test_each_epoch_reads_its_variant_cut_into_pieces_and_each_mixture_its_corpora(made):
    """Against noise and tokenizer themselves, row by row."""
    node, _, context = made
    batcher = batcher_of(node, context)
    tokenizer = open_tokenizer(node.inputs["tokenizer.source"], context)
    sides = ("source", "target")
    web = {side: texts_of(node, context, 0, side) for side in sides}
    clean = {side: texts_of(node, context, 1, side) for side in sides}
    view = node.spec.views["robust"]
    found = [TextNoise(view, sides, variant=number)(np.arange(60), web) for number in range(2)]
    assert all(one["source"] != web["source"] for one in found)
    read = np.zeros((40, 2), int)
    for step in range(40):
        planned, batch = batcher.plan.batch(step), batcher.batch(step)["plain"]
        for place, row in enumerate(planned.examples):
            if row < 0:
                continue
            read[step, int(row >= 60)] += 1
            texts = found[planned.epoch % 2] if row < 60 else clean
            for side in sides:
                ids = batch[side]["labels" if side == "target" else "ids"][place]
                length = batch[side]["valid"][place].sum() - 1
                line = texts[side][row if row < 60 else row - 60]
                assert tokenizer.encode([line]).row(0).tolist() == ids[:length].tolist()
    assert not read[:12, 1].any()
    assert not read[30:, 0].any()
    assert read[:12, 0].all()
    assert read[30:, 1].all()
    assert read[12:30].sum(0).all()


def test_a_disturbed_corpus_has_every_row_and_the_noise_of_its_view(made):
    node, loud, context = made
    whole, found = open_text(node.inputs["data.0.corpus"], context), open_text(loud, context)
    assert found.fields == whole.fields
    before = {field: list(whole.lines(field)) for field in whole.fields}
    after = TextNoise(node.spec.views["robust"], whole.fields)(np.arange(60), before)
    assert {field: list(found.lines(field)) for field in found.fields} == after
    summary = context.folder(loud).manifest()["summary"]
    pairs = [list(zip(*one.values(), strict=True)) for one in (before, after)]
    count = sum(a != b for a, b in zip(*pairs, strict=True))
    assert summary["brief"] == f"60 rows, {count} of them with noise"


def test_the_texts_of_a_variant_are_those_that_noise_has_changed(made):
    node, _, context = made
    for number in range(2):
        text = node.inputs[f"data.0.noisy.{number}.text"]
        folder = context.folder(text).path
        rows, found = np.load(folder / "rows.npy"), TextCorpus.open(folder)
        whole = open_text(node.inputs["data.0.corpus"], context)
        before = {field: list(whole.lines(field)) for field in whole.fields}
        noise = TextNoise(node.spec.views["robust"], whole.fields, variant=number)
        after = noise(np.arange(60), before)
        changed = [
            any(before[field][row] != after[field][row] for field in after) for row in range(60)
        ]
        wanted = [0, *(row for row in range(1, 60) if changed[row])]
        assert rows.tolist() == wanted
        for field in after:
            assert list(found.lines(field)) == [after[field][row] for row in wanted]


def test_a_plan_says_which_steps_read_what_and_how_often(made):
    node, _, context = made
    told = plan(node.spec, data_dir=context.data_dir, runs_dir=context.runs_dir)
    (line,) = [one for one in told.splitlines() if "steps 1 to 12" in one]
    assert "steps 1 to 12 of web, steps 13 to 30 of web and clean, steps 31 to 40 of clean" in line
    batcher = batcher_of(node, context)
    rows = np.concatenate([batcher.plan.batch(step).examples for step in range(40)])
    read = {"web": np.mean((rows >= 0) & (rows < 60)), "clean": np.mean(rows >= 60)}
    times = {name: share * len(rows) / ROWS[name] for name, share in read.items()}
    assert batcher.passes(40) == pytest.approx(times, abs=0.3)
    # 12 x 24 of 2 x 60 rows are 2.4 epochs; 18 x 24 of 160 rows 2.7; 10 x 24 of 40 rows 6.
    assert "; about web 10.2 times, clean 8.7 times." in line


def test_a_plan_knows_the_longest_row_with_noise_and_counts_variants(made):
    node, _, context = made
    changes = ["stages.learn.data=[{of: web, view: robust}]", "stages.learn.steps=2"]
    spec = load_spec(node.spec.path, overrides=changes)
    told = plan(spec, data_dir=context.data_dir, runs_dir=context.runs_dir)
    assert "learn: about 0.8 epochs read 1 of 2 variants of noise; variants: 1 takes" in told
    forms = [training_set(node, context).variant(number) for number in range(2)]
    lengths = [
        [form.lengths(side, "joint")[:60] for side in ("source", "target")]
        for form in (training_set(node, context), *forms)
    ]
    both = [int((source + target).max()) + 3 for source, target in lengths]
    assert both[0] < max(both)
    one = GraphBuilder(context.data_dir, spec).stage(spec, "learn")
    assert longest_row(one, context) == (
        1 + max(int(n.max()) for form in lengths for n in form),
        True,
    )
    # As one that reads both sides as one sequence would have it.
    single = SimpleNamespace(
        options=one.options, spec=one.spec, inputs_of=one.inputs_of,
        model=SimpleNamespace(max_length=999, single_sequence=True),
    )  # fmt: skip
    assert longest_row(single, context) == (max(both), True)


def keys(path, **changes):
    spec = load_spec(path, overrides=[f"{key}={value}" for key, value in changes.items()])
    return {
        node.label: node.key
        for node in in_order([GraphBuilder(path.parent, spec).stage(spec, "learn")])
    }


def test_keys_tell_noise_and_steps_and_no_names(tmp_path):
    path = written(tmp_path)
    before = keys(path)
    more = keys(path, **{"views.robust.variants": 3})
    assert more["web.robust.1"] == before["web.robust.1"]
    assert more["learn"] != before["learn"]
    other = keys(path, **{"views.robust.upper": 0.3})
    assert other["web.robust.1"] != before["web.robust.1"]
    assert keys(path, **{"stages.learn.data.1.from": 13})["learn"] != before["learn"]
    path.write_text(path.read_text("utf-8").replace("robust", "strong"), "utf-8")
    assert keys(path)["learn"] == before["learn"]


class ShakenOptions(ViewOptions):
    """Noise of one's own that says nothing of itself."""

    readers: ClassVar = frozenset()
    of_texts: ClassVar = True
    kind: Literal["shaken"] = Field("shaken", description="The kind of view.")


class Shaken:
    """Both sides backwards."""

    def __init__(self, options, fields, *, variant=0, swap=False):
        self.changed = tuple(fields)

    def __call__(self, rows, texts):
        return {field: [text[::-1] for text in texts[field]] for field in self.changed}


def test_noise_of_ones_own_needs_to_say_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    registry.register("view", "shaken", options=ShakenOptions, target=f"{__name__}:Shaken")
    text = SPEC.replace("{kind: noise, upper", "{kind: shaken}\n  other: {kind: noise, upper")
    path = written(tmp_path, text)
    node = GraphBuilder(path.parent, load_spec(path)).stage(load_spec(path), "learn")
    context = Context(tmp_path, tmp_path / "runs", say=lambda _: None)
    for one in in_order([*node.inputs.values()]):
        execute(one, context, "")
    assert not lower_cased(node)
    part, _ = training_set(node, context).parts
    assert len(part.variants) == 1
    tokenizer = open_tokenizer(node.inputs["tokenizer.source"], context)
    for (field, _), rows in part.variants[0].items():
        expected = tokenizer.encode([text[::-1] for text in texts_of(node, context, 0, field)])
        assert all(map(np.array_equal, rows.take(np.arange(60)), expected))


def test_stored_targets_of_another_spec_are_refused_where_targets_change(tmp_path):
    path = written(tmp_path)
    other = path.with_name("other.yaml")
    stored = "  again: {score: learn, data: web}\n"
    text = SPEC.replace("  again: {average: [learn, learn]}\n", stored)
    other.write_text(text.replace("tokenizer: words", "tokenizer: joint"), "utf-8")
    soft = "objective: {soft: {kind: soft_targets, teacher: 'other.yaml:again'}}"
    text = path.read_text("utf-8")
    path.write_text(
        text.replace("objective: {cross_entropy: {label_smoothing: 0.1}}", soft), "utf-8"
    )
    spec = load_spec(path)
    with pytest.raises(UserError, match=r"learn\.data: robust changes targets, and .*again"):
        GraphBuilder(path.parent, spec).stage(spec, "learn")


@pytest.mark.long
@pytest.mark.tensorflow
def test_a_killed_training_goes_on_to_equal_bytes(tmp_path):
    path = written(
        tmp_path, SPEC.replace("steps: 40", "steps: 400").replace("until: 30", "until: 300")
    )
    runs = tmp_path / "killed"
    process = start(*arguments(path, runs, "--until", "learn"))
    for _ in range(2000):
        if list(runs.glob("stages/train-*/work/checkpoints/*.json")):
            break
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    found = {}
    for folder in (runs, tmp_path / "whole"):
        process = start(*arguments(path, folder, "--until", "learn"))
        _, errors = process.communicate()
        assert process.returncode == 0, errors
        (stage,) = stage_folders(folder, "train")
        lines = (stage / "history.jsonl").read_text("utf-8").splitlines()
        losses = [(one["epoch"], one["loss"]) for one in map(json.loads, lines) if "loss" in one]
        found[folder] = (weights(stage), losses)
        summary = json.loads((stage / "manifest.json").read_text("utf-8"))["summary"]
        assert set(summary["passes"]) == {"web", "clean"}
    assert found[runs] == found[tmp_path / "whole"]
