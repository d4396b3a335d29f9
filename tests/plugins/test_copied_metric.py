"""A metric in one module: in specs, scored, compared, reported, with and without its plugin."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from tfkd.data.grammars.everyday import with_ceiling
from tfkd.evaluation import metric_named, paired_bootstrap, result_errors, score_of
from tfkd.evaluation.asked_metrics import metric_of
from tfkd.evaluation.ceilings import ceiling
from tfkd.reference import json_schema, listing
from tfkd.spec import load_spec, registry, validate_files
from tfkd.spec import metrics as known
from tfkd.spec.errors import UserError
from tfkd.spec.metrics import about, higher_is_better
from tfkd.spec.options import EvaluateOptions, MetricOptions
from tfkd.training.state.keep import Keeper

HERE = Path(__file__).parent
PLUGIN = "copied_metric"
SOURCES = ["ein hund", "tim und anna", "der mann schläft"]
REFERENCES = ["a dog", "tim and anna", "the man sleeps"]
OUTPUTS = ["ein dog", "tim und anna", "the man sleeps"]
MEASURED = """\
tfkd: 1
name: measured
data:
  train: {parallel: [train.de, train.en]}
  valid: {parallel: [valid.de, valid.en]}
  test: {parallel: [test.de, test.en]}
tokenizers: {joint: {kind: wordpiece, size: 150, learn_from: [train]}}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 16, heads: 2,
  max_length: 64, tokenizer: joint}
stages:
  learn:
    train: student
    data: train
    objective: {cross_entropy: {label_smoothing: 0.1}}
    steps: 6
    validate: {on: valid, every: 3, metrics: [loss, copied], keep: {best: copied}}
variants: {bare: {stages.learn.objective: {cross_entropy: {}}}}
evaluate:
  - of: learn
    on: test
    metrics: [bleu, copied, loss]
    metric_options: {copied: {least: 2}}
    decode: {kind: greedy}
    against: "learn#bare"
    noise: {sigma: 0.1, draws: 2, metrics: copied}
"""


@pytest.fixture
def joined(monkeypatch):
    """The plugin, which is forgotten again."""
    monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    monkeypatch.setattr(known, "_told", {})
    monkeypatch.syspath_prepend(HERE)
    known.metrics()  # the package's own come first
    registry.load_plugins([PLUGIN])


def spec_file(folder, text=MEASURED):
    path = folder / "measured.yaml"
    path.write_text(text, "utf-8")
    return path


def test_the_plugin_is_one_module_of_at_most_150_lines():
    assert len((HERE / f"{PLUGIN}.py").read_text("utf-8").splitlines()) <= 150


@pytest.mark.usefixtures("joined")
def test_specs_may_name_it_wherever_metrics_stand(tmp_path):
    spec = load_spec(spec_file(tmp_path))
    assert spec.stages["learn"].validate_.keep.best == "copied"
    entry = spec.evaluate[0]
    assert metric_of("copied", entry).options.least == entry.metric_options["copied"].least == 2
    assert re.search(r"copied +The share of words", listing("metrics"))
    definitions = json_schema()["$defs"]
    for name in ("evaluation", "ValidateOptions"):
        assert "'copied'" in str(definitions[name]["properties"]["metrics"])
        properties = definitions[name]["properties"]["metric_options"]["properties"]
        assert "least" in properties["copied"]["properties"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[bleu, copied, loss]", "[bleu, copeid, loss]", "'copeid'; .*did you mean copied"),
        ("[bleu, copied, loss]", "[bleu, mine, loss]", "'mine'; .*plugin's is known with --plugin"),
        ("{least: 2}", "{least: 0}", "copied.least: 0 is too small"),
        ("{least: 2}", "{most: 2}", "copied.most: unknown key"),
        ("{copied: {least: 2}}", "{copid: {}}", "copid' is no metric; .*did you mean copied"),
        ("[bleu, copied, loss]", "[bleu, loss]", "copied is not measured"),
    ],
)
@pytest.mark.usefixtures("joined")
def test_what_is_wrong_is_said_with_its_line(tmp_path, old, new, said):
    assert old in MEASURED
    path = spec_file(tmp_path, MEASURED.replace(old, new))
    text = "\n".join(map(str, validate_files([path])))
    at = old if new != "[bleu, loss]" else "metric_options"
    line = next(place for place, one in enumerate(MEASURED.split("\n"), 1) if at in one)
    assert re.search(rf"measured.yaml:{line}: evaluate.0.metric.*{said}", text), text


def test_without_the_plugin_the_spec_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"stages.learn.validate.metrics.1: found 'copied'"):
        load_spec(spec_file(tmp_path))


@pytest.mark.usefixtures("joined")
def test_score_interval_and_comparison_follow_from_the_rows():
    sides = ([0.5, 1 / 3, 0], [0, 0, 0])
    assert score_of("copied", OUTPUTS, REFERENCES, SOURCES, samples=1).value == pytest.approx(
        np.mean(sides[0])
    )
    drawn = np.random.default_rng(1).choice(3, (40, 3))
    means = np.sort(np.array(sides[0])[drawn].mean(1))
    score = score_of("copied", OUTPUTS, REFERENCES, SOURCES, samples=40, least=1)
    assert (score.low, score.high) == pytest.approx((means[1], means[38]))
    assert score.signature == "copied|least:1|bs:40|seed:1"
    found = paired_bootstrap("copied", OUTPUTS, REFERENCES, REFERENCES, SOURCES, samples=40)
    assert found["delta"] == pytest.approx(np.mean(sides[0]))
    assert found["p"] == pytest.approx(0.5, abs=0.02)  # two rows differ: of 4 exchanges 2 as far
    assert metric_named("copied", least=4).options.least == 4


@pytest.mark.usefixtures("joined")
def test_of_what_a_grammar_made_it_has_a_ceiling():
    rows = list(with_ceiling(40, 3))
    sources, references = [row.german for row in rows], [row.english for row in rows]
    asked = EvaluateOptions(of="learn", on=["test"], metrics=["bleu", "copied"], bootstrap=10)
    found = ceiling(rows, sources, references, None, asked, lower_case=False)
    likeliest = [row.likeliest for row in rows]
    expected = score_of("copied", likeliest, references, sources, samples=1).value
    assert found["copied"]["value"] == pytest.approx(expected)


def test_a_method_of_its_own_is_called_as_it_likes(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    (tmp_path / "own_rows.py").write_text(
        "from tfkd.evaluation import Metric\nclass Own(Metric):\n    name = 'own'\n"
        "    def rows(self): pass\n    def of_sums(self, *sums): pass\n"
        "    def statistics(self, product, *others): pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    registry.register("metric", "own", options=MetricOptions, target="own_rows:Own")
    assert about("own").name == "own"


@pytest.mark.usefixtures("joined")
def test_less_of_it_is_better_wherever_that_counts(tmp_path):
    assert not higher_is_better("copied")
    keeper = Keeper({"best": "copied"}, tmp_path)
    for step, value in enumerate((0.3, 0.1, 0.2)):
        keeper.see(step, {"copied": value}, {"w": np.zeros(1)})
    assert keeper.best["step"] == 1


def test_results_tell_what_it_is_to_those_who_lack_the_plugin(monkeypatch):
    monkeypatch.setattr(known, "_told", {})
    told = {"title": "Copied words", "higher_is_better": False, "decimals": 2, "percent": True}
    known.remember({"copied": told})
    assert (about("copied").title, higher_is_better("copied")) == ("Copied words", False)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("class Own:\n    pass", "has no name, products"),
        ("class Own(Metric):\n    name = 'other'", "calls itself 'other'"),
        ("class Own(Metric):\n    name = 'own'\n    products = ('pixels',)", "counted from pixels"),
        ("1 / 0", "cannot be imported .ZeroDivisionError"),
        (
            "class Own(Mean):\n    name = 'own'\n    def rows(self, product, references): pass",
            r"has rows\(self, product, references\) at \S+\.py:4 .*"
            r"expected rows\(self, product, references, sources\)",
        ),
        (
            "class Own(Metric):\n    name = 'own'\n    def of_sums(self, sums): pass\n"
            "    def statistics(self, product): pass",
            r"has statistics\(self, product\) at .*expected statistics\(self, product, refere",
        ),
        ("class Own(Mean):\n    name = 'own'", r"has no rows; expected rows\(self, product, ref"),
    ],
)
def test_what_is_no_metric_is_said_before_anything_runs(tmp_path, monkeypatch, body, said):
    monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    name = f"own_{abs(hash(body))}"
    (tmp_path / f"{name}.py").write_text(f"from tfkd.evaluation import Mean, Metric\n{body}\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry.register("metric", "own", options=MetricOptions, target=f"{name}:Own")
    with pytest.raises(UserError, match=f"the metric own of a plugin: {name}:Own .*{said}"):
        load_spec(spec_file(tmp_path, MEASURED.replace("bleu, copied", "bleu, own")))
    # What a spec does not name can be as broken as it likes.
    text = MEASURED.replace("copied: {least: 2}", "").replace("copied", "loss")
    assert load_spec(spec_file(tmp_path, text.replace("[bleu, loss, loss]", "[bleu, loss]")))
    assert validate_files([spec_file(tmp_path, text.replace("bleu", "blue"))])
    assert about("perplexity").name == "perplexity"
    assert about("own_loss").title == "Own loss"
    assert "own" not in known.in_training()


@pytest.mark.usefixtures("joined")
def test_a_comparison_names_the_run_whose_options_the_plugin_has_no_more(tmp_path):
    from tfkd.commands.compared import _given

    for key, value in (("most", 2), ("least", 0)):
        entry = {"metric_options": {"copied": {key: value}}}
        with pytest.raises(UserError, match=rf"old has measured copied .*{key}: "):
            _given(tmp_path / "old", entry, ["copied"])


@pytest.mark.long
def test_it_runs_whole_with_interval_pairing_noise_and_report(tmp_path):
    path = spec_file(tmp_path)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}

    def tfkd(*words):
        done = subprocess.run(
            [sys.executable, "-m", "tfkd.cli", *map(str, words)], text=True, env=environment,
            capture_output=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    folders = ["--data-dir", path.parent, "--runs-dir", tmp_path / "runs"]
    tfkd("run", path, *folders, "--smoke", "--plugin", PLUGIN)
    run = tmp_path / "runs" / "measured-smoke"
    results = json.loads((run / "results.json").read_text("utf-8"))
    assert result_errors(results) == []
    entry = results["evaluations"][0]
    figure, pair = entry["metrics"]["copied"], entry["against"]["metrics"]["copied"]
    assert 0 <= figure["low"] <= figure["value"] <= figure["high"] <= 1
    assert figure["signature"].startswith("copied|least:2|bs:")
    assert pair["low"] <= pair["delta"] <= pair["high"]
    assert 0 < pair["p"] <= 1
    assert [point["sigma"] for point in entry["noise"]["metrics"]["copied"]] == [0, 0.1]
    assert sum(bucket["rows"] for bucket in entry["others_by_length"]["copied"]) == entry["rows"]
    assert {one["kind"] for one in entry["trivial"] if "copied" in one["metrics"]} >= {
        "copy",
        "empty",
    }
    assert all("copied" in line["validation"] for line in results["histories"]["learn"]
               if "validation" in line)  # fmt: skip
    assert results["metrics"]["copied"]["higher_is_better"] is False
    kept = {name: (run / entry[name]).read_text("utf-8") for name in ("hypotheses", "sources")}
    assert len({text.count("\n") for text in kept.values()}) == 1
    # The page and the comparison need no plugin to name it; to count it anew, they do.
    assert "Copied words" in Path(tfkd("report", run).strip()).read_text("utf-8")
    assert " copied: " in tfkd("compare", run, run, "--samples", 20, "--plugin", PLUGIN)
    assert " copied: " not in tfkd("compare", run, run, "--samples", 20)
    assert yaml.safe_load((run / "spec.yaml").read_text("utf-8"))["evaluate"][0]["metric_options"]
