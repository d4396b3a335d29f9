"""The mask task end to end, from Chinese and into Chinese, on generated sentences."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from small_line import arguments, stage_folders, weights

from tfkd import cli
from tfkd.commands.compare import compare
from tfkd.data.tokenizers import load_tokenizer

pytestmark = pytest.mark.long

WHO = [
    ("男人", "the man"),
    ("小女孩", "the little girl"),
    ("两只狗", "two dogs"),
    ("老师", "the teacher"),
    ("孩子们", "the children"),
    ("3名工人", "3 workers"),
]
WHERE = [
    ("在公园里", "in the park"),
    ("在雪地上", "on the snow"),
    ("在NBA球场上", "on an NBA court"),
    ("在街上", "in the street"),
]
WHAT = [
    ("跑步", "run"),
    ("看书", "read books"),
    ("吃苹果", "eat apples"),
    ("唱歌", "sing"),
    ("玩球", "play ball"),
]
END = [("。", "."), ("！", "!")]

SPEC = """\
tfkd: 1
name: mask
data:
  train: {parallel: [train.zh, train.en]}
  valid: {parallel: [valid.zh, valid.en]}
  chinese: {text: [train.zh, valid.zh]}
tokenizers:
  source: {kind: wordpiece, size: 120, learn_from: [chinese]}
  target:
    kind: sentencepiece
    model: bpe
    size: 90
    learn_from: [train.target]
    character_coverage: 1.0
teacher:
  kind: bert
  layers: 2
  width: 16
  heads: 2
  max_length: 64
  initializer_range: 0.1
  tokenizer: source
student:
  kind: transformer
  encoder_layers: 2
  decoder_layers: 1
  width: 16
  heads: 2
  tokenizer: {source: source, target: target}
views:
  masked: {kind: mlm, p: 0.3, max_length: 64}
stages:
  pretrain:
    train: teacher
    data: chinese
    objective: {masked_lm: {view: masked}}
    steps: 150
    batch: {size: 512, unit: joint_tokens}
    schedule: {kind: linear, rate: 1e-2}
  learn:
    train: student
    data: train
    objective:
      words: {kind: cross_entropy, label_smoothing: 0.1}
      mask_task: {kind: soft_targets, weight: 0.5, view: masked, teacher: pretrain}
      states: {kind: hidden_states, weight: 0.1, layers: mix, teacher: pretrain}
    gradients: {gated: {main: words, auxiliary: [mask_task, states], modules: layer}}
    steps: 12
    batch: {size: 384, unit: max_tokens}
    schedule: {kind: linear, rate: 1e-2}
    log_every: 4
    save_every: 0.05
    validate: {on: valid, every: 6, metrics: [loss, bleu], keep: {best: loss}}
variants:
  baseline:
    stages.learn.objective.mask_task.weight: 0
    stages.learn.objective.states.weight: 0
  into_chinese:
    data.train.parallel: [train.en, train.zh]
    data.valid.parallel: [valid.en, valid.zh]
    tokenizers.target.normalization: identity
    student.tokenizer: {source: target, target: target}
    stages.learn.objective: {words: {kind: cross_entropy}}
    stages.learn.gradients: null
    stages.learn.validate: {on: valid, every: 6, metrics: [bleu], tokenize: zh}
    evaluate:
      - of: learn
        on: valid
        metrics: [bleu, chrf]
        tokenize: zh
        decode: {kind: greedy}
        bootstrap: 20
evaluate:
  - {of: pretrain, on: chinese, metrics: teacher_check}
  - of: learn
    on: valid
    decode: {kind: greedy}
    metrics: [bleu, loss]
    against: "learn#baseline"
    bootstrap: 20
export: [learn]
"""


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chinese")
    pairs = list(itertools.product(WHO, WHERE, WHAT, END))
    np.random.default_rng(1).shuffle(pairs)
    for name, some in (("train", pairs[:200]), ("valid", pairs[200:])):
        zh = "".join("".join(part[0] for part in pair) + "\n" for pair in some)
        en = "".join(" ".join(part[1] for part in pair[:3]) + pair[3][1] + "\n" for pair in some)
        (folder / f"{name}.zh").write_text(zh, "utf-8")
        (folder / f"{name}.en").write_text(en, "utf-8")
    path = folder / "mask.yaml"
    path.write_text(SPEC, "utf-8")
    return path


@pytest.fixture(scope="module")
def run(spec, checked_here):
    runs = spec.parent / "runs"
    assert cli.main(arguments(spec, runs)) == cli.DONE
    return runs


def results(runs, name="mask"):
    return json.loads((runs / name / "results.json").read_text("utf-8"))


def test_each_line_of_the_history_says_how_often_a_module_was_gated(run):
    lines = results(run)["histories"]["learn"]
    gates = [line["combiner"] for line in lines if "combiner" in line]
    assert len(gates) == 3
    for found in gates:
        assert set(found) == {"gated/embedding", "gated/encoder.layer_1", "gated/encoder.layer_2"}
        assert all(0 <= share <= 1 and (4 * share).is_integer() for share in found.values())
    assert {
        line["terms"].keys() >= {"words", "mask_task", "states"}
        for line in lines
        if "terms" in line
    } == {True}
    page = (run / "mask" / "report.html").read_text("utf-8")
    assert "encoder.layer_2: steps without the auxiliary gradient" in page


def test_what_terms_own_is_in_no_students_weights(run):
    for folder in stage_folders(run, "train"):
        for name in weights(folder):
            assert not {"terms", "classifier", "projection_hidden"} & set(name.split("/")), name


def test_the_baseline_has_neither_teacher_nor_gates(run):
    lines = results(run)["histories"]["learn#baseline"]
    assert not any("combiner" in line for line in lines)
    assert {tuple(line["terms"]) for line in lines if "terms" in line} == {("words",)}


def test_the_check_of_masked_words_tells_what_context_gives(run):
    (check,) = results(run)["teacher_checks"]
    blind, seen = check["baseline"], check["metrics"]
    assert check["beside"] == "the teacher without context"
    assert seen["positions"] == blind["positions"] > 100
    assert check["context"] == pytest.approx(seen["accuracy"] - blind["accuracy"])
    assert check["verdict"] == "clearly better"
    assert 0 < check["most_frequent"] < seen["accuracy"]
    assert "points come of context" in check["message"]
    assert "The teacher without context" in (run / "mask" / "report.html").read_text("utf-8")


def test_an_exported_student_reads_chinese(run):
    served = tf.saved_model.load(str(run / "mask" / "export" / "learn" / "1"))
    answer = served.signatures["serving_default"](tf.constant(["两只狗在雪地上玩球。", "你好！"]))
    texts = next(value for value in answer.values() if value.dtype == tf.string)
    assert texts.shape[0] == 2
    assert results(run)["exports"][0]["check"]


def test_chinese_is_written_without_spaces_and_scored_by_its_characters(spec, run):
    assert cli.main(arguments(spec, run, "--variant", "into_chinese")) == cli.DONE
    (entry,) = results(run, "mask@into_chinese")["evaluations"]
    assert "tok:zh" in entry["metrics"]["bleu"]["signature"]
    assert entry["round_trip"]["value"] == pytest.approx(100)
    assert not any(" " in example["reference"] for example in entry["examples"])
    # And compared by them.
    folder = run / "mask@into_chinese"
    assert f"and {entry['metrics']['bleu']['value']:.2f}" in compare(folder, folder, samples=20)


def test_chinese_word_pieces_come_back_as_people_write_them(run):
    folders = [f for f in stage_folders(run, "tokenizer") if (f / "vocabulary.txt").exists()]
    tokenizer = load_tokenizer(Path(folders[0]))
    lines = ["两只狗在雪地上玩球。", "3名工人在NBA球场上吃苹果！"]
    assert tokenizer.decode_batch(tokenizer.encode(lines)) == lines
    # Each Chinese character is a word of its own, which a view may hide.
    assert len(tokenizer.encode(["两只狗"]).row(0)) == 3


def test_a_stopped_training_goes_on_with_the_classifiers_weights(spec, run, tmp_path):
    """The same weights as without a stop: terms' weights and slots are in the checkpoint."""
    runs = tmp_path / "runs"
    code = cli.main(arguments(spec, runs, "--until", "pretrain"))
    assert code == cli.DONE
    from tfkd.training.step_function import StepFunction

    class StopError(Exception):
        pass

    taken = []
    step = StepFunction.steps

    def some(self, *arguments, **options):
        taken.append(1)
        if len(taken) == 8:
            raise StopError
        return step(self, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StepFunction, "steps", some)
        assert cli.main(arguments(spec, runs, "--until", "learn")) == cli.FAULT
    assert cli.main(arguments(spec, runs, "--until", "learn")) == cli.DONE
    one = next(
        folder
        for folder in stage_folders(runs, "train")
        if any(name.startswith("decoder") for name in weights(folder))
    )
    whole = weights(run / "stages" / one.name)
    again = weights(one)
    assert whole.keys() == again.keys()
    assert all(whole[name] == again[name] for name in whole)


PLUGIN = '''
from typing import Literal

from pydantic import Field

from tfkd.spec.options import CombinerOptions
from tfkd.spec.registry import register


class HalvedOptions(CombinerOptions):
    """The auxiliary gradient counts a share."""

    kind: Literal["halved"] = Field("halved", description="The kind of combiner.")
    share: float = Field(0.5, description="The share.")


class Halved:
    grouped = True

    def __init__(self, share):
        self.share = share

    def __call__(self, groups, parameters):
        from tfkd.training import Combined

        both = zip(groups["main"], groups["auxiliary"])
        total = []
        for one, other in both:
            less = None if other is None else self.share * other
            total.append(less if one is None else one if less is None else one + less)
        return Combined(total, {"share": self.share})


register("combiner", "halved", options=HalvedOptions, target=__name__ + ":Halved")
'''


def test_a_users_own_combiner_joins_as_a_plugin(spec, run, tmp_path, monkeypatch):
    (tmp_path / "halved_gradients.py").write_text(PLUGIN, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    lists = "main: [words], auxiliary: [mask_task, states]"
    words = ["--plugin", "halved_gradients", "--until", "learn", "--set", "name=halved"]
    words += ["--set", f"stages.learn.gradients={{halved: {{{lists}, share: 0.25}}}}"]
    assert cli.main(arguments(spec, run, *words)) == cli.DONE
    history = (run / "halved" / "learn" / "history.jsonl").read_text("utf-8")
    lines = [json.loads(line) for line in history.splitlines()]
    assert [line["combiner"] for line in lines if "combiner" in line] == [{"share": 0.25}] * 3
