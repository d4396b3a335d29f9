"""The result tables of README and docs, made from results.json files and never typed by hand.

A block begins with `<!-- results:begin KIND NAME... -->` and ends with `<!-- results:end -->`; KIND
is one of `KINDS`, each NAME the stem of a file in specs/results/. `<!-- results:begin -->` alone
shows all that is there. `<!-- results:begin speed NAME -->` shows what a benchmark under tools/
measured, with `--json specs/results/speed/NAME.json`, and `published NAME` what
`tools/published_differences` did, from specs/results/published/; `claims` what papers claim, beside
what is decided here, as specs/results/claims.yaml lists it; `gains FIGURE NAME...` what students
gain against how many rows they learn from, as a drawing in docs/assets and a table, as
specs/results/gains.yaml describes the figure.
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfkd.data.files import write_atomically
from tfkd.data.strict_json import read_json
from tfkd.report.markdown.claims import claims
from tfkd.report.markdown.gains import Gains, gains_block, gains_drawing, read_gains
from tfkd.report.markdown.published_results import published
from tfkd.report.markdown.published_tables import differences
from tfkd.report.markdown.result_blocks import KINDS, choices, commands, scores, teacher
from tfkd.report.markdown.speed_tables import speed
from tfkd.report.markdown.tables import one_line
from tfkd.report.systems import open_runs
from tfkd.spec.errors import UserError

# What is measured otherwise than by a run: each in a folder of its own below that of the results.
MEASURED = {"speed": speed, "published": differences}
CLAIMS, GAINS = "claims", "gains"
_BLOCK = re.compile(r"(<!-- results:begin ?([^>]*?) ?-->\n)(.*?)(<!-- results:end -->)", re.DOTALL)
_BEGIN = re.compile(r"<!-- results:begin")


def pages(root: Path) -> list[Path]:
    """The README, and all pages of docs/ that show results."""
    docs = sorted((root / "docs").rglob("*.md"))
    return [root / "README.md", *(page for page in docs if _BEGIN.search(page.read_text("utf-8")))]


def regenerate(text: str, folder: Path, name: str = "README.md") -> str:
    """A page with all its result blocks made anew.

    Args:
        text: The page's.
        folder: The folder of the results.json files, `specs/results`.
        name: What errors call the page.

    Raises:
        UserError: A block has no end, is of no known kind, or names a file that is not there.
    """
    if len(_BEGIN.findall(text)) != len(_BLOCK.findall(text)):
        raise UserError(f"{name}: a block of results has no `<!-- results:end -->`")
    return _BLOCK.sub(lambda block: block[1] + _block(block[2], folder, name) + block[4], text)


def shown_results(text: str, folder: Path) -> set[str]:
    """The names of all results.json files that a page shows."""
    shown: set[str] = set()
    for block in _BLOCK.finditer(text):
        kind, *names = block[2].split() or ["", *result_names(folder)]
        names = names[1:] if kind == GAINS else names
        shown |= {f"{kind}/{name}" for name in names} if kind in MEASURED else set(names)
    return shown


def drawings(text: str, folder: Path) -> dict[str, str]:
    """The drawings of a page's blocks, made anew: the texts of files by their paths, from the
    project's folder.

    Args:
        text: The page's.
        folder: The folder of the results.json files, `specs/results`.

    Raises:
        UserError: A block asks for a figure that is not there.
    """
    requests = (block[2].split() for block in _BLOCK.finditer(text))
    made = [_gains(folder, request[1:]) for request in requests if request[:1] == [GAINS]]
    return {str(gains.drawing): gains_drawing(gains) for gains in made}


def _gains(folder: Path, names: Sequence[str]) -> Gains:
    figure, *results = names
    return read_gains(folder, lambda name: _results(folder, name), figure, results)


def _block(request: str, folder: Path, page: str) -> str:
    if not request.split():
        return "".join(everything(name, folder) for name in result_names(folder))
    kind, *names = request.split()
    if kind == CLAIMS and not names:
        return claims(folder, lambda name: _results(folder, name)) + "\n"
    if kind == GAINS and len(names) > 1:
        return gains_block(_gains(folder, names), page) + "\n"
    if kind in MEASURED and names:
        files = (_read(folder / kind / f"{name}.json") for name in names)
        return "\n\n".join(map(MEASURED[kind], files)) + "\n"
    if kind not in KINDS or not names:
        raise UserError(
            f"{page}: `results:begin {request}` is no block; expected one of "
            f"{', '.join((*KINDS, *MEASURED))} and the name of a file in specs/results, or "
            f"{CLAIMS}, or {GAINS} and the names of a figure and of such files"
        )
    results = [_results(folder, name) for name in names]
    if kind == "summary":  # of runs that are not beside each other: none has a letter
        return KINDS[kind]([run for one in results for run in open_runs([one])]) + "\n"
    return KINDS[kind](open_runs(results)) + "\n"


def result_names(folder: Path) -> list[str]:
    """The stems of all files of results, sorted."""
    return sorted(path.stem for path in folder.glob("*.json"))


def everything(name: str, folder: Path) -> str:
    """All tables of one run, below a heading of the third level.

    Args:
        name: The stem of its file.
        folder: The folder of the results.json files, `specs/results`.
    """
    runs = open_runs([_results(folder, name)])
    parts = [f"### {one_line(runs[0].title)}", commands(runs)]
    if runs[0].entries("evaluations"):
        parts.append(scores(runs))
    if runs[0].entries("teacher_checks"):
        parts += ["The teacher check:", teacher(runs)]
    if runs[0].entries("choices"):
        parts += ["Settings tried:", choices(runs)]
    return "\n" + "\n\n".join(parts) + "\n\n"


def _results(folder: Path, name: str) -> dict[str, Any]:
    """A run's results, called what their file is: several files may be of one spec."""
    return {**_read(folder / f"{name}.json"), "name": name.partition("@")[0]}


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_json(path)
    except FileNotFoundError:
        known = ", ".join(result_names(path.parent)) or "none"
        raise UserError(f"{path} does not exist; there are: {known}") from None
    except ValueError as error:
        raise UserError(f"{path} is no JSON: {error}") from error


def _text(path: Path) -> str | None:
    return path.read_text("utf-8") if path.exists() else None


def _add(run: Path, folder: Path) -> None:
    """Takes a run's results.json, published, into the folder under the run folder's name."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(published(_read(run / "results.json")), ensure_ascii=False, indent=1)
    write_atomically(folder / f"{run.resolve().name}.json", text + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Rewrites README.md and docs, and their drawings, where they are not those of the results;
    `--check` only tells."""
    parser = argparse.ArgumentParser(prog="tools/readme_tables", description=main.__doc__)
    parser.add_argument(
        "--add", type=Path, nargs="+", default=[], metavar="RUN",
        help="first take these runs' results.json into specs/results, without their sentences",
    )  # fmt: skip
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if stale")
    parser.add_argument("--root", type=Path, default=Path(), help="the project's folder")
    options = parser.parse_args(arguments)
    folder = options.root / "specs" / "results"
    stale: dict[Path, str] = {}
    made: dict[Path, str] = {}
    try:
        for run in options.add:
            _add(run, folder)
        for page in pages(options.root):
            text = page.read_text("utf-8")
            anew = regenerate(text, folder, page.relative_to(options.root).as_posix())
            stale |= {page: anew} if anew != text else {}
            for name, drawing in drawings(text, folder).items():
                path = options.root / name
                if made.setdefault(path, drawing) != drawing:
                    raise UserError(f"{page} shows {name} of other results than a page before it")
        stale |= {path: text for path, text in made.items() if _text(path) != text}
    except (UserError, OSError) as error:
        print(f"readme_tables: {error}", file=sys.stderr)
        return 1
    for page, anew in stale.items():
        if options.check:
            print(f"{page}: it is not what specs/results give; run tools/readme_tables")
        else:
            page.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(page, anew)
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
