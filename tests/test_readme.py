"""The figures of README and docs are those of the results, and nobody typed them."""

import re
from pathlib import Path

import pytest

from tfkd.report.markdown.readme_tables import main, pages, shown_results

ROOT = Path(__file__).resolve().parent.parent


def readme() -> str:
    path = ROOT / "README.md"
    return path.read_text("utf-8") if path.exists() else ""


def test_result_tables_are_those_of_the_results():
    assert main(["--root", str(ROOT), "--check"]) == 0


def test_all_results_are_shown():
    folder = ROOT / "specs" / "results"
    files = [*folder.glob("*.json"), *folder.glob("*/*.json")]
    results = {str(path.relative_to(folder).with_suffix("")) for path in files}
    shown = [shown_results(page.read_text("utf-8"), folder) for page in pages(ROOT)]
    assert results == set().union(*shown)


def test_the_readme_is_short():
    assert len(readme().splitlines()) <= 250


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.name
)
def test_files_that_are_named_are_there(page):
    text = page.read_text("utf-8")
    named = re.findall(r"`((?:tests|tools|tfkd|specs|docs)/[^\s`]*)`", text)
    if page.name == "README.md":  # tests/site has the links of docs/
        named += [path for path in re.findall(r"\]\(([^)\s]+\.md)\)", text) if "//" not in path]
    missing = []
    for path in dict.fromkeys(named):
        path = re.sub(r"[A-Z]+(_[A-Z]+)+", "*", path)  # FAMILY_TASK is any
        places = (ROOT / path, page.parent / path)
        if not any(place.exists() for place in places) and not list(ROOT.glob(path)):
            missing.append(path)
    assert missing == []
