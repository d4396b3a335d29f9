"""Which of the package's specs use which key, and with what value."""

import dataclasses
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tfkd.spec import Spec, load_spec

# Examples are taken from these first: a reader has met them.
FIRST = ("quickstart", "multi30k_deen", "mask_kd_multi30k_ende", "abnet_multi30k_deen")

_LONGEST = 70


class Usage:
    """The keys that specs, and their variants, set.

    Args:
        paths: The spec files.
    """

    def __init__(self, paths: list[Path]) -> None:
        self._values: dict[tuple[str, str], dict[str, list[Any]]] = {}
        for path in sorted(paths, key=_order):
            spec = load_spec(path)
            for one in (spec, *map(spec.with_variant, spec.variants)):
                self._read(one, path.stem)

    def specs(self, title: str, key: str) -> list[str]:
        """The names of the specs that set a key of a mapping, by the mapping's title."""
        return list(self._values.get((title, key), ()))

    def example(self, title: str, key: str) -> Any:
        """A short value that one of the first specs sets; None where none sets any."""
        found = [_short(value) for values in self._values.get((title, key), {}).values()
                 for value in values if value is not None]  # fmt: skip
        fitting = (value for value in found if len(str(value)) <= _LONGEST)
        return next(fitting, min(found, key=lambda value: len(str(value)), default=None))

    def _read(self, part: Any, spec: str) -> None:
        if isinstance(part, BaseModel):
            fields = type(part).model_fields
            plain = part.model_dump(mode="json", by_alias=True, exclude_unset=True)
            for name in part.model_fields_set & set(fields):
                key = fields[name].alias or name
                found = self._values.setdefault((type(part).__name__, key), {})
                found.setdefault(spec, []).append(plain.get(key))
                self._read(getattr(part, name), spec)
        elif isinstance(part, Spec):
            for field in dataclasses.fields(part):
                self._read(getattr(part, field.name), spec)
        elif isinstance(part, dict):
            for value in part.values():
                self._read(value, spec)
        elif isinstance(part, list | tuple):
            for value in part:
                self._read(value, spec)


def _short(value: Any) -> Any:
    """A value without the forms that a spec need not write: a corpus is its name."""
    if isinstance(value, dict):
        return value["of"] if set(value) == {"of"} else {k: _short(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_short(one) for one in value]
    return value


def _order(path: Path) -> tuple[int, str]:
    return (FIRST.index(path.stem) if path.stem in FIRST else len(FIRST), path.stem)
