"""The README's figures are those of the results, and nobody typed them."""

from pathlib import Path

from tfkd.report.readme_tables import regenerate, shown_results

ROOT = Path(__file__).resolve().parent.parent


def readme() -> str:
    path = ROOT / "README.md"
    return path.read_text("utf-8") if path.exists() else ""


def test_result_tables_are_those_of_the_results():
    assert regenerate(readme(), ROOT / "specs" / "results") == readme()


def test_all_results_are_shown():
    folder = ROOT / "specs" / "results"
    files = [*folder.glob("*.json"), *folder.glob("speed/*.json")]
    results = {str(path.relative_to(folder).with_suffix("")) for path in files}
    assert results == shown_results(readme(), ROOT / "specs" / "results")
