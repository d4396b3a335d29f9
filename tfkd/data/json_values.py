"""Values of JSON as a corpus reads them: labels by what they mean, keys that stand once."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

# Zeros that a number is written out with.
_MOST_ZEROS = 400


class Number(str):
    """A number as it is written."""


class Twice:
    """Stands for the value of a key that is given several times: nobody can tell which is meant."""


def read_record(line: bytes) -> Any:
    """The value of a line; numbers are `Number`s.

    Raises:
        UnicodeDecodeError: It is not UTF-8.
        ValueError: It is no JSON.
        RecursionError: It is nested too deep.
    """
    return json.loads(line, parse_int=Number, parse_float=Number, object_pairs_hook=_mapping)


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        found[key] = Twice() if key in found else value
    return found


def as_label(value: Any) -> Any:
    """A label's name: equal numbers have one, and true and false are names.

    What is neither number, boolean nor text stays what it is.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return plain_number(value) if isinstance(value, Number) else value


def as_numbers(value: Any) -> Any:
    """Numbers in a list or an array as they are written, with blanks between; what is neither
    stays what it is."""
    if hasattr(value, "dtype") and value.dtype.kind in "fiu" and value.ndim < 2:
        value = [Number(one) for one in value.ravel().tolist()]
    plain = isinstance(value, list) and all(isinstance(one, Number) for one in value)
    return " ".join(value) if plain else value


def plain_number(text: str) -> str:
    """A number as it is written in the shortest way: 1.0, 1e0 and 1 are "1"."""
    try:
        sign, digits, exponent = Decimal(text).as_tuple()
    except ArithmeticError:  # an exponent beyond all bounds
        return text
    if not isinstance(exponent, int):  # infinite, or none
        return text
    written = "".join(map(str, digits)).lstrip("0")
    kept = written.rstrip("0")
    if not kept:
        return "0"
    exponent += len(written) - len(kept)
    if not -_MOST_ZEROS <= exponent <= _MOST_ZEROS:
        plain = f"{kept}e{exponent}"
    elif exponent >= 0:
        plain = kept + "0" * exponent
    else:
        padded = kept.rjust(1 - exponent, "0")
        plain = f"{padded[:exponent]}.{padded[exponent:]}"
    return f"-{plain}" if sign else plain


def found_under(record: object, key: str) -> Any:
    """The value under a key; `a/b` reaches into nested mappings. None where there is none."""
    value = record
    for step in [key] if isinstance(record, Mapping) and key in record else key.split("/"):
        if isinstance(value, Twice):
            return value
        value = value.get(step) if isinstance(value, Mapping) else None
    return value
