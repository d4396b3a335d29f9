"""All pages of the site, and the list of them that its builder reads."""

import os
import shutil
from pathlib import Path
from typing import Any

import yaml
from api_pages import api_pages
from command_pages import command_pages
from key_pages import key_pages
from result_pages import result_pages
from spec_pages import spec_pages
from spec_usage import Usage

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
COPIED = (".md", ".svg", ".css")


def generated_pages(usage: Usage, root: Path = ROOT) -> dict[str, tuple[str, str]]:
    """Title and text of all pages that nobody wrote, by their path under the site's root."""
    own = {**key_pages(usage), **command_pages()}
    return {**own, **spec_pages(root), **result_pages(root), **api_pages(root)}


def navigation(nav: Any, pages: dict[str, tuple[str, str]]) -> Any:
    """A `nav` whose folders are their generated pages."""
    if isinstance(nav, list):
        return [one for entry in nav for one in navigation(entry, pages)]
    if isinstance(nav, str):
        return [nav]
    ((title, inside),) = nav.items()
    if not isinstance(inside, list):
        return [nav]
    listed = []
    for entry in inside:
        if isinstance(entry, str) and entry.endswith("/"):
            found = {path: page for path, page in pages.items() if path.startswith(entry)}
            listed += [{page[0]: path} for path, page in found.items()]
        else:
            listed += navigation(entry, pages)
    return [{title: listed}]


def write_site(out: Path) -> None:
    """Writes the sources of the site."""
    target = out / "pages"
    shutil.rmtree(target, ignore_errors=True)
    for path in sorted(DOCS.rglob("*")):
        if path.suffix in COPIED:
            place = target / path.relative_to(DOCS)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    pages = generated_pages(Usage([*(ROOT / "specs").glob("*.yaml")]))
    for name, (_, text) in pages.items():
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, "utf-8")
    config = yaml.safe_load((DOCS / "mkdocs.yml").read_text("utf-8"))
    config["nav"] = navigation(config["nav"], pages)
    root = os.path.relpath(ROOT, out)
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True).replace("@ROOT@", root)
    (out / "mkdocs.yml").write_text(text, "utf-8")
