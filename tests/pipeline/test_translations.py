"""Whole lines over what a translate stage wrote: taught by outputs, and translated back."""

import json
import shutil

import numpy as np
import pytest
from drills import stage_of
from small_line import SPEC, arguments, manifest, stage_folders

from tfkd import cli
from tfkd.data.text.text_corpus import TextCorpus
from tfkd.data.tokenizers import load_tokenizer
from tfkd.decoding import Decoder, build_search
from tfkd.models import build_model, load_weights
from tfkd.spec import load_spec

pytestmark = pytest.mark.long

# `reverse` reads English and writes German; what it makes of English text is swapped again.
MORE = """\
  reverse:
    train: student
    data: {of: train, swap: true}
    objective: {cross_entropy: {}}
    steps: 4
    batch: {size: 512, unit: max_tokens, max_length: 64}
    schedule: {kind: linear, rate: 1e-2}
  back: {translate: reverse, data: english, decode: {kind: greedy}}
  outputs: {translate: reverse, data: english, decode: {kind: greedy}, keep_source: false}
  taught:
    train: student
    data: [{of: train}, {of: synthetic}, {of: back, swap: true}]
    objective: {cross_entropy: {}}
    steps: 4
    batch: {size: 512, unit: max_tokens, max_length: 64}
    schedule: {kind: linear, rate: 1e-2}
    validate: {on: back, every: 2, metrics: [loss]}
  read:
    train: teacher
    data: [outputs, synthetic]
    objective: {masked_lm: {view: mlm}}
    steps: 2
    batch: {size: 512, unit: max_tokens}
    schedule: {kind: linear, rate: 1e-2}
variants:
"""
ENDS = """\
evaluate:
  - {of: taught, on: [synthetic, back], decode: {kind: greedy}, metrics: [bleu, loss], bootstrap: 20}
  - {of: stored, on: [synthetic], metrics: [teacher_check], against: taught}
"""  # noqa: E501


@pytest.fixture(scope="module")
def lines(line, tmp_path_factory):
    """The finished line, and another on its data that trains on outputs."""
    folder = tmp_path_factory.mktemp("translations")
    for path in line.spec.parent.glob("*.*"):
        shutil.copy2(path, folder / path.name)
    runs = folder / "runs"
    shutil.copytree(line.runs, runs, symlinks=True)
    english = (folder / "valid.en").read_text("utf-8").splitlines()
    (folder / "english.txt").write_text("".join(f"{text}\n" for text in english * 2), "utf-8")
    text = SPEC.partition("evaluate:")[0] + ENDS
    text = text.replace("name: small", "name: translations").replace("variants:\n", MORE)
    text = text.replace(
        "tokenizers:", "  english: {text: english.txt, lower_case: true}\ntokenizers:"
    )
    text = text.replace("views:", "views:\n  mlm: {kind: mlm, max_length: 64}")
    text = text.replace("  read:", "  stored: {score: read, data: synthetic, top_k: 4, passes: 2, "
                        "max_length: 160}\n  read:")  # fmt: skip
    spec = folder / "translations.yaml"
    spec.write_text(text, "utf-8")
    assert cli.main(arguments(spec, runs)) == cli.DONE
    return spec, runs, runs / "translations"


def texts(folder):
    text = TextCorpus.open(folder)
    return {field: list(text.lines(field)) for field in text.fields}


def by_hand(runs, stage, sources):
    """All sources at once by the model that a stage translates with."""
    inputs = manifest(stage)["inputs"]
    trained = runs / "stages" / inputs["model"]
    spec = load_spec(runs.parent / "translations.yaml")
    (tokenizer,) = stage_folders(runs, "tokenizer")
    tokenizer = load_tokenizer(tokenizer)
    model = build_model(spec.models["student"], {"joint": tokenizer}, policy="float32", seed=1)
    load_weights(model, trained / "weights.safetensors")
    decoder = Decoder(model, build_search({"kind": "greedy"}), tokenizer, tokenizer)
    return tokenizer.decode_batch(decoder.decode(tokenizer.encode(sources)).outputs)


@pytest.mark.parametrize("name", ["synthetic", "back"])
def test_outputs_are_those_of_the_decoder_row_by_row(lines, name):
    spec, runs, run = lines
    found = texts(run / name)
    file = {"synthetic": "train.de", "back": "english.txt"}[name]
    sources = [one.lower() for one in (spec.parent / file).read_text("utf-8").splitlines()]
    report = manifest(run / name)["summary"]["report"]
    assert report["read"] == len(sources)
    outputs = by_hand(runs, run / name, sources)
    kept = [(s, o) for s, o in zip(sources, outputs, strict=True) if o]
    assert list(zip(found["source"], found["target"], strict=True)) == kept
    assert len(kept) == report["kept"] > len(sources) // 2
    assert len(set(found["target"])) > 1
    if name == "back":
        assert texts(run / "outputs") == {"text": found["target"]}


def test_what_is_trained_on_outputs_reads_their_ids(lines):
    """Source and target of `back` changed places: German outputs are read, English is written."""
    _, runs, run = lines
    inputs = manifest(run / "taught")["inputs"]
    for index, name, swap in ((1, "synthetic", False), (2, "back", True)):
        fields = ("target", "source") if swap else ("source", "target")
        found = texts(run / name)
        for field in fields:
            ids = runs / "stages" / inputs[f"data.{index}.ids.{field}.{fields.index(field)}"]
            (tokenizer,) = stage_folders(runs, "tokenizer")
            expected = load_tokenizer(tokenizer).encode(found[field])
            assert np.array_equal(np.load(ids / "offsets.npy"), expected.offsets)
    assert manifest(run / "taught")["summary"]["steps"] == 4
    history = [json.loads(one) for one in (run / "taught" / "history.jsonl").read_text().split("\n")
               if one]  # fmt: skip
    assert [one["step"] for one in history if "validation" in one] == [2, 4]


def test_results_and_report_tell_of_translate_stages(lines):
    _, _, run = lines
    results = json.loads((run / "results.json").read_text("utf-8"))
    entry = results["stages"]["translate synthetic"]
    assert entry["kind"] == "translate"
    assert entry["summary"]["tokens"] > 0
    assert results["data"]["back"]["read"] == 48
    on = {one["on"]: one for one in results["evaluations"]}
    found = texts(run / "back")
    references = (run / on["back"]["references"]).read_text("utf-8").split("\n")[:-1]
    assert references == found["target"]
    assert results["teacher_checks"][0]["on"] == "synthetic"
    page = (run / "report.html").read_text("utf-8")
    assert "<td>translate</td>" in page


def test_it_is_shared_with_the_line_that_it_came_from(lines, line):
    _, runs, _ = lines
    results = json.loads((runs / "translations" / "results.json").read_text("utf-8"))
    assert results["stages"]["translate synthetic"]["cached"]
    assert stage_of(line.runs, "translate").name in {
        path.name for path in stage_folders(runs, "translate")
    }


def test_smoke_trains_on_outputs_too(lines, tmp_path):
    """A model of a few steps writes little; the line runs all the same."""
    spec, _, _ = lines
    assert cli.main(arguments(spec, tmp_path, "--smoke", "--until", "taught")) == cli.DONE
    run = tmp_path / "translations-smoke"
    assert len(texts(run / "back")["source"]) == manifest(run / "back")["summary"]["report"]["read"]
    assert manifest(run / "taught")["summary"]["steps"] == 4
