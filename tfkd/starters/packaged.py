"""The package's own specs: those that a wheel has inside."""

import os
from pathlib import Path

from tfkd.data.files import writable, write_atomically
from tfkd.spec.errors import UserError, nearest
from tfkd.spec.source.yaml_reader import read_file

FOLDER = Path(__file__).resolve().parents[1] / "specs"


def packaged_specs() -> str:
    """The names of all packaged specs, each with a line on what it is."""
    found = {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}
    if not found:
        raise UserError(f"no specs in {FOLDER}; install tfkd anew")
    width = max(map(len, found))
    return "\n".join(
        f"{name:<{width}}  {read_file(path).plain().get('description') or ''}".rstrip()
        for name, path in found.items()
    )


def copy_packaged(name: str, folder: Path) -> Path:
    """Copies a packaged spec with what it extends, to be run or changed.

    Args:
        name: Its name, with or without `.yaml`.
        folder: Where it goes.

    Returns:
        The copy.

    Raises:
        UserError: There is no such spec, or a file of its name is there already.
    """
    source = FOLDER / f"{name.removesuffix('.yaml')}.yaml"
    if not source.is_file() or source.parent != FOLDER:
        near = nearest(name, [path.stem for path in FOLDER.glob("*.yaml")])
        hint = f"; did you mean {near}?" if near else ""
        raise UserError(f"tfkd has no spec {name!r}; `tfkd specs` lists those it has{hint}")
    wanted = {folder / path.name: path.read_bytes() for path in _whole(source)}
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
        # What others extend, too, may be there as it is.
        missing = [target for target, content in wanted.items() if not _is(target, content)]
        for target in (*missing, folder / source.name):
            if os.path.lexists(target):
                raise UserError(f"{target} is there already; move it, or copy into another folder")
        for target in missing:  # the spec itself last: where it is, what it extends is, too
            write_atomically(target, wanted[target])
    return folder / source.name


def _is(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


def _whole(source: Path) -> list[Path]:
    """What a spec extends, which a copy of it needs beside it, and the spec itself."""
    extends = read_file(source).plain().get("extends") or []
    names = [extends] if isinstance(extends, str) else extends
    return [*(path for name in names for path in _whole(source.parent / name)), source]
