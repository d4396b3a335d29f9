"""The page: whole, well formed, harmless, and readable without script, mouse or sight."""

import copy
import re
from itertools import pairwise

import pytest
from read_page import EVIL, Page

from tfkd.evaluation import result_errors
from tfkd.report import write_report
from tfkd.report.markdown.result_blocks import KINDS
from tfkd.report.page import render
from tfkd.report.systems import Run


@pytest.fixture(scope="session")
def page(page_texts):
    return Page(page_texts[0])


def poisoned(value, mark=EVIL):
    """The same form with every text and every free key replaced by one that attacks."""
    fixed = {"spec", "provenance", "data", "stages", "histories", "machine", "terms", "summary"}
    if isinstance(value, str):
        return value + mark
    if isinstance(value, list):
        return [poisoned(item, mark) for item in value]
    if isinstance(value, dict):
        return {
            key: {f"{inner}{mark}": poisoned(item, mark) for inner, item in part.items()}
            if key in fixed and isinstance(part, dict)
            else poisoned(part, mark)
            for key, part in value.items()
        }
    return value


def test_the_fixture_has_the_form_of_results_json(results, other):
    assert result_errors(results) == []
    assert result_errors(other) == []


def test_the_page_is_one_file_that_loads_nothing(light, tmp_path):
    write_report([light], tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text("utf-8")
    assert list(tmp_path.iterdir()) == [tmp_path / "report.html"]
    page = Page(text)
    assert not page.all("script")
    assert not page.all("link")
    assert not page.all("img")
    assert "url(" not in re.sub(r"url\(#", "", text)
    assert "@import" not in text
    addresses = [a for _, attributes in page.tags for a in (attributes.get("href"),) if a]
    assert addresses
    assert all(address.startswith("#") for address in addresses)


@pytest.mark.parametrize("runs", [1, 2])
def test_every_reference_inside_the_page_has_its_place(page_texts, runs):
    text = page_texts[runs - 1]
    page = Page(text)
    places = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(places) == len(set(places))
    referred = re.findall(r'(?:href="#|url\(#)([^")]+)', text)
    for attribute in re.findall(r'aria-labelledby="([^"]+)"', text):
        referred += attribute.split()
    assert set(referred) <= set(places)


def test_texts_of_others_do_no_harm(light):
    clean = Page(render([light, light]))
    page = Page(render([poisoned(light), poisoned(light, "<script>alert(3)</script>")]))
    assert not page.all("script")
    assert not page.all("img")
    assert not [name for _, a in page.tags for name in a if name.startswith("on")]
    assert "alert(1)" in page.words  # shown, not run
    assert "{{7*7}}" in page.words
    assert len(page.all("style")) == len(clean.all("style")) == 1


def test_rows_that_a_rule_drops_are_shown_with_their_texts(page_texts):
    assert "<code>train.de:4410</code><br>viele Worte<br>many words</li>" in page_texts[0]


def test_unseen_characters_are_made_visible(light):
    light["evaluations"][0]["examples"][0]["hypothesis"] = "a\x00b\u202ec\ud800d"
    text = render([light])
    assert not re.search(r"[\x00\u202e\ud800]", text)
    assert text.count("\ufffd") >= 3
    text.encode("utf-8")


def test_the_headline_says_figure_interval_and_reading(page):
    assert "39.41 BLEU on test_2016" in page.words
    assert "is at +1.14 against train_student#baseline" in page.words
    assert "95 % interval +0.48 to +1.83" in page.words
    assert "▲ better" in page.words
    assert "≈ undecided" in page.words


@pytest.mark.parametrize(
    ("metric", "low", "high", "says"),
    [("bleu", 0.1, 1, "▲ better"), ("bleu", -1, -0.1, "▼ worse"), ("bleu", -0.1, 1, "≈ undecided"),
     ("perplexity", -2, -1, "▲ better"), ("perplexity", 1, 2, "▼ worse")],
)  # fmt: skip
def test_readings_follow_the_interval_and_the_metrics_direction(light, metric, low, high, says):
    entry = copy.deepcopy(light["evaluations"][0])
    entry["metrics"] = {metric: entry["metrics"]["bleu"]}
    found = {"value": 30.0, "delta": (low + high) / 2, "low": low, "high": high, "p": 0.5}
    entry["against"]["metrics"] = {metric: found}
    light["evaluations"] = [entry]
    words = Page(render([light])).words
    assert says in words
    others = {"▲ better", "▼ worse", "≈ undecided"} - {says}
    assert not [other for other in others if other in words]


def test_a_p_of_one_tail_is_shown_as_what_the_interval_says(light):
    assert "p marked ≈" not in Page(render([light])).words
    found = light["evaluations"][0]["against"]["metrics"]["bleu"]
    del found["p_by"]
    found |= {"delta": 1.14, "low": -0.1, "high": 2.4, "p": 0.033}
    words = Page(render([light])).words
    assert "p ≈ 0.074" in words  # the headline
    assert words.count("≈ 0.074") == 2
    assert "0.033" not in words
    assert words.count("p marked ≈") == 1


def test_the_baselines_row_has_its_score_and_no_borrowed_interval(page):
    scores = page.words[page.words.index("System BLEU chrF") :]
    row = scores[scores.index("train_student#baseline") :][:60]
    assert "38.27" in row
    assert "0.48" not in row


def test_signatures_ceiling_and_decoding_are_said(page):
    assert "nrefs:1|bs:1000|seed:1|case:lc|tok:13a|version:2.6.0" in page.words
    assert "writes the references back at 97.41 BLEU" in page.words
    assert "Decoding: beam 4, length penalty 0.6" in page.words
    assert "Decoding: beam 4. Self-check in a fresh process" in page.words


def test_each_plot_has_a_name_a_description_and_its_numbers(page):
    drawings = [svg for svg in page.all("svg") if "aria-hidden" not in svg]  # no swatches
    assert len(drawings) > 10
    assert all(a["role"] == "img" and a["aria-labelledby"] for a in drawings)
    assert sum(tag == "summary" for tag, _ in page.tags) >= len(drawings)
    assert "Soft targets: KL above the teacher’s entropy" in page.words
    assert "Training: 6" in page.words or "at step 50," in page.words
    assert "1–5 21" in page.words  # a length and its rows, as text


def test_plots_take_their_colours_from_the_page(page_texts):
    text = page_texts[0]
    drawings = "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))
    assert "var(--series-1)" in drawings
    assert "var(--series-2)" in drawings
    assert not re.findall(r"(?:fill|stroke): ?#[0-9a-f]{3,6}", drawings)
    assert "DejaVu" not in drawings
    style = text[text.index("<style>") : text.index("</style>")]
    assert "prefers-color-scheme: dark" in style
    for variable in set(re.findall(r"var\((--[\w-]+)\)", drawings)):
        assert f"{variable}:" in style


def test_the_page_is_the_same_each_time(light, drawings):
    drawings.clear()
    first = render([light])
    drawings.clear()
    assert render([copy.deepcopy(light)]) == first


def test_keyboard_and_headings(page):
    regions = [a for _, a in page.tags if a.get("class", "").split()[:1] == ["scroll"]]
    assert regions
    assert all(a["role"] == "region" and a["tabindex"] == "0" for a in regions)
    assert all("aria-label" in a or "aria-labelledby" in a for a in regions)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert page.all("html")[0]["lang"] == "en"
    assert page.all("a")[0] == {"class": "skip", "href": "#main"}
    assert all(a.get("scope") for a in page.all("th"))


def test_data_stages_exports_check_and_command_are_there(page):
    for words in (
        "2 empty", "train.de:117", "28,997", "finetune", "57 min", "cached", "23.1 MB",
        "export/train_student/1", "7,711,232", "clearly better", "79.9 %", "14,310",
        "tfkd run specs/multi30k_deen.yaml --data-dir data --runs-dir runs",
        "learnt part of them by heart", "2 h 31 min", "2 March 2026, 08:14 UTC",
    ):  # fmt: skip
        assert words in page.words, words


def test_what_stages_were_made_on_is_told(light):
    assert "Made on" not in Page(render([light])).words
    first, second, *others = light["stages"].values()
    first["made_on"] = "AMD EPYC, 2 cores"
    for stage in (second, others[0]):
        stage["made_on"] = "NVIDIA H200"
    told = "NVIDIA H200: 2 stages; AMD EPYC, 2 cores: 1 stage"
    assert f"Made on {told}" in Page(render([light])).words
    assert f"; made on {told}):" in KINDS["commands"]([Run(0, light, alone=True)])


def test_a_stages_summary_leaves_out_what_it_was_chosen_from(light):
    stage = light["stages"]["train train_student"]
    stage["summary"] = {"steps": 600, "choose": {"by": "valid.bleu", "trials": []}}
    words = Page(render([light])).words
    assert f"{stage['fingerprint'][:12]} steps 600" in words
    assert "choose" not in words


def test_the_command_is_whole_and_its_options_are_not_broken(light):
    light["command"] = "tfkd run a.yaml --set x='a  b' --force"
    text = render([light])
    assert light["command"] in "".join(Page(text).text)
    assert '<span class="together">--force</span>' in text


def test_who_is_compared_stands_above_its_figures(page_texts):
    tables = re.findall(r"Paired comparison on .*?</table>", page_texts[0], re.DOTALL)
    assert tables
    for table in tables:
        head, *groups = table.split("<tbody")
        assert groups
        for group in groups:
            first, *rest = re.findall(r"<tr.*?</tr>", group, re.DOTALL)
            (columns,) = re.findall(r'<th scope="rowgroup" colspan="(\d+)">', first)
            assert int(columns) == head.count('<th scope="col"')
            assert " against " in re.sub(r"<[^>]*>", " ", first)
            assert rest
            assert all(row.count('<th scope="row">') == 1 for row in rest)
            assert all(row.count("<th") + row.count("<td") == int(columns) for row in rest)


@pytest.mark.parametrize("missing", ["evaluations", "histories", "stages", "data", "spec",
                                     "teacher_checks", "exports", "warnings", "machine", "command",
                                     "provenance", "started", "variant", "seed"])  # fmt: skip
def test_what_is_missing_is_left_out(light, missing):
    del light[missing]
    page = Page(render([light]))
    targets = {a["href"] for a in page.all("a")}
    places = {f"#{a['id']}" for _, a in page.tags if "id" in a}
    assert targets <= places


def test_bare_and_broken_results_still_make_a_page(light):
    assert "Nothing has been scored" in Page(render([{"name": "x"}])).words
    entry = light["evaluations"][0]
    entry["metrics"]["bleu"] = {"value": float("nan"), "low": None, "high": None}
    entry["by_length"], entry["examples"], entry["against"] = [], None, None
    light["evaluations"][-1]["differing"] = {"metric": None, "rows": [{"value": None}]}
    light["histories"]["pretrain"] = [{"step": 1, "loss": float("inf")}, {}]
    light["teacher_checks"][0]["baseline"] = None
    Page(render([light]))


def test_no_results_are_refused(results, tmp_path):
    with pytest.raises(ValueError, match="list of at least one"):
        write_report([], tmp_path / "x.html")
    with pytest.raises(ValueError, match="Received: dict"):
        write_report(results, tmp_path / "x.html")


def test_sentences_that_differ_most_stand_with_their_scores_and_marks(page, page_texts):
    text = page_texts[0]
    part = text[text.index('id="differing"') : text.index('id="examples"')]
    words = " ".join(re.sub("<[^>]*>", " ", part).split())
    assert "Picked by rule" in words
    assert "BLEU of each row; beam 4, length penalty 0.6, n best 1." in words
    assert "Gain, row 1" in words
    assert "Loss, row 2" in words
    assert "61.25" in words
    assert "30.50" in words
    # The baseline lacks `at` and has `on`.
    # Marks are told to those who hear the page, too.
    assert '<strong class="won"><span class="unseen">(right here alone: </span>at<' in part
    assert '<mark><span class="unseen">(differs: </span>on<' in part
    assert page.words.count("Where systems differ most") == 1


@pytest.mark.parametrize("given", [{"continuations": "a.txt"}, {}])
def test_only_outputs_with_marks_are_said_to_have_them(light, given):
    """Guesses of classes and continuations have none."""
    entry = light["evaluations"][0]
    light["evaluations"] = [entry]
    del entry["differing"]
    said = "words are not in the reference at this place"
    assert said in Page(render([light])).words
    entry |= given
    if not given:
        for example in entry["examples"]:
            example["probability"] = 0.75
    page = render([light])
    assert said not in Page(page).words
    assert "<mark>" not in page


def test_summaries_have_a_plot_of_their_own_by_length(light):
    entry = light["evaluations"][0]
    entry["metrics"]["rouge_l"] = {"value": 44.5, "low": 43.9, "high": 45.1, "signature": "x"}
    entry["rouge_by_length"] = {"metric": "rouge_l", "buckets": entry["by_length"]}
    both = Page(render([light])).words
    assert "BLEU by length" in both
    assert "ROUGE-L by length" in both
    del entry["by_length"]
    alone = render([{**light, "evaluations": [entry]}])
    assert "ROUGE-L by length" in Page(alone).words
    assert ">BLEU by length" not in alone
