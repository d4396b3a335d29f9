"""Whether a SavedModel may be loaded: TensorFlow runs what a graph says, from the loading on."""

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from tfkd.serving.checksums import CHECKSUMS, check_checksums
from tfkd.serving.loading.stored_graph import GRAPH, UnknownNode, read_graph, unknown_nodes
from tfkd.serving.model_card import CARD
from tfkd.spec.errors import UserError

_SHOWN = 5
# What TensorFlow reads of a SavedModel.
_READ = ("saved_model.", "variables/", "assets/", "fingerprint.pb")
_TRUST = (
    "A graph can read and write files as soon as it is loaded, so only what tfkd exports is. If "
    "you trust whoever made this one, give --trust (in Python, trust=True)"
)


def check_trusted(folder: Path) -> None:
    """Holds a version folder against what an export of tfkd is, without running anything of it.

    It has a model card, and checksums that hold of all that TensorFlow reads; no link and no name
    leads out of it; and its graph has known ops alone, see `unknown_nodes`. Whoever makes a folder
    can write card and checksums, too: these tell whose it is said to be, the ops what it can do.

    Raises:
        UserError: It is otherwise; the message says in what, and what to do.
    """
    for name in (CARD, CHECKSUMS):
        if not (folder / name).is_file():
            raise UserError(
                f"{folder}: not a SavedModel of tfkd: it has no {name}, which `tfkd export RUN` "
                f"writes. {_TRUST}"
            )
    files = plain_files(folder)
    summed = check_checksums(folder)
    for path in files:
        name = path.relative_to(folder).as_posix()
        if name.startswith(_READ) and name not in summed:
            raise UserError(f"{path} is not among the files of {CHECKSUMS}. {_TRUST}")
    try:
        saved = read_graph(folder)
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: not a SavedModel of tfkd ({error})") from error
    _check_form(folder, saved)
    unknown = unknown_nodes(saved)
    if unknown:
        raise UserError(
            f"{folder}: its graph has ops that no export has: {listed(unknown)}. {_TRUST}"
        )


def listed(unknown: Sequence[UnknownNode]) -> str:
    """Some unknown nodes, of as many ops as can be, as they may stand in a message."""
    firsts = {(node.op, node.reason): node for node in reversed(unknown)}
    shown = list(firsts.values())[::-1][:_SHOWN]
    more = f" and {len(unknown) - len(shown)} more" if len(unknown) > len(shown) else ""
    return ", ".join(map(str, shown)) + more


def plain_files(folder: Path) -> list[Path]:
    """All files of a folder.

    Raises:
        UserError: A link leads out of it, or something is no plain file.
    """
    inside, found = folder.resolve(), []
    for place, folders, files in os.walk(folder):
        for path in (Path(place, name) for name in (*folders, *files)):
            if not path.resolve().is_relative_to(inside):
                raise UserError(f"{path} is a link that leads out of the folder. {_TRUST}")
        for path in (Path(place, name) for name in files):
            if not path.is_file():
                raise UserError(f"{path} is no plain file. {_TRUST}")
            found.append(path)
    return found


def _check_form(folder: Path, saved: Any) -> None:
    """One graph with its objects: TensorFlow then calls functions alone, never the main graph."""
    if others := sorted({path.name for path in folder.glob("saved_model.*")} - {GRAPH}):
        raise UserError(f"{folder / others[0]} stands beside {GRAPH}. {_TRUST}")
    graphs = saved.meta_graphs
    if len(graphs) != 1 or not graphs[0].HasField("object_graph_def"):
        raise UserError(
            f"{folder / GRAPH} is no graph with its objects, as TensorFlow 2 saves it. {_TRUST}"
        )
    for asset in graphs[0].asset_file_def:
        name = PurePosixPath(asset.filename)
        if name.is_absolute() or ".." in name.parts:
            raise UserError(f"{folder / GRAPH} names an asset outside of its folder. {_TRUST}")
