"""A page for each file of specs/results, with the tables that the README's are made by."""

from pathlib import Path

from tfkd.report.markdown.readme_tables import everything, result_names


def result_pages(root: Path) -> dict[str, tuple[str, str]]:
    """Title and text of each page by its path under the site's root."""
    folder = root / "specs" / "results"
    pages = {}
    for name in result_names(folder):
        text = everything(name, folder).strip().replace("### ", "# ", 1)
        # No table of contents: the tables of scores need its room.
        text = f"---\nhide: [toc]\n---\n\n{text}"
        pages[f"results/{name}.md"] = (name, text + "\n\n[All results](../results.md)\n")
    return pages
