"""Gathering every fault of a spec, in words, each with the line it points at."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError

from tfkd.spec.errors import SpecError, nearest
from tfkd.spec.foreign_keys import ours_for
from tfkd.spec.source.tree import Node
from tfkd.spec.wording import described, explain, keys_of

Path = tuple[Any, ...]
UNKNOWN_KEY = "unknown key"

# Comparing names takes its time: a file of nothing but faults gets no more suggestions than these.
_ADVISED = 100
_LONGEST = 60


class Faults:
    """Gathers the faults of one tree.

    Args:
        tree: The composed tree, for files and lines.
        variant: The variant that was applied; empty: none.
    """

    def __init__(self, tree: Node, variant: str = ""):
        self.tree = tree
        self.variant = variant
        self.errors: list[SpecError] = []

    def add(
        self,
        path: Path,
        message: str,
        expected: str = "",
        among: Iterable[str] = (),
        word: str | None = None,
        meant: str = "",
    ) -> None:
        """One fault at a path; `word` is what was written, `among` the names it may have meant,
        `meant` what it plainly did."""
        node = self.tree.nearest(path)
        near = meant
        if not meant and word is not None and len(self.errors) < _ADVISED:
            near = nearest(word, among)
        dotted = ".".join(_clipped(str(key)) for key in path)
        self.errors.append(
            SpecError(node.file, node.line, dotted, message, expected, near, self.variant)
        )

    def unknown(
        self, path: Path, message: str, names: Iterable[str], word: str, none: str = ""
    ) -> None:
        """A fault of a word that is none of some names; `none` is what is expected where there is
        no name at all."""
        names = list(names)
        self.add(path, message, f"one of {', '.join(names)}" if names else none, names, word)

    def options(self, path: Path, model: type[BaseModel], value: Any) -> Any:
        """The value as options, or None when it has faults; null stands for "not given"."""
        before = len(self.errors)
        for name, field in model.model_fields.items():
            # `from_` and `validate_` are Python's names; in specs they are `from` and `validate`.
            if field.alias not in (None, name) and isinstance(value, dict) and name in value:
                self.add((*path, name), UNKNOWN_KEY, f"{field.alias}", [field.alias], name)
        try:
            options = model.model_validate(_given(value))
        except ValidationError as error:
            self._translate(path, model, error.errors(include_url=False))
            return None
        return options if len(self.errors) == before else None

    def _translate(self, path: Path, model: type[BaseModel], found: list[Any]) -> None:
        placed: dict[Path, list[Any]] = {}
        for fault in found:
            placed.setdefault(self._place(path, fault), []).append(fault)
        # A value that fits no branch of a union fails each: the branch it came furthest into says
        # what is wrong; where all stopped at once, all say what was expected.
        inside = {place[:end] for place in placed for end in range(len(path), len(place))}
        for place, faults in placed.items():
            if place in inside:
                faults = [fault for fault in faults if not _in_union(fault, path, place)]
            if faults:
                self._translate_place(path, place, model, faults)

    def _translate_place(
        self, path: Path, place: Path, model: type[BaseModel], faults: list[Any]
    ) -> None:
        unknown = [fault for fault in faults if fault["type"] == "extra_forbidden"]
        missing = [fault for fault in faults if fault["type"] == "missing"]
        in_union = any(_in_union(fault, path, place) for fault in unknown + missing)
        owners = dict.fromkeys(fault["loc"][:-1] for fault in unknown)
        names = list(dict.fromkeys(name for owner in owners for name in keys_of(model, owner)))
        for key in dict.fromkeys(str(fault["loc"][-1]) for fault in unknown):
            expected = f"one of {', '.join(names)}" if names else "no keys"
            expected += self._taken_away((*place, key))
            within = str(place[-1]) if place else ""
            node = self._at((*place, key))
            meant = ours_for(key, names, within, None if node is None else node.value)
            self.add((*place, key), UNKNOWN_KEY, expected, names, key, meant)
        if in_union and not unknown:
            keys = list(dict.fromkeys(str(fault["loc"][-1]) for fault in missing))
            self.add(place, f"no {' or '.join(keys)}", "one of them" if keys[1:] else "")
        elif not in_union:
            for fault in missing:
                key = str(fault["loc"][-1])
                field = keys_of(model, fault["loc"][:-1]).get(key)
                self.add((*place, key), "missing", described(field))
        if not unknown and not missing:
            message, expected, among = explain(faults)
            written = faults[0].get("input")
            word = written if among and isinstance(written, str) else None
            self.add(place, message, expected, among, word)

    def _taken_away(self, path: Path) -> str:
        """How a variant does without a key that it has from the spec."""
        node = self._at(path)
        if not self.variant or node is None or node.variant:
            return ""
        return f", or `{'.'.join(map(str, path))}: null` in the variant, which deletes the key"

    def _place(self, path: Path, fault: Any) -> Path:
        """Where a fault stands in the file: pydantic's location without the names of branches.

        Unknown and missing keys stand at the mapping that they belong to.
        """
        location = fault["loc"]
        if fault["type"] in ("extra_forbidden", "missing"):
            location = location[:-1]
        place, node = list(path), self._at(path)
        for key in location:
            child = node.child(key) if node is not None else None
            if child is not None:
                place.append(key)
                node = child
        return tuple(place)

    def _at(self, path: Path) -> Node | None:
        node: Node | None = self.tree
        for key in path:
            node = node.child(key) if node is not None else None
        return node


def _in_union(fault: Any, path: Path, place: Path) -> bool:
    """Whether a fault is about one branch of a union: its location then names the branch."""
    own = fault["type"] in ("extra_forbidden", "missing")
    return len(fault["loc"]) - own > len(place) - len(path)


def _clipped(key: str) -> str:
    return key if len(key) <= _LONGEST else f"{key[: _LONGEST - 3]}..."


def _given(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _given(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_given(item) for item in value]
    return value
