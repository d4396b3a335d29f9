"""AB-Net end to end: two frozen BERTs, adapters that are stored apart, and what moves."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file, save_file
from small_line import arguments, write_line

from tfkd import cli
from tfkd.models import variables_by_path
from tfkd.models.freezing import in_adapter
from tfkd.pipeline.engine.builder import GraphBuilder
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.models import trained_model
from tfkd.spec import load_spec
from tfkd.spec.errors import UserError

pytestmark = pytest.mark.untraced
HERE = Path(__file__).parent

SPEC = """\
tfkd: 1
name: ab
data:
  train: {parallel: [train.de, train.en], lower_case: true}
  valid: {parallel: [valid.de, valid.en], lower_case: true}
  german: {text: [train.de], lower_case: true}
  english: {text: [train.en], lower_case: true}
tokenizers:
  source: {kind: wordpiece, size: 140, learn_from: [german]}
  target: {kind: wordpiece, size: 120, learn_from: [english]}
teacher:
  source: {kind: bert, layers: 2, width: 16, heads: 2, max_length: 64, tokenizer: source}
  target: {kind: bert, layers: 1, width: 16, heads: 2, max_length: 64, tokenizer: target}
student: {kind: abnet, encoder: teacher.source, decoder: teacher.target, lengths: 64}
adapters:
  encoder: {kind: bottleneck, width: 8}
  decoder: {kind: cross_attention, heads: 2, feed_forward: 8}
views:
  masked: {kind: mlm, max_length: 64}
  mask_predict:
    source: {kind: one_span, p: 0.1}
    target: {kind: uniform_count, replace: [80, 10, 10]}
stages:
  bert_de:
    train: teacher.source
    data: german
    objective: {masked_lm: {view: masked}}
    steps: 4
    batch: {size: 512, unit: joint_tokens}
  bert_en:
    train: teacher.target
    data: english
    objective: {masked_lm: {view: masked}}
    steps: 4
    batch: {size: 512, unit: joint_tokens}
  abnet:
    train: student
    data: train
    from: {encoder: bert_de, decoder: bert_en}
    trainable: [adapters, lengths]
    objective:
      words: {kind: masked_lm, view: mask_predict, divide_by: target_tokens, label_smoothing: 0.1}
      length: {view: mask_predict, weight: 0.1, divide_by: target_tokens}
    steps: 4
    batch: {size: 384, unit: max_tokens}
    schedule: {kind: linear, rate: 1e-2}
    precision: bfloat16
    log_every: 2
    validate: {on: valid, every: 2, metrics: [loss], keep: {best: loss}}
variants:
  other_task: {stages.abnet.seed: 2}
  own_adapter:
    adapters.encoder: {kind: low_rank, rank: 3, place: on_self_attention_output}
  whole: {stages.abnet.trainable: all}
evaluate:
  - {of: abnet, on: valid, metrics: [bleu, loss], bootstrap: 20}
export: [abnet]
"""


def node_of(home, stage, spec="ab.yaml"):
    """A stage's node, and the surroundings of its run."""
    loaded = load_spec(home / spec)
    context = Context(data_dir=home, runs_dir=home / "runs")
    return GraphBuilder(home, loaded).stage(loaded, stage), context


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("abnet")
    write_line(folder)
    (folder / "ab.yaml").write_text(SPEC, "utf-8")
    return folder


@pytest.fixture(scope="module")
def finished(home, checked_here):
    """The line's run folder, without an export."""
    words = ("--set", "export=[]")
    assert cli.main(arguments(home / "ab.yaml", home / "runs", *words)) == cli.DONE
    return home / "runs" / "ab"


@pytest.fixture(scope="module")
def exported(home, finished):
    """The same with its export."""
    assert cli.main(arguments(home / "ab.yaml", home / "runs")) == cli.DONE
    return finished


def shared(folder):
    path = folder / "shared_weights.json"
    noted = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return {role: entry["names"] for role, entry in noted.items()}


def test_only_adapters_and_lengths_are_stored(finished):
    """What stayed frozen lies in the BERTs' folders, once for all tasks."""
    own = load_file(finished / "abnet" / "weights.safetensors")
    assert all(in_adapter(path) or path == "lengths/table" for path in own)
    names = shared(finished / "abnet")
    for role, stage, part in (
        ("from.encoder", "bert_de", "encoder"),
        ("from.decoder", "bert_en", "decoder"),
    ):
        theirs = set(load_file(finished / stage / "weights.safetensors"))
        expected = {
            name for name in theirs if part == "decoder" or name.partition("/")[0] != "head"
        }
        assert names[role] == {f"{part}/{name}": name for name in expected}


@pytest.mark.long
def test_another_task_shares_the_berts_and_has_its_own_adapters(home, finished):
    words = ("--variant", "other_task", "--until", "abnet")
    assert cli.main(arguments(home / "ab.yaml", home / "runs", *words)) == cli.DONE
    other = home / "runs" / "ab@other_task"
    assert (other / "bert_de#other_task").resolve() == (finished / "bert_de").resolve()
    folders = finished / "abnet", other / "abnet#other_task"
    one, two = (load_file(folder / "weights.safetensors") for folder in folders)
    assert set(one) == set(two)
    assert all(np.abs(one[name] - two[name]).max() > 0 for name in one)


def test_the_model_comes_back_whole(home, finished):
    """The BERTs from their stages, bit for bit, and the adapters from their file."""
    node, context = node_of(home, "abnet")
    model = trained_model(node, context)
    found = {path: np.asarray(one) for path, one in variables_by_path(model).items()}
    for part, stage in (("encoder", "bert_de"), ("decoder", "bert_en")):
        for name, value in load_file(finished / stage / "weights.safetensors").items():
            if f"{part}/{name}" in found:
                np.testing.assert_array_equal(found[f"{part}/{name}"], value)
    for name, value in load_file(finished / "abnet" / "weights.safetensors").items():
        np.testing.assert_array_equal(found[name], value)


def test_adapters_are_refused_beside_another_bert(home, finished, tmp_path):
    """A BERT that was made anew on another machine comes out otherwise: its adapters are not."""
    runs = tmp_path / "moved"
    shutil.copytree(home / "runs", runs, symlinks=True)
    node, context = node_of(home, "abnet")
    context = dataclasses.replace(context, runs_dir=runs)
    trained_model(node, context)  # a copy elsewhere is as good
    bert = StageFolder(runs / "stages", "train", node.inputs["from.encoder"].fingerprint)
    tensors = load_file(bert.path / "weights.safetensors")
    tensors["embedding/tokens/table"] += np.float32(1e-6)
    save_file(tensors, bert.path / "weights.safetensors")
    with pytest.raises(UserError, match=r"the manifest says|has other bytes"):
        trained_model(node, context)
    manifest = bert.manifest()
    bert.finish(
        inputs=manifest["inputs"],
        identity=manifest["identity"],
        summary=manifest["summary"],
        seconds=manifest["seconds"],
    )
    with pytest.raises(UserError, match=r"bert_de\) was made anew since abnet was trained beside"):
        trained_model(node, context)


@pytest.mark.long
def test_a_stage_goes_on_from_one_that_shares(home, finished):
    """A stage after an AB-Net reads the BERTs through it, and does not write them either."""
    text = SPEC.replace("variants:\n", """  more:
    train: student
    data: train
    from: abnet
    trainable: [adapters]
    objective: {words: {kind: masked_lm, view: mask_predict}}
    steps: 2
    batch: {size: 384, unit: max_tokens}
variants:
""", 1)  # fmt: skip
    (home / "more.yaml").write_text(text, "utf-8")
    words = ("--until", "more")
    assert cli.main(arguments(home / "more.yaml", home / "runs", *words)) == cli.DONE
    own = set(load_file(finished / "more" / "weights.safetensors"))
    assert all(in_adapter(path) for path in own)
    node, context = node_of(home, "more", "more.yaml")
    model = trained_model(node, context)
    bert = load_file(finished / "bert_de" / "weights.safetensors")
    table = variables_by_path(model)["encoder/embedding/tokens/table"]
    np.testing.assert_array_equal(table, bert["embedding/tokens/table"])
    lengths = load_file(finished / "abnet" / "weights.safetensors")["lengths/table"]
    np.testing.assert_array_equal(variables_by_path(model)["lengths/table"], lengths)


@pytest.mark.long
def test_layers_of_a_bert_go_into_a_part(home, finished):
    """All but the upper layer of the German BERT; that one starts anew and is stored."""
    words = ["--until", "abnet"]
    for change in (
        "stages.abnet.from={encoder/embedding: bert_de, encoder/encoder/layer_1: bert_de, "
        "decoder: bert_en}",
        "stages.abnet.trainable=[adapters, lengths, encoder/encoder/layer_2]",
        "name=lower",
    ):
        words += ["--set", change]
    assert cli.main(arguments(home / "ab.yaml", home / "runs", *words)) == cli.DONE
    folder = home / "runs" / "lower" / "abnet"
    bert = load_file(finished / "bert_de" / "weights.safetensors")
    names = shared(folder)
    for part in ("embedding", "encoder/layer_1"):
        taken = {name for name in bert if name.startswith(f"{part}/")}
        assert names[f"from.encoder/{part}"] == {f"encoder/{name}": name for name in taken}
    own = {name for name in load_file(folder / "weights.safetensors") if not in_adapter(name)}
    upper = {f"encoder/{name}" for name in bert if name.startswith("encoder/layer_2/")}
    assert own == upper | {"lengths/table"}


@pytest.mark.long
def test_a_trained_bert_is_stored_with_its_adapters(home, finished):
    words = ("--variant", "whole", "--until", "abnet")
    assert cli.main(arguments(home / "ab.yaml", home / "runs", *words)) == cli.DONE
    folder = home / "runs" / "ab@whole" / "abnet#whole"
    assert "encoder/embedding/tokens/table" in load_file(folder / "weights.safetensors")
    assert shared(folder) == {}


@pytest.mark.long
def test_a_users_own_adapter_joins_as_a_plugin(home, finished, monkeypatch):
    """It is named in the spec, stands where its options say, learns, and is exported."""
    monkeypatch.syspath_prepend(HERE)
    words = ("--variant", "own_adapter", "--plugin", "low_rank_plugin")
    assert cli.main(arguments(home / "ab.yaml", home / "runs", *words)) == cli.DONE
    run = home / "runs" / "ab@own_adapter"
    own = load_file(run / "abnet#own_adapter" / "weights.safetensors")
    paths = [path for path in own if path.startswith("encoder/") and path.endswith("up/kernel")]
    assert len(paths) == 2
    assert all("/adapter_on_self_attention_output/" in path for path in paths)
    assert all(np.abs(own[path]).max() > 0 for path in paths)  # they start at 0
    assert (run / "export" / "abnet" / "1" / "saved_model.pb").is_file()


@pytest.mark.long
def test_the_savedmodel_takes_iterations_and_length_candidates(exported):
    loaded = tf.saved_model.load(str(exported / "export" / "abnet" / "1"))
    call = loaded.signatures["with_options"]
    text = tf.constant(["der mann läuft.", "", "zwei hunde spielen im park."])
    plain = loaded.signatures["serving_default"](text=text)
    same = call(text=text, iterations=tf.constant(10), length_candidates=tf.constant(4))
    assert plain["outputs"].numpy().tolist() == same["outputs"].numpy().tolist()
    assert same["outputs"].numpy()[1] == b""
    once = call(text=text, iterations=tf.constant(1), length_candidates=tf.constant(1))
    assert once["scores"].numpy().tolist() != same["scores"].numpy().tolist()
