"""The site's pages: their links lead somewhere, each is listed, and the strict build takes them."""

import os
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="session")
def pages(generated):
    """Text of all pages of the site by path."""
    own = {
        path.relative_to(DOCS).as_posix(): path.read_text("utf-8") for path in DOCS.rglob("*.md")
    }
    assert not set(own) & set(generated)
    return {**own, **generated}


def test_links_lead_to_pages(pages):
    broken = []
    for page, text in pages.items():
        text = re.sub(r"^(```+).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
        for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", text)):
            path = link.partition("#")[0]
            if path and not re.match(r"[a-z]+:", path):
                place = os.path.normpath(PurePosixPath(page).parent / path)
                if place not in pages and not (DOCS / place).is_file():
                    broken.append(f"{page}: {link}")
    assert broken == []


def test_every_page_is_listed_once(pages, generate):
    titled = {path: (path, text) for path, text in pages.items() if not (DOCS / path).exists()}
    config = yaml.safe_load((DOCS / "mkdocs.yml").read_text("utf-8"))
    nav = generate("site_pages").navigation(config["nav"], titled)
    listed = _listed(nav)
    assert sorted(listed) == sorted(pages)


def _listed(nav):
    if isinstance(nav, str):
        return [nav]
    inside = nav.values() if isinstance(nav, dict) else nav
    return [path for entry in inside for path in _listed(entry)]


def test_all_specs_and_results_have_a_page(pages):
    for path in (ROOT / "specs").glob("*.yaml"):
        assert path.read_text("utf-8").strip() in pages[f"specs/{path.stem}.md"]
    for path in (ROOT / "specs" / "results").glob("*.json"):
        assert "| test set |" in pages[f"results/{path.stem}.md"]


def test_all_options_of_all_commands_are_in_their_reference(pages):
    from tfkd.cli import _VERBS

    text = pages["commands/commands.md"]
    assert re.findall(r"^## tfkd (\w+)$", text, re.M) == [*_VERBS]
    for option in ("--more-steps N\\|STAGE=N", "--on FILE...", "--measure", "--all-variants"):
        assert f"| `{option}` |" in text
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    without = [row for row in rows if row.endswith("|  |")]
    assert not without


def test_each_key_has_an_example_in_one_line(pages):
    for path, text in pages.items():
        if path.startswith("reference/"):
            keys = re.findall(r"^`([\w.]+)`\{ #.* \.key \}$", text, re.M)
            assert re.findall(r"^    Example: `([\w.]+): [^`\n]+`", text, re.M) == keys


def test_public_names_are_in_the_reference(pages):
    import tfkd.training

    shown = re.findall(r"^::: tfkd\.training\.\S+\.(\w+)$", pages["api/tfkd.training.md"], re.M)
    constants = {name for name in tfkd.training.__all__ if name.isupper()}
    assert set(shown) == set(tfkd.training.__all__) - constants


@pytest.mark.long
def test_the_strict_build_takes_them(tmp_path):
    pytest.importorskip("mkdocs", reason="the extra docs is not installed")
    python, environment = sys.executable, {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    subprocess.run([python, DOCS / "generate", tmp_path], check=True)
    done = subprocess.run(
        [python, "-m", "mkdocs", "build", "-q", "--strict", "-f", "mkdocs.yml"],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "site" / "reference" / "stages.html").read_text("utf-8")
    assert 'id="train.steps"' in page
    assert "../specs/quickstart.html" in page
    pages = (tmp_path / "pages" / "reference").glob("*.md")
    examples = [re.findall(r"Example: `(.*?)`", path.read_text("utf-8")) for path in pages]
    assert [one for page in examples for one in page if one.endswith(": null")] == []
    assert "Adafactor" in (tmp_path / "site" / "api" / "tfkd.training.html").read_text("utf-8")
