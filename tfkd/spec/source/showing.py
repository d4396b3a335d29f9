"""A spec as YAML, each value with the place that it comes from."""

import os
import re
from pathlib import Path
from typing import Any

import yaml

from tfkd.spec.source.yaml_reader import plain_scalar
from tfkd.spec.spec import Spec

_WIDEST = 60


def show(spec: Spec) -> str:
    """The resolved spec; every line ends in a comment that says where its value was written.

    Origins are `FILE:LINE`, files relative to this folder; `variant NAME (FILE:LINE)`; `--set`; or
    `default`. The text is YAML and valid as a spec.
    """
    lines: list[tuple[str, str]] = []
    _write(lines, spec, spec.resolved(), "", 0)
    width = min(max((len(text) for text, origin in lines if origin), default=0), _WIDEST)
    shown = [f"{text:<{width}}  # {origin}" if origin else text for text, origin in lines]
    return "\n".join(shown)


def _write(lines: list, spec: Spec, value: Any, path: str, depth: int) -> None:
    indent = "  " * depth
    if isinstance(value, dict):
        for key, item in value.items():
            _entry(lines, spec, f"{indent}{dump_scalar(str(key))}:", item, _join(path, key), depth)
    else:
        for index, item in enumerate(value):
            if isinstance(item, dict) and item:
                start = len(lines)
                _write(lines, spec, item, _join(path, index), depth + 1)
                text, origin = lines[start]
                lines[start] = (f"{indent}- {text.lstrip()}", origin)
            else:
                _entry(lines, spec, f"{indent}-", item, _join(path, index), depth)


def _entry(lines: list, spec: Spec, head: str, value: Any, path: str, depth: int) -> None:
    origins = spec.provenance
    if not isinstance(value, dict | list) or not value:
        text = (
            dump_scalar(value)
            if not isinstance(value, dict | list)
            else "{}"
            if value == {}
            else "[]"
        )
        lines.append((f"{head} {text}", _relative(origins.get(path, "default"))))
        return
    if isinstance(value, list) and not any(isinstance(item, dict | list) for item in value):
        found = {origins.get(_join(path, index), "default") for index in range(len(value))}
        text = f"{head} [{', '.join(dump_scalar(item) for item in value)}]"
        if len(found) == 1 and len(text) <= _WIDEST:
            lines.append((text, _relative(found.pop())))
            return
    lines.append((head, ""))
    _write(lines, spec, value, path, depth + 1)


def _join(path: str, key: Any) -> str:
    return f"{path}.{key}" if path else str(key)


def _relative(origin: str) -> str:
    """The origin with its file relative to this folder, where it lies below it."""
    found = re.fullmatch(r"(variant \S+ \()?(.*?)((?::\d+)?\)?)", origin)
    before, file, after = found.groups()
    if Path(file).is_absolute():
        try:
            near = os.path.relpath(file)
        except ValueError:  # another drive
            near = ".."
        file = file if near.startswith("..") else near
    return f"{before or ''}{file}{after}"


class _Dumper(yaml.SafeDumper):
    """No aliases; text is quoted where YAML 1.1 or 1.2 would read it as something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    # PyYAML quotes what YAML 1.1 takes for no text; `5e-4` and `08` are numbers in 1.2 alone.
    # Only double quotes keep the line ends of YAML 1.1 and all else that cannot be seen.
    plain = plain_scalar(value) == value and value.isprintable()
    style = None if plain else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def dump_yaml(value: Any) -> str:
    """Plain values as a YAML document, keys in their order."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**9)


def dump_scalar(value: Any) -> str:
    """One scalar on one line, as it may stand after a key or in a flow list."""
    flow = yaml.dump(
        [value], Dumper=_Dumper, default_flow_style=True, allow_unicode=True, width=10**9
    )
    return flow.removesuffix("\n")[1:-1]
