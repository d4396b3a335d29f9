"""Texts of evaluations in a run folder: outputs, references and what else `tfkd compare` reads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfkd.data.files import sha256_of, write_atomically

_EXAMPLES = 20


def examples(
    sources: Sequence[str],
    references: Sequence[str],
    hypotheses: Sequence[str],
    against: Sequence[str] | None,
    **others: Sequence[Any],
) -> list[dict[str, Any]]:
    """Some rows as results.json has them, evenly spaced, with a baseline's outputs `against`."""
    columns = {"source": sources, "reference": references, "hypothesis": hypotheses, **others}
    rows = range(0, len(references), max(1, len(references) // _EXAMPLES))[:_EXAMPLES]
    return [
        {**{name: column[row] for name, column in columns.items()},
         "against": None if against is None else against[row]}
        for row in rows
    ]  # fmt: skip


def write_outputs(entry: dict[str, Any], place: Path, **texts: Sequence[str]) -> None:
    """Writes outputs, references and the like beside each other into the run folder, a file each;
    notes their digests."""
    place.parent.mkdir(exist_ok=True)
    digests = entry.setdefault("sha256", {})
    for name, lines in texts.items():
        path = place.with_name(f"{place.name}.{name}.txt")
        write_atomically(path, "\n".join(lines) + "\n")
        entry[name] = f"{place.parent.name}/{path.name}"
        digests[name] = sha256_of(path)
