"""What specs can name, as a table for the terminal."""

from collections.abc import Sequence
from pathlib import Path

from tfkd.reference.explained import CHECK, explained
from tfkd.spec import registry
from tfkd.spec.builtins import register_builtins
from tfkd.spec.errors import UserError, nearest
from tfkd.spec.metrics import TEACHER_CHECK

_REGISTERED = {
    "corpora": "corpus",
    "tokenizers": "tokenizer",
    "models": "model",
    "views": "view",
    "objectives": "objective",
    "adapters": "adapter",
    "combiners": "combiner",
    "optimizers": "optimizer",
    "schedules": "schedule",
    "decodes": "decode",
    "metrics": "metric",
    "callbacks": "callback",
    "stages": "stage",
    "filters": "filter",
    "tasks": "task",
    "formats": "format",
}


def listing(what: str = "all", name: str | None = None, *, plugins: Sequence[str] = ()) -> str:
    """What a spec can name: each name with a line on what it is.

    Args:
        what: `corpora`, `models`, ..., singular or plural; `specs`: the spec files below this
            folder; `all`; or one class's name.
        name: One of that kind: its options, with defaults and units, and an example.
        plugins: Modules that register classes of the user's own.

    Raises:
        UserError: There is no such word.
    """
    register_builtins()
    registry.load_plugins(plugins)
    words = {singular: plural for plural, singular in _REGISTERED.items()} | {"spec": "specs"}
    word = words.get(what.lower(), what.lower())
    if name is not None and word in _REGISTERED:
        return explained(name, _REGISTERED[word])
    names = [TEACHER_CHECK, *(one for kind in registry.KINDS for one in registry.names(kind))]
    if name is None and what in names and word not in {*_REGISTERED, "specs"}:
        return explained(what)
    if name is not None and word in ("specs", "all"):
        shown = f"; tfkd show {name} prints one" if word == "specs" else ""
        raise UserError(f"tfkd list {what} takes no name, and was given {name!r}{shown}")
    tables = {plural: _table(plural) for plural in _REGISTERED}
    if word == "specs":
        return _lines("specs", _specs())
    if word in tables:
        return _lines(word, tables[word])
    if word != "all":
        known = [*_REGISTERED, "specs", "all"]
        near = nearest(word, [*known, *names])
        if name is not None and what in names:
            raise UserError(
                f"tfkd list {what} takes no second word, and was given {name!r}: all of "
                f"{what}'s options are told"
            )
        raise UserError(
            f"there is no list of {what!r}; expected one of {', '.join(known)}"
            + (f"; did you mean {near}?" if near else "")
        )
    tables["specs"] = _specs()
    return "\n\n".join(_lines(name, table) for name, table in tables.items() if table)


def _table(plural: str) -> dict[str, str]:
    kind = _REGISTERED[plural]
    # A schedule or a metric is known by what it stands beside.
    entries = registry.entries(kind)
    if kind not in ("schedule", "metric"):
        entries.sort(key=lambda entry: entry.name)
    found = {entry.name: entry.summary for entry in entries}
    return found | {TEACHER_CHECK: CHECK} if kind == "metric" else found


def _specs() -> dict[str, str]:
    """The specs in `specs/` and here: YAML files with `tfkd:` and their descriptions."""
    found = {}
    for folder in (Path("specs"), Path(".")):
        for path in sorted(folder.glob("*.y*ml")):
            description = _description(path)
            if description is not None:
                found[str(path)] = description
    return found


def _description(path: Path) -> str | None:
    from tfkd.spec.source.yaml_reader import read_file

    try:
        values = read_file(path).value
    except UserError:
        return None
    if "tfkd" not in values:
        return None
    node = values.get("description") or values.get("name")
    return str(node.plain()) if node is not None else ""


def _lines(title: str, table: dict[str, str]) -> str:
    if not table:
        return f"{title}: none"
    width = max(map(len, table))
    rows = [f"  {name:<{width}}  {summary}".rstrip() for name, summary in table.items()]
    return "\n".join([f"{title}:", *rows])
