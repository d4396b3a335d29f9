"""Plain values as YAML that the reader reads as the same values."""

from typing import Any

import yaml

from tfkd.spec.yaml_reader import plain_scalar


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
