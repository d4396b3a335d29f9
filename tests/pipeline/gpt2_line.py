"""A language model's line: a published GPT-2, packed text, distillation within the step."""

import importlib.util
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from tfkd.data.grammars.generated import german_english
from tfkd.data.tokenizers import learn_byte_bpe
from tfkd.models import Gpt2, save_published_gpt2
from tfkd.pipeline.engine.builder import GraphBuilder
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.run import run
from tfkd.spec import load_spec

SPEC = """\
tfkd: 1
name: gpt
data:
  text: {text: text.txt}
  valid: {text: valid.txt}
  counted: {text: counted.txt, detokenize: wikitext}
tokenizers: {bytes: {kind: byte_bpe, preset: gpt2}}
teacher:
  {kind: gpt2, layers: 2, width: 12, heads: 3, max_length: 48, dropout: 0.0, tokenizer: bytes}
student: {kind: gpt2, layers: 1, width: 8, heads: 2, max_length: 32, tokenizer: bytes}
stages:
  gpt: {load: gpt2, into: teacher}
  same:
    train: teacher
    from: gpt
    data: [{of: text, pack: 40}]
    steps: 2
    objective: {soft: {kind: soft_targets, teacher: gpt}}
    batch: {size: 512, unit: joint_tokens}
    schedule: {kind: constant, rate: 1e-12}
    validate: {on: valid, every: 2, metrics: [loss, perplexity]}
    log_every: 1
  zero: {load: zero, into: teacher}
  flat:
    train: teacher
    from: zero
    data: [{of: text, pack: 48}]
    steps: 1
    objective: {causal_lm: {}}
    batch: {size: 512, unit: joint_tokens}
    schedule: {kind: constant, rate: 1e-12}
  distil:
    train: student
    data: [{of: text, pack: {length: 32, separator: newline}}, {of: valid, weight: 0.5}]
    steps: 4
    objective:
      words: {kind: causal_lm, weight: 0.6}
      soft: {kind: soft_targets, weight: 0.4, teacher: gpt}
    batch: {size: 512, unit: joint_tokens}
    validate: {on: valid, every: 2, metrics: [loss, accuracy]}
    log_every: 1
evaluate:
  - of: distil
    on: [valid]
    metrics: [loss, perplexity, accuracy]
    bootstrap: 20
    noise: {sigma: 0.3, draws: 2}
  - of: same
    on: [counted]
    metrics: [word_perplexity]
    context: 20
    against: flat
    bootstrap: 20
    noise: {sigma: 0.4, draws: 2}
  - {of: flat, on: [counted], metrics: [word_perplexity], context: 20, bootstrap: 20}
  - {of: distil, on: [counted], metrics: [loss, word_perplexity], bootstrap: 20}
  - {of: gpt, on: [counted], metrics: [loss, word_perplexity], context: 20, bootstrap: 20}
"""


COUNTED = """
 = Head =

 A well @-@ known dog , which does n't run 2 @.@ 5 miles .
 It 's here ( again ) .

"""


class Place:
    """A folder with texts and a published GPT-2; a run of all of its spec, once it is made."""

    def __init__(self, folder):
        self.folder = folder
        lines = [pair[1] for pair in german_english(260, 1)]
        self.texts = {"text": lines[:240], "valid": lines[240:]}
        self.tokenizer = learn_byte_bpe(lines, 300)
        self.context = Context(data_dir=folder, runs_dir=folder / "runs", say=lambda line: None)

    def make(self):
        folder = self.folder
        for name, rows in self.texts.items():
            (folder / f"{name}.txt").write_text("".join(f"{row}\n" for row in rows), "utf-8")
        model = Gpt2(self.tokenizer.size, layers=2, width=12, heads=3, max_length=48)
        generator = np.random.default_rng(5)
        for variable in model.weights:
            variable.assign(
                variable.value.numpy() + generator.normal(scale=0.2, size=variable.shape)
            )
        save_published_gpt2(model, folder / "gpt2", end_id=self.tokenizer.end_id)
        self.tokenizer.save(folder / "gpt2")
        model.embedding.tokens.table.assign(0 * model.embedding.tokens.table)
        save_published_gpt2(model, folder / "zero")
        (folder / "counted.txt").write_text(COUNTED, "utf-8")
        (folder / "spec.yaml").write_text(SPEC, "utf-8")
        run(self.spec(), data_dir=folder, runs_dir=folder / "runs", say=lambda line: None)

    def spec(self, *overrides):
        return load_spec(self.folder / "spec.yaml", overrides=overrides)

    def node(self, stage):
        spec = self.spec()
        return GraphBuilder(self.folder, spec).stage(spec, stage)

    def history(self, stage):
        text = (self.context.stages / self.node(stage).key / "history.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()]


def numpy_reference():
    path = Path(__file__).parents[1] / "models" / "gpt2_reference.py"
    specification = importlib.util.spec_from_file_location("gpt2_reference", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def evaluated(gpt, of, metric="word_perplexity"):
    """The entry of results.json of a stage's evaluation with this metric."""
    results = json.loads((gpt.folder / "runs" / "gpt" / "results.json").read_text())
    (entry,) = [e for e in results["evaluations"] if e["of"] == of and metric in e["metrics"]]
    return entry


DETOKENIZED = ["= Head =", "A well-known dog, which doesn't run 2.5 miles.", "It's here (again)."]


def text_sequence(gpt, after):
    """The de-tokenized text's tokens, with this one after each line that is not empty."""
    return [t for line in DETOKENIZED for t in [*gpt.tokenizer.encode([line]).values, after]]


WORDS = len(COUNTED.split())


LINES = len(COUNTED.splitlines())


def nats_in_windows(gpt, folder, after, length):
    """Of the de-tokenized text, by the checkpoint of a folder, with 20 tokens of context."""
    reference = numpy_reference()
    tensors = load_file(folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    sequence, total = [after, *text_sequence(gpt, after)], 0.0
    step = length - 20
    for start in range(0, len(sequence) - 1, step):
        stop = min(start + step, len(sequence) - 1)
        first = max(start + step - length, 0)
        read = np.array(sequence[first:stop])
        logits = reference.logits(tensors, config, read)
        log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        for place_in_text in range(start, stop):
            total -= log_p[place_in_text - first, sequence[place_in_text + 1]]
    return total
