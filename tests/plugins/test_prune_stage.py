"""A kind of stage of one's own, in one file: named, checked, planned, made."""

import numpy as np
import pytest

from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.kinds import stage_of
from tfkd.pipeline.engine.wanted import wanted
from tfkd.pipeline.plan.planner import plan
from tfkd.spec import load_spec, validate_files

PLUGIN = "prune_stage"
SPEC = """\
tfkd: 1
name: pruned
data: {train: {generated: german_english, rows: 96, seed: 1}}
tokenizers: {joint: {kind: wordpiece, size: 200, learn_from: [train]}}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 16, heads: 2, tokenizer: joint}
stages:
  learn: {train: student, data: train, steps: 8, objective: {cross_entropy: {}}}
  pruned: {prune: learn, share: 0.25}
export: [pruned]
"""  # noqa: E501


@pytest.fixture
def path(join, tmp_path):
    join(PLUGIN)
    path = tmp_path / "pruned.yaml"
    path.write_text(SPEC, "utf-8")
    return path


def nodes(path, **options):
    spec = load_spec(path, plugins=[PLUGIN], **options)
    return {f"{n.kind} {n.label}": n for n in in_order(wanted(spec, path.parent).ends())}


def test_it_is_checked_and_planned_as_built_in_kinds_are(path):
    table = plan(load_spec(path, plugins=[PLUGIN]), data_dir=path.parent, runs_dir=path.parent)
    rows = {line[:20].strip(): line[20:].split() for line in table.splitlines()}
    assert rows["prune pruned"] == rows["train learn"][:1] != []
    before, after = nodes(path), nodes(path, overrides=["stages.pruned.share=0.5"])
    changed = {name for name in before if before[name].key != after[name].key}
    assert changed == {name for name in before if "pruned" in name}
    for old, new, said in (
        ("share: 0.25", "shar: 0.25", "shar: unknown key"),
        ("prune: learn", "prune: lern", "there is no stage 'lern'"),
        ("prune: learn", "prun: learn", "no kind of stage"),
    ):
        path.write_text(SPEC.replace(old, new), "utf-8")
        (fault,) = validate_files([path], plugins=[PLUGIN])
        assert said in str(fault)


@pytest.mark.tensorflow
def test_the_smallest_weights_are_zero(path, monkeypatch):
    from safetensors.numpy import load_file

    from tfkd.commands.declared_models import Pieces
    from tfkd.models import build_model
    from tfkd.models.weights import variables_by_path
    from tfkd.pipeline.engine.context import Context
    from tfkd.pipeline.inputs import models
    from tfkd.pipeline.inputs.stage_weights import WEIGHTS

    node = nodes(path)["prune pruned"]
    model = build_model(node.model, {"joint": Pieces(40)}, seed=1)
    before = {name: one.numpy() for name, one in variables_by_path(model).items()}
    monkeypatch.setattr(models, "trained_model", lambda stage, context: model)
    context = Context(data_dir=path.parent, runs_dir=path.parent)
    folder = context.folder(node)
    folder.path.mkdir(parents=True)
    stage_of("prune").run(node, folder, context)
    for name, value in load_file(folder.path / WEIGHTS).items():
        gone = (value == 0) & (before[name] != 0)
        np.testing.assert_array_equal(value[~gone], before[name][~gone])
        assert gone.sum() == (value.size // 4 if value.ndim > 1 else 0)
        if gone.any():
            assert abs(before[name][gone]).max() <= abs(value[value != 0]).min()
