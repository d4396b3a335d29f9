"""A page for each of the package's specs: what it is, its variants, its text."""

from pathlib import Path
from typing import Any

from tfkd.report.markdown.readme_tables import result_names
from tfkd.spec.source.yaml_reader import read_file


def spec_pages(root: Path) -> dict[str, tuple[str, str]]:
    """Title and text of each page by its path under the site's root, and of one with all."""
    results = result_names(root / "specs" / "results")
    pages, rows = {}, []
    for path in sorted((root / "specs").glob("*.yaml")):
        values = read_file(path).plain()
        name, about = path.stem, values.get("description", "")
        pages[f"specs/{name}.md"] = (name, _page(path, values, results))
        rows.append(f"| [{name}]({name}.md) | {about} |")
    lines = ["# Specs of the package", "", "| spec | what it is |", "| --- | --- |", *rows, ""]
    return {"specs/index.md": ("All specs", "\n".join(lines)), **pages}


def _page(path: Path, values: dict[str, Any], results: list[str]) -> str:
    name = path.stem
    parts = ["---\nhide: [toc]\n---", f"# {name}", values.get("description", "")]
    paper = values.get("paper") or {}
    if paper:
        table = f", table {paper['table']}" if paper.get("table") else ""
        parts.append(f"After *{paper['title']}*{table}.")
    if values.get("variants"):
        variants = ", ".join(f"`{variant}`" for variant in values["variants"])
        parts.append(f"Variants (`--variant NAME`): {variants}.")
    if values.get("pages"):
        parts.append("Its data:")
        parts.append("\n".join(f"- `{what}`: <{page}>" for what, page in values["pages"].items()))
    own = [one for one in results if one.split("@")[0] == name]
    if own:
        listed = ", ".join(f"[{one}](../results/{one}.md)" for one in own)
        parts.append(f"Results: {listed}.")
    parts.append(f"```yaml\n{path.read_text('utf-8').strip()}\n```")
    return "\n\n".join(part for part in parts if part) + "\n"
