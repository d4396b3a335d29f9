"""A language model's whole line: checks, continuations, SavedModels and prompts."""

import json
from types import SimpleNamespace

import pytest
import tensorflow as tf
from margins import share_right
from small_line import arguments

from tfkd import cli
from tfkd.data.grammars.generated import german_english
from tfkd.decoding import build_search
from tfkd.decoding.continuation import continue_prompts
from tfkd.evaluation.results.form import result_errors
from tfkd.pipeline.engine.builder import GraphBuilder
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.inputs.made import side_tokenizers
from tfkd.pipeline.inputs.models import trained_model
from tfkd.pipeline.tasks.continuations import halves
from tfkd.serving import load_saved_model
from tfkd.spec import load_spec

SAMPLE = {"kind": "sample", "top_k": 20, "seed": 3, "max_length": 12}
SPEC = """\
tfkd: 1
name: go_on
data:
  text: {text: text.txt, lower_case: true}
  valid: {text: valid.txt, lower_case: true}
tokenizers: {bytes: {kind: byte_bpe, size: 290, learn_from: text}}
teacher:
  {kind: gpt2, layers: 1, width: 24, heads: 3, max_length: 64, dropout: 0.0, tokenizer: bytes}
student:
  {kind: gpt2, layers: 1, width: 16, heads: 2, max_length: 64, dropout: 0.0, tokenizer: bytes}
stages:
  teach:
    train: teacher
    data: [{of: text, pack: 48}, text]
    steps: 60
    objective: {causal_lm: {}}
    batch: {size: 512, unit: joint_tokens}
    schedule: {kind: linear, rate: 2e-2}
  learn:
    train: student
    data: text
    steps: 15
    objective:
      words: {kind: causal_lm}
      soft: {kind: soft_targets, teacher: teach}
    balance: {soft: 0.4}
    batch: {size: 512, unit: joint_tokens}
    schedule: {kind: linear, rate: 2e-2}
    validate: {on: valid, every: 15, metrics: [loss]}
variants:
  baseline:
    stages.learn.balance: null
    stages.learn.objective: {words: {kind: causal_lm}}
evaluate:
  - {of: teach, on: [text, valid], metrics: teacher_check}
  - {of: teach, on: valid, metrics: teacher_check, against: "learn#baseline"}
  - {of: "learn#baseline", on: valid, metrics: [accuracy], bootstrap: 20}
  - of: learn
    on: valid
    metrics: [perplexity]
    decode: {kind: sample, top_k: 20, seed: 3, max_length: 12}
    against: "learn#baseline"
    bootstrap: 20
export: [teach, learn]
"""


@pytest.fixture(scope="module")
def line(tmp_path_factory, checked_here):
    folder = tmp_path_factory.mktemp("go_on")
    lines = [pair[1] for pair in german_english(260, 1)]
    for name, rows in (("text", lines[:240]), ("valid", [*lines[240:], "Yes."])):
        (folder / f"{name}.txt").write_text("".join(f"{row}\n" for row in rows), "utf-8")
    path = folder / "spec.yaml"
    path.write_text(SPEC, "utf-8")
    runs = folder / "runs"
    assert cli.main(arguments(path, runs)) == cli.DONE
    results = json.loads((runs / "go_on" / "results.json").read_text("utf-8"))
    context, spec = Context(data_dir=folder, runs_dir=runs), load_spec(path)

    def opened(stage):
        node = GraphBuilder(folder, spec).stage(spec, stage)
        return trained_model(node, context), side_tokenizers(node, context)["text"]

    return SimpleNamespace(
        run=runs / "go_on", results=results, opened=opened, valid=[*lines[240:], "Yes."]
    )


def continued(line, stage, prompts, decode):
    """Each prompt by itself."""
    model, tokenizer = line.opened(stage)
    written = []
    for prompt in prompts:
        ids = [int(tokenizer.start_id), *tokenizer.encode([prompt]).row(0).tolist()[-31:]]
        found = continue_prompts(
            model, build_search(decode), tf.constant([ids]), tf.constant([len(ids)]), tokenizer
        )
        text = tokenizer.in_graph().detokenize(found.ids).numpy()[0].decode("utf-8")
        written.append(text.replace("\n", " "))
    return written


def lines_of(path):
    return path.read_text("utf-8").removesuffix("\n").split("\n")


def test_halves_are_whole_words_and_together_the_line():
    assert halves("a man walks in") == ("a man", " walks in")
    assert halves(" one  two three ") == (" one  two", " three ")
    assert halves("men men men men") == ("men men", " men men")
    assert halves("两只狗在") == ("两只", "狗在")
    assert halves("") == ("", "")


@pytest.mark.long
def test_first_halves_of_lines_are_continued_for_people_to_read(line):
    assert result_errors(line.results) == []
    entry = line.results["evaluations"][1]
    assert list(entry["metrics"]) == ["perplexity"]
    assert "hypotheses" not in entry  # they are no translations of the references
    files = {
        name: lines_of(line.run / entry[name])
        for name in ("prompts", "continuations", "references")
    }
    expected = [halves(row.lower()) for row in line.valid]
    assert list(zip(files["prompts"], files["references"], strict=True)) == expected
    some = slice(0, None, 5)
    prompts = files["prompts"][some]
    assert files["continuations"][some] == continued(line, "learn", prompts, SAMPLE)
    example = entry["examples"][0]
    assert example["source"] == expected[0][0]
    assert example["hypothesis"] == files["continuations"][0].strip()
    others = continued(line, "learn#baseline", [expected[0][0]], SAMPLE)
    assert example["against"] == others[0].strip()
    page = (line.run / "report.html").read_text("utf-8")
    assert 'id="examples"' in page


@pytest.mark.long
def test_a_check_without_a_baseline_is_beside_the_last_word_alone(line):
    model, tokenizer = line.opened("teach")
    start, end = int(tokenizer.start_id), int(tokenizer.end_id)
    whole, alone, gold, counts = [], [], [], {}
    for row in line.valid:
        ids = [start, *tokenizer.encode([row.lower()]).row(0).tolist(), end][:65]
        logits = model.head.logits(model({"ids": tf.constant([ids[:-1]])})["hidden"])[0].numpy()
        # The first word is predicted from the start, each other one from the one before it.
        read = tf.constant([[start, token] for token in ids[1:-1]])
        last = model.head.logits(model({"ids": read})["hidden"])[:, -1].numpy()
        whole, alone, gold = [*whole, *logits], [*alone, logits[0], *last], [*gold, *ids[1:]]
    for word in gold:
        counts[word] = counts.get(word, 0) + 1
    on_text, check = line.results["teacher_checks"][:2]
    assert check["metrics"]["accuracy"] == share_right(whole, gold)
    assert check["baseline"]["accuracy"] == share_right(alone, gold)
    assert check["metrics"]["positions"] == check["baseline"]["positions"] == len(gold)
    assert check["most_frequent"] == pytest.approx(max(counts.values()) / len(gold))
    assert check["beside"] == "the teacher that sees the last word alone"
    assert f"of {len(gold):,} next words" in check["message"]
    assert (on_text["seen"], check["seen"]) == (True, False)
    page = (line.run / "report.html").read_text("utf-8")
    assert "The teacher that sees the last word alone" in page


@pytest.mark.long
def test_a_check_against_a_model_is_at_the_same_words(line):
    check = line.results["teacher_checks"][2]
    accuracy = line.results["evaluations"][0]["metrics"]["accuracy"]["value"]
    assert check["baseline"]["accuracy"] == pytest.approx(accuracy)
    assert check["metrics"] == pytest.approx(line.results["teacher_checks"][1]["metrics"])
    assert check["baseline"]["positions"] == check["metrics"]["positions"]
    assert check["beside"] == "a model without a teacher"
    difference = check["metrics"]["accuracy"] - accuracy
    assert check["difference"]["value"] == pytest.approx(difference)


@pytest.mark.long
def test_savedmodels_are_checked_and_say_how_they_continue(line):
    exports = {export["stage"]: export for export in line.results["exports"]}
    assert all(export["check"]["prompts"] > 10 for export in exports.values())
    # As the first evaluation of the stage says; else greedily.
    cards = {
        stage: (line.run / export["folder"] / "README.md").read_text("utf-8")
        for stage, export in exports.items()
    }
    assert "top_k 20, seed 3" in cards["learn"]
    assert "at most 12 tokens" in cards["learn"]
    assert "with the likeliest token" in cards["teach"]
    assert "input: lower-cased first" in cards["learn"]
    prompts = ["", "a man", "Two DOGS run in the", "ü " * 100]
    served = load_saved_model(line.run / "export" / "learn")
    expected = continued(line, "learn", [prompt.lower() for prompt in prompts], SAMPLE)
    assert [one.text.replace("\n", " ") for one in served.translate(prompts)] == expected


@pytest.mark.long
def test_prompts_from_a_file_and_seeds(line, tmp_path, capsys):
    prompts, out = tmp_path / "prompts", tmp_path / "out"
    prompts.write_text("a man\n\na man\n", "utf-8")
    learnt = str(line.run / "export" / "learn")
    command = ["generate", learnt, "--input", str(prompts), "--output", str(out)]
    drawn = {}
    for seed in (None, 3, 4, 5):
        words = [] if seed is None else ["--seed", str(seed)]
        assert cli.main([*command, *words]) == cli.DONE
        drawn[seed] = lines_of(out)
        assert len(drawn[seed]) == 3
        assert drawn[seed][0] == drawn[seed][2]
    assert drawn[None] == drawn[3] == continued(line, "learn", ["a man", "", "a man"], SAMPLE)
    assert len({text for one in drawn.values() for text in one}) > 3
    assert cli.main([*command, "--scores"]) == cli.DONE
    assert all(float(row.split("\t")[0]) < 0 for row in lines_of(out))
    assert cli.main([*command, "--iterations", "3"]) == cli.WRONG_INPUT
    assert "it has seed" in capsys.readouterr().err
    greedy = [*command[:1], str(line.run / "export" / "teach"), *command[2:]]
    assert cli.main([*greedy, "--seed", "3"]) == cli.WRONG_INPUT
    assert "no option seed" in capsys.readouterr().err


@pytest.mark.long
def test_bench_reads_the_prompts_of_the_run(line, tmp_path, capsys):
    out = tmp_path / "bench.json"
    words = ["bench", str(line.run), "--rounds", "1", "--output", str(out)]
    assert cli.main([*words, "--seed", "9"]) == cli.DONE
    assert "ms a line" in capsys.readouterr().out
    found = json.loads(out.read_text("utf-8"))
    parameters = {model["model"]: model["parameters"] for model in found["models"]}
    learnt, taught = (
        size for name in ("learn", "teach") for model, size in parameters.items() if name in model
    )
    assert learnt < taught
    assert found["lines"] == len(line.results["evaluations"][1]["examples"])


@pytest.mark.long
def test_compare_has_nothing_to_score(line, capsys):
    assert cli.main(["compare", str(line.run), str(line.run)]) == cli.WRONG_INPUT
    assert "no word_perplexity" in capsys.readouterr().err
