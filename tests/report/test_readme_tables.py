"""Tables made from results: a typed figure does not survive."""

import copy
import json
from pathlib import Path

import pytest

from tfkd.pipeline.engine.seeds import summaries
from tfkd.report.markdown.published_results import published
from tfkd.report.markdown.readme_tables import KINDS, main, regenerate, shown_results
from tfkd.spec.errors import UserError

RESULTS = Path(__file__).parents[2] / "specs" / "results"


@pytest.fixture
def folder(tmp_path, results, other):
    trial = {"step": 50, "label": "train_student", "fingerprint": "f"}
    trials = [
        {"setting": {"balance.soft": share}, "value": bleu, **trial}
        for share, bleu in ((0.3, 38.5), (0.7, 39.25))
    ]
    for run in (results, other):
        run["choices"] = [
            {"stage": "train_student", "by": "valid.bleu", "chosen": 1, "trials": trials}
        ]
    (tmp_path / "one.json").write_text(json.dumps(results))
    (tmp_path / "two.json").write_text(json.dumps(other))
    return tmp_path


def block(request, body=""):
    return (
        f"Before.\n\n<!-- results:begin {request} -->\n{body}<!-- results:end -->\n\nAfter 12.34.\n"
    )


def test_scores_have_intervals_comparisons_and_signatures(folder):
    text = regenerate(block("scores one"), folder)
    assert text.startswith(
        "Before.\n\n<!-- results:begin scores one -->\n| test set | system | BLEU |"
    )
    assert (
        "| test_2016 | `train_student` | 39.41 [38.39, 40.48] | 59.41 [58.61, 60.25] | "
        "`train_student#baseline` | +1.14 [+0.48, +1.83] | 0.004 | better |"
    ) in text
    assert (
        "| test_2016 | `train_student#baseline` | 38.27 [37.17, 39.25] | 58.84 |  |  |  |  |"
        in text
    )
    assert "`nrefs:1|bs:1000|seed:1|case:lc|tok:13a|version:2.6.0`" in text
    assert text.endswith("<!-- results:end -->\n\nAfter 12.34.\n")


def test_a_summary_has_a_line_a_run_with_its_first_comparison(folder):
    text = regenerate(block("summary one two"), folder)
    assert (
        "| `one` | test_2016 | BLEU | 39.41 [38.39, 40.48] | 38.27 | "
        "+1.14 [+0.48, +1.83] | better |"
    ) in text
    assert text.count("| `two@temperature_1` |") == 1


def test_a_p_of_one_tail_is_shown_as_what_the_interval_says(folder, results):
    assert "≈" not in regenerate(block("scores one"), folder)
    for entry in results["evaluations"]:
        for found in (entry.get("against") or {"metrics": {}})["metrics"].values():
            del found["p_by"]
            found |= {"delta": 1.14, "low": -0.1, "high": 2.4, "p": 0.033}
    (folder / "one.json").write_text(json.dumps(results))
    text = regenerate(block("scores one"), folder)
    assert "| +1.14 [−0.10, +2.40] | ≈ 0.074 | undecided |" in text
    assert "0.033" not in text
    assert text.count("p marked ≈") == 1
    assert "p ≈ 2 (1 − Φ(3.92 |difference| / (high − low)))" in text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("names", ["one", "one two"])
def test_a_typed_figure_does_not_survive(folder, kind, names):
    good = regenerate(block(f"{kind} {names}"), folder)
    assert good != block(f"{kind} {names}")
    assert regenerate(good, folder) == good
    digit = next(i for i, letter in enumerate(good) if letter.isdigit() and i > good.index("-->"))
    typed = f"{good[:digit]}{(int(good[digit]) + 1) % 10}{good[digit + 1 :]}"
    assert regenerate(typed, folder) == good


def test_seeds_together_have_no_row_of_one(folder, results):
    """Where there are none, each system has its row."""
    means, scores = (regenerate(block(f"{kind} one"), folder) for kind in ("means", "scores"))
    assert means.replace("begin means", "begin scores") == scores
    entry = results["evaluations"][0]
    results["evaluations"] = [{**entry, "seed": seed} for seed in (1, 2)]
    results["over_seeds"] = summaries(results["evaluations"])
    (folder / "one.json").write_text(json.dumps(results))
    text = regenerate(block("means one"), folder)
    assert "2 seeds" in text
    assert "seed 2" not in text.replace("2 seeds", "")
    assert "seed 2" in regenerate(block("scores one"), folder)


def test_several_runs_are_told_apart(folder):
    text = regenerate(block("scores one two"), folder)
    assert "`train_student` of one |" in text
    assert "`train_student` of two@temperature_1 |" in text
    assert text.count("| test_2016 | `train_student#baseline` |") == 1


def test_each_table_is_square(folder):
    for kind in ("scores", "teacher", "stages", "summary"):
        lines = [line for line in regenerate(block(f"{kind} one"), folder).split("\n")
                 if line.startswith("|")]  # fmt: skip
        assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
        assert len(lines) > 2


def test_shown_results(folder):
    text = block("scores one") + block("teacher one")
    assert shown_results(text, folder) == {"one"}
    assert shown_results("nothing", folder) == set()
    assert shown_results("<!-- results:begin -->\n<!-- results:end -->", folder) == {"one", "two"}


def test_a_bare_block_shows_all_there_is(folder, tmp_path):
    empty = "<!-- results:begin -->\n<!-- results:end -->\n"
    text = regenerate(empty, folder)
    assert "### one\n" in text
    assert "### two@temperature_1\n" in text
    assert text.count("| test set | system |") == 2
    assert text.count("The teacher check:") == 2
    assert regenerate(text, folder) == text
    assert regenerate(text, tmp_path / "none") == empty


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (block("scores three"), "three.json does not exist; there are: one, two"),
        (block("figures one"), "expected one of choices, means, scores, teacher, stages"),
        (block("scores"), "is no block"),
        ("<!-- results:begin scores one -->\n| 1 |", "has no `<!-- results:end -->`"),
    ],
)
def test_wrong_blocks_are_named(folder, text, message):
    with pytest.raises(UserError, match=message):
        regenerate(text, folder)


def test_the_tool_checks_and_rewrites(folder, tmp_path, capsys):
    project = tmp_path / "project"
    (project / "specs" / "results").mkdir(parents=True)
    (project / "specs" / "results" / "one.json").write_text((folder / "one.json").read_text())
    readme = project / "README.md"
    readme.write_text(block("scores one", "| 99.99 |\n"))
    assert main(["--root", str(project), "--check"]) == 1
    assert "99.99" in readme.read_text()
    assert main(["--root", str(project)]) == 0
    assert "99.99" not in readme.read_text()
    assert "39.41" in readme.read_text()
    assert main(["--root", str(project), "--check"]) == 0
    (project / "docs").mkdir()
    page = project / "docs" / "page.md"
    page.write_text(block("scores one", "| 99.99 |\n"))
    assert main(["--root", str(project), "--check"]) == 1
    assert main(["--root", str(project)]) == 0
    assert page.read_text() == readme.read_text()
    readme.write_text(block("scores four"))
    assert main(["--root", str(project)]) == 1
    assert "four.json does not exist" in capsys.readouterr().err


def test_results_cannot_end_their_block(folder, results):
    results["evaluations"][0]["on"] = "x <!-- results:end --> | y"
    (folder / "one.json").write_text(json.dumps(results))
    text = regenerate(block("scores one"), folder)
    assert text.count("<!-- results:end -->") == 1
    assert regenerate(text, folder) == text


def test_a_run_is_taken_in_without_its_sentences_and_folders(folder, results, tmp_path, capsys):
    project, run = tmp_path / "project", tmp_path / "runs" / "small"
    project.mkdir()
    run.mkdir(parents=True)
    (project / "README.md").write_text("<!-- results:begin -->\n<!-- results:end -->\n")
    assert results["evaluations"][0]["examples"]
    secret = "/somewhere/else"
    results["command"] = (
        f"{secret}/bin/tfkd run {secret}/small.yaml --data-dir={secret} --runs-dir {secret} --smoke"
    )
    results["provenance"] = {"name": f"{secret}/small.yaml:3", "seeds": "default"}
    found = {"count": 2, "lines": ["pairs:3", "pairs:8"], "examples": [["it was", "so"]]}
    results["data"]["clean"] = {"dropped": {"ratio": found}}
    (run / "results.json").write_text(json.dumps(results))
    assert main(["--root", str(project), "--add", str(run)]) == 0
    text = (project / "specs" / "results" / "small.json").read_text("utf-8")
    kept = json.loads(text)
    assert secret not in text
    assert kept["command"] == "tfkd run small.yaml --data-dir=D --runs-dir R --smoke"
    assert kept["provenance"] == {"name": "small.yaml:3", "seeds": "default"}
    for corpus in results["data"].values():
        for found in corpus["dropped"].values():
            found.pop("examples", None)
    assert kept["data"] == results["data"]
    for entry, whole in zip(kept["evaluations"], results["evaluations"], strict=True):
        examples = whole.pop("examples", []) + whole.pop("differing", {}).get("rows", [])
        assert entry == whole
        assert all(example["reference"] not in text for example in examples)
    assert "39.41" in (project / "README.md").read_text("utf-8")
    assert main(["--root", str(project), "--add", str(tmp_path / "none")]) == 1
    assert "results.json does not exist" in capsys.readouterr().err


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_no_kept_result_has_a_corpus_s_sentences(path):
    kept = json.loads(path.read_text())
    assert kept == published(kept)


def test_a_kept_history_has_what_a_curve_needs():
    lines = [{"step": step, "loss": 1 / step} for step in range(1, 100)]
    lines[49:49] = [{"step": 49, "validation": {"bleu": 100 / 3, "rows": 7}}]
    (kept,) = published({"histories": {"learn": lines}})["histories"].values()
    assert len(kept) == 40
    assert (kept[0]["step"], kept[-1]["step"]) == (1, 99)
    known = {line["step"]: line for line in lines if "loss" in line}
    for line in kept:
        if "validation" in line:
            assert line == {"step": 49, "validation": {"bleu": 33.3333, "rows": 7}}
        else:
            assert line["loss"] == pytest.approx(known[line["step"]]["loss"], rel=1e-5)
    assert any("validation" in line for line in kept)


def test_searches_of_one_model_stand_in_rows_of_their_own(folder, results):
    beam = next(entry for entry in results["evaluations"] if entry["on"] == "test_2016")
    greedy = {**beam, "decode": {"kind": "greedy"}, "metrics": {"bleu": {"value": 11.11}}}
    figures = {**beam, "decode": None, "metrics": {"loss": {"value": 3.333}}, "against": None}
    for entries in ([beam, greedy, figures], [figures, beam, greedy]):
        results["evaluations"] = entries
        (folder / "one.json").write_text(json.dumps(results))
        text = regenerate(block("scores one"), folder)
        lines = [line for line in text.split("\n") if line.startswith("| test_2016")]
        assert sum("39.41" in line and "3.333" in line for line in lines) == 1
        assert sum("11.11" in line and "3.333" not in line for line in lines) == 1
        assert "| `train_student`, beam 4" in text
        assert "| `train_student`, greedy |" in text
        # Each search stands beside the baseline's same search.
        assert sum("#baseline`, greedy |" in line for line in lines) == 1
    from tfkd.report.page import render

    page = render([results])
    assert "11.11" in page
    assert "3.333" in page


def test_word_perplexities_by_context_stand_in_rows_of_their_own(folder, results):
    entry = {**results["evaluations"][0], "on": "ptb", "decode": None, "against": None}
    del entry["by_length"]

    def measured(value, **more):
        return {**entry, "metrics": {"word_perplexity": {"value": value}}, **more}

    results["evaluations"] = [measured(55.5), measured(66.6, context=0), measured(44.4, context=9)]
    (folder / "one.json").write_text(json.dumps(results))
    rows = [line for line in regenerate(block("scores one"), folder).split("\n") if "`" in line]
    for value, name in [("55.5", "|"), ("66.6", ", context 0 |"), ("44.4", ", context 9 |")]:
        assert sum(f"`train_student`{name}".replace("`|", "` |") in row and value in row
                   for row in rows) == 1  # fmt: skip


def test_each_test_set_is_compared_by_its_own_first_metric(folder, results):
    """A table of several says at each difference which metric it is of."""
    words = copy.deepcopy(results["evaluations"][0])
    words |= {"on": "words", "decode": None, "metrics": {"accuracy": {"value": 0.25}}}
    words["against"]["metrics"] = {
        "accuracy": {"value": 0.2, "delta": 0.05, "low": 0.04, "high": 0.06, "p": 0.001,
                     "p_by": "approximate_randomization"}
    }  # fmt: skip
    del words["by_length"]
    results["evaluations"].insert(0, words)
    (folder / "one.json").write_text(json.dumps(results))
    text = regenerate(block("scores one"), folder)
    assert "| against | difference |" in text
    assert "| Accuracy +5.00 [+4.00, +6.00] | 0.001 | better |" in text
    assert "| BLEU +1.14 [" in text
    lines = [line for line in text.split("\n") if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1


def test_seeds_get_a_row_of_their_means(folder, results):
    entry = next(one for one in results["evaluations"] if one["on"] == "test_2016")
    again = copy.deepcopy(entry)
    again["seed"] = 2
    again["metrics"]["bleu"]["value"] += 1
    again["against"]["metrics"]["bleu"] |= {"value": 39.07, "delta": 1.34}
    results["evaluations"] = [entry, again]
    results["spec"]["seeds"] = [1, 2]
    (folder / "one.json").write_text(json.dumps(results))
    text = regenerate(block("scores one"), folder)
    # t = 12.706 with one degree of freedom; the differences are 1.14 and 1.34.
    seeds = "mean ± deviation of 2 seeds [t-interval]"
    assert f"| `train_student`, {seeds} | 39.91 ± 0.71 [33.56, 46.26] |" in text
    assert "| `train_student#baseline` | +1.24 [−0.03, +2.51] | – | undecided |" in text
    assert f"`train_student#baseline`, {seeds} | 38.67 ± 0.57 [" in text
    lines = [line for line in text.split("\n") if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1


def test_every_comparison_of_a_system_stands_there(folder, results):
    second = copy.deepcopy(results["evaluations"][0])
    second["against"] |= {"variant": "other", "decode": {"kind": "greedy"}}
    second["against"]["metrics"]["bleu"] |= {"delta": -8.0, "low": -9.0, "high": -7.0}
    results["evaluations"].insert(1, second)
    (folder / "one.json").write_text(json.dumps(results))
    text = regenerate(block("scores one"), folder)
    assert (
        "| test_2016 | `train_student` |  |  | `train_student#other` | −8.00 [−9.00, −7.00] |"
        in text
    )
    assert text.count("| +1.14 [+0.48, +1.83] |") == 1
    assert "greedy for train_student#other." in text
