"""The resolved spec, line by line, with where each value came from; and how specs differ."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

# What YAML reads as a string without quotes, and no reader takes for anything else.
_BARE = re.compile(r"[A-Za-z_./][\w./#@+\-]*( [\w./#@+\-]+)*")
_WORDS_OF_YAML = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "~"}
_FLOW_WIDTH = 72


def spec_lines(spec: Mapping[str, Any], provenance: Mapping[str, str]) -> list[dict[str, str]]:
    """A spec as lines of YAML.

    Returns:
        A list of `text` (with its indentation), `source` (where the value came from; empty on lines
        that only open a block, or as the line above) and `kind`: `default`, `set`, `variant` or
        `file`.
    """
    lines: list[dict[str, str]] = []
    _write(spec, "", 0, lines, provenance)
    return lines


def differences(specs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The dotted paths at which several specs do not agree.

    Returns:
        A list of `path` and `values`: one text a spec, None where the path is missing.
    """
    flat = [dict(_leaves(spec, "")) for spec in specs]
    paths = list(dict.fromkeys(path for one in flat for path in one))
    return [
        {"path": path, "values": [one.get(path) for one in flat]}
        for path in paths
        if len({one.get(path) for one in flat}) > 1
    ]


def _leaves(value: Any, path: str):
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    else:
        yield path, _flow(value)


def _write(
    value: Any, path: str, depth: int, lines: list[dict[str, str]], provenance: Mapping[str, str]
) -> None:
    items = (
        [(f"{_scalar(key)}:", str(key), item) for key, item in value.items()]
        if isinstance(value, dict)
        else [("-", str(index), item) for index, item in enumerate(value)]
    )
    for head, name, item in items:
        here = f"{path}.{name}" if path else name
        start = f"{'  ' * depth}{head}"
        nested = isinstance(item, dict | list) and item
        if nested and not _fits(item, start):
            inner: list[dict[str, str]] = []
            _write(item, here, depth + 1, inner, provenance)
            if head == "-":
                inner[0]["text"] = f"{start} {inner[0]['text'].lstrip()}"
            else:
                _append(lines, start, provenance.get(here, ""))
            lines += inner
        else:
            _append(lines, f"{start} {_flow(item)}", _source(here, item, provenance))


def _fits(item: Any, start: str) -> bool:
    """A list or mapping of plain values may stand on one line."""
    parts = item.values() if isinstance(item, dict) else item
    if isinstance(item, dict) or any(isinstance(part, dict | list) for part in parts):
        return False
    return len(start) + len(_flow(item)) <= _FLOW_WIDTH


def _source(path: str, item: Any, provenance: Mapping[str, str]) -> str:
    if path in provenance:
        return str(provenance[path])
    if isinstance(item, list) and f"{path}.0" in provenance:
        return str(provenance[f"{path}.0"])
    while "." in path:
        path = path.rpartition(".")[0]
        if path in provenance:
            return str(provenance[path])
    return ""


def _append(lines: list[dict[str, str]], text: str, source: str) -> None:
    kind = "file"
    for word, found in (("default", "default"), ("--set", "set"), ("variant", "variant")):
        if source.startswith(word):
            kind = found
    lines.append({"text": text, "source": source, "kind": kind})


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{_scalar(key)}: {_flow(item)}" for key, item in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(_flow(item) for item in value)}]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        if _BARE.fullmatch(value) and value.lower() not in _WORDS_OF_YAML:
            return value
        return json.dumps(value, ensure_ascii=False)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
