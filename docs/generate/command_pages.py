"""The reference of commands: each verb with its arguments, as the parser has them."""

import argparse
import re
from typing import Any

from tfkd.cli_parser import build_parser

_INTRODUCTION = """\
# Commands

`tfkd VERB --help` says the same. Paths in a spec are relative to `--data-dir`; runs lie in
`--runs-dir`."""


def command_pages() -> dict[str, tuple[str, str]]:
    """Title and text of the page by its path under the site's root."""
    parser = build_parser()
    (verbs,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    parts = [_INTRODUCTION]
    for name, verb in verbs.choices.items():
        parts += [f"## tfkd {name}", verb.description, *_table(verb)]
    codes = (parser.epilog or "").partition(": ")[2]
    parts += ["## Exit codes", "\n".join(f"- {one}" for one in re.split(r";\s+(?=\d)", codes))]
    return {"commands/commands.md": ("Commands", "\n\n".join(parts) + "\n")}


def _table(verb: argparse.ArgumentParser) -> list[str]:
    rows = [
        f"| {_named(one)} | {_plain(one.help or '')} |"
        for one in verb._actions
        if not isinstance(one, argparse._HelpAction | argparse._SubParsersAction)
    ]
    return ["\n".join(["| argument | what it says |", "| --- | --- |", *rows])] if rows else []


def _named(action: argparse.Action) -> str:
    """An argument as it is written, with what it takes."""
    taken = _taken(action)
    names = [" ".join(filter(None, (name, taken))) for name in action.option_strings] or [taken]
    return ", ".join(f"`{name}`" for name in names).replace("|", "\\|")


def _taken(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    name: Any = action.metavar or action.dest.upper()
    if action.choices is not None:
        name = "|".join(map(str, action.choices))
    more = {"+": f"{name}...", "?": f"[{name}]", "*": f"[{name}...]"}
    return more.get(str(action.nargs), str(name))


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
