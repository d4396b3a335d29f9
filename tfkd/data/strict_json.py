"""The one reader of JSON: any damage to a text is a ValueError that says what is wrong with it."""

import json
import math
from collections.abc import Iterable
from os import PathLike
from typing import Any

from tfkd.outside.regular_files import read_regular

# Deeper than anything that is written here, and far from where Python itself gives up.
MOST_LEVELS = 100
# As many as a spec's numbers may have.
MOST_DIGITS = 40


def read_json(path: str | PathLike, *, finite: bool = True) -> Any:
    """A JSON file's content; see `parse_json`.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not strict JSON.
    """
    return parse_json(read_regular(path), finite=finite)


def parse_json(text: str | bytes, *, finite: bool = True) -> Any:
    """The content of a JSON text.

    Args:
        text: Bytes are read as UTF-8.
        finite: Whether NaN and Infinity, which are no JSON, are refused. A training's own notes may
            hold them: a validation can come out so.

    Raises:
        ValueError: It is no JSON, or has a key twice, more than `MOST_LEVELS` levels, or a number
            that is not finite or of more than `MOST_DIGITS` digits.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"it is not UTF-8 from byte {error.start} on") from None
    try:
        content = json.loads(
            text,
            object_pairs_hook=_mapping,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_refused if finite else float,
        )
    except RecursionError:
        raise _too_deep() from None
    _check_levels(content)
    return content


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:MOST_DIGITS]!r} stands there twice")
    return found


def _integer(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number of {len(digits):,} digits, at most {MOST_DIGITS} are read")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"the number {digits[:MOST_DIGITS]} is too large")
    return value


def _refused(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _check_levels(content: Any) -> None:
    level = _containers([content])
    for _ in range(MOST_LEVELS):
        if not level:
            return
        level = [
            inner
            for one in level
            for inner in _containers(one.values() if isinstance(one, dict) else one)
        ]
    if level:
        raise _too_deep()


def _containers(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, dict | list)]


def _too_deep() -> ValueError:
    return ValueError(f"it is nested deeper than {MOST_LEVELS} levels")
