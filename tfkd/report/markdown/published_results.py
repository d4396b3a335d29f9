"""What of a run's results.json may be published: figures and settings, no text, no folders."""

import shlex
from itertools import pairwise
from pathlib import PurePath
from typing import Any

from tfkd.data.checksummed import CHECKSUM
from tfkd.evaluation.results.form import thin_history

# What of an evaluation quotes its test set, and the checksum of the file as the run wrote it.
_SENTENCES = ("examples", "differing", "trace", CHECKSUM)
# Options of a command whose values are folders of one machine, and what stands for them.
_FOLDERS = {"--data-dir": "D", "--runs-dir": "R"}
# Lines of a training's history that a curve needs, and the digits of their figures.
_LINES, _DIGITS = 40, 6


def published(results: dict[str, Any]) -> dict[str, Any]:
    """A copy without sentences, of test sets and of rows that filters dropped, and without names of
    a machine's folders; of a training's history as many lines and digits as its curve needs.

    Args:
        results: The content of a run's results.json.
    """
    evaluations = [
        {key: value for key, value in entry.items() if key not in _SENTENCES}
        for entry in results.get("evaluations", [])
    ]
    data = {name: _without_rows(corpus) for name, corpus in results.get("data", {}).items()}
    # The checksum is that of the file as the run wrote it.
    rest = {key: value for key, value in results.items() if key != CHECKSUM}
    return {
        **rest,
        "command": published_command(results.get("command", "")),
        "provenance": {
            path: _without_folder(origin) for path, origin in results.get("provenance", {}).items()
        },
        **({"data": data} if "data" in results else {}),
        "histories": {
            label: [_rounded(line) for line in thin_history(lines, _LINES)]
            for label, lines in results.get("histories", {}).items()
        },
        "evaluations": evaluations,
    }


def _rounded(told: Any) -> Any:
    if isinstance(told, dict):
        return {key: _rounded(value) for key, value in told.items()}
    return float(f"{told:.{_DIGITS}g}") if isinstance(told, float) else told


def _without_rows(corpus: dict[str, Any]) -> dict[str, Any]:
    """What is told of a corpus, without the rows that a rule dropped."""
    dropped = {
        rule: {key: value for key, value in found.items() if key != "examples"}
        for rule, found in corpus.get("dropped", {}).items()
    }
    return corpus | ({"dropped": dropped} if "dropped" in corpus else {})


def published_command(command: str) -> str:
    """A command with its program's name alone, and with letters for folders.

    >>> published_command("/a/bin/tfkd run specs/x.yaml --data-dir /b --set name=y")
    'tfkd run specs/x.yaml --data-dir D --set name=y'
    """
    words = shlex.split(command)
    if not words:
        return ""
    made = [PurePath(words[0]).name]
    for before, word in pairwise(words):
        option, equals, _ = word.partition("=")
        if before in _FOLDERS:
            word = _FOLDERS[before]
        elif equals and option in _FOLDERS:
            word = f"{option}={_FOLDERS[option]}"
        else:
            word = _without_folder(word)
        made.append(word)
    return shlex.join(made)


def _without_folder(path: str) -> str:
    """The name alone of a file in a folder of one machine."""
    return PurePath(path).name if PurePath(path).is_absolute() else path
