"""Sizes of a step, as `tfkd plan` reads them from a spec and from what is there already."""

from pathlib import Path

import pytest

import tfkd
from tfkd.data.tokenizers import WordPiece
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.wanted import wanted
from tfkd.pipeline.inputs.text_stages import place
from tfkd.pipeline.plan import step_sizes as step_sizes_module
from tfkd.pipeline.plan.step_sizes import longest_row, step_sizes
from tfkd.spec.options import (
    BySideOptions,
    ConditionalMlmOptions,
    MassOptions,
    MlmOptions,
    PlainOptions,
    PrefixLmOptions,
    SpansOptions,
    UniformCountOptions,
    ViewOptions,
)


def stages(line, *overrides, runs=None):
    spec = tfkd.load_spec(line.spec, overrides=overrides)
    folder = Path(line.spec).parent
    context = Context(data_dir=folder, runs_dir=runs or line.runs)
    nodes = in_order(wanted(spec, folder).ends())
    return {node.label: node for node in nodes if node.kind == "train"}, context


def test_the_longest_row_is_that_of_the_ids(line):
    nodes, context = stages(line)
    tokenizer = WordPiece.load(place(nodes["learn"].inputs["tokenizer.source"], context).path)
    folder = Path(line.spec).parent
    lengths = [
        tokenizer.encode([row.lower() for row in text.splitlines()]).lengths.tolist()
        for text in (folder.joinpath(f"train.{side}").read_text("utf-8") for side in ("de", "en"))
    ]
    # Each side has its end; the teacher's stream one start and two ends.
    assert longest_row(nodes["learn"], context) == (1 + max(map(max, lengths)), True)
    streams = [3 + source + target for source, target in zip(*lengths, strict=True)]
    assert longest_row(nodes["teach"], context) == (max(streams), True)


def test_before_there_are_ids_it_is_the_limit(line, tmp_path):
    nodes, context = stages(line, runs=tmp_path)
    assert longest_row(nodes["learn"], context) == (64, False)
    assert longest_row(nodes["teach"], context) == (160, False)


def test_the_tightest_limit_counts(line, tmp_path):
    nodes, context = stages(
        line,
        "stages.learn.batch.max_length=30",
        "views.cmlm.max_length=100",
        runs=tmp_path,
    )
    assert longest_row(nodes["learn"], context) == (30, False)
    assert longest_row(nodes["teach"], context) == (100, False)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("stages.learn.batch.size=512", {"tokens": 512, "micro_batches": 1, "item": 4}),
        ("stages.learn.batch.per_device=200", {"tokens": 170, "micro_batches": 3}),
        ("stages.learn.batch={size: 8, unit: sentences}", {"tokens": 80}),
        ("stages.learn.precision=bfloat16", {"item": 2}),
        ("stages.learn.optimizer={kind: adafactor}", {"moments": 0}),
        ("runtime.streams=3", {"streams": 3, "fused": False}),
        ("runtime.fuse=true", {"streams": 1, "fused": True}),
        ("runtime={jit_compile: true, fuse: true, streams: 2}", {"streams": 1, "fused": False}),
    ],
)
def test_sizes_follow_the_spec(line, override, expected):
    nodes, _ = stages(line, override)
    found = step_sizes(nodes["learn"], 10_000, longest=10)
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("options", "share"),
    [
        (PlainOptions(), 1.0),
        (PrefixLmOptions(), 0.5),
        (MlmOptions(p=0.3), 0.3),
        (SpansOptions(p=0.2), 0.2),
        (ConditionalMlmOptions(p={"uniform": [0.2, 0.6]}), 0.2),  # of the target's half
        (UniformCountOptions(), 0.5),
        (BySideOptions(target=UniformCountOptions()), 0.5),
        (BySideOptions(source=MlmOptions()), 1.0),
        (MassOptions(share=0.4), 0.4),
        (ViewOptions(), 1.0),  # of a plugin that does not say it
    ],
)
def test_each_kind_of_view_predicts_its_share(options, share):
    assert options.predicted_share == share


@pytest.mark.parametrize("processor", [True, False])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_products_are_widened_in_bfloat16_on_a_processor_without_it(
    line, monkeypatch, precision, processor
):
    monkeypatch.setattr(step_sizes_module, "widens_bfloat16", lambda: processor)
    nodes, _ = stages(line, f"stages.learn.precision={precision}")
    found = step_sizes(nodes["learn"], 10_000, longest=10)
    assert found.widened == (processor and precision == "bfloat16")


def test_a_view_predicts_its_share(line):
    nodes, _ = stages(line)
    assert step_sizes(nodes["teach"], 10_000, longest=10).predicted == (0.15,)  # of half a stream
    nodes, _ = stages(line, "views.cmlm.p={uniform: [0.2, 0.6]}")
    assert step_sizes(nodes["teach"], 10_000, longest=10).predicted == (0.2,)
