"""Work in shards, each a file that is whole or not there: what a killed stage goes on from."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from tfkd.data.checksummed import read_checksummed, write_checksummed
from tfkd.pipeline.engine.stage_folder import StageFolder

_OF = "of"


class Shards(Protocol):
    """A stage's work in shards, which anybody who has the stage's inputs and folder can make.

    What a shard holds depends on the stage and its number alone: not on who makes it, in which
    order, or whether somebody else makes it at the same time. Each is written whole or not at all.
    """

    def __len__(self) -> int: ...

    def kept(self, number: int) -> bool:
        """Whether a shard is there, whole and this stage's."""
        ...

    def make(self, number: int) -> None:
        """Makes a shard that is not there; the first call may load a model."""
        ...


class OutputShards:
    """`Shards` of plain content, each a file of the stage's scratch folder.

    Args:
        folder: The stage's.
        names: What the files are called.
        make: Makes the content of a number, of plain types.
    """

    def __init__(
        self, folder: StageFolder, names: Sequence[str], make: Callable[[int], Mapping[str, Any]]
    ):
        self._folder, self._names, self._make = folder, names, make

    def __len__(self) -> int:
        return len(self._names)

    def kept(self, number: int) -> bool:
        return _kept(self._folder, self._names[number]) is not None

    def make(self, number: int) -> None:
        self.content(number)

    def content(self, number: int) -> dict[str, Any]:
        """A shard's content, made where it is not there."""
        return shard(self._folder, self._names[number], lambda: self._make(number))

    def anew(self, number: int) -> dict[str, Any]:
        """A shard's content, made whatever is there."""
        return _written(self._folder, self._names[number], self._make(number))


class _Joined:
    """Several `Shards` as one, in their order."""

    def __init__(self, parts: Iterable[Shards]):
        self._places = [(part, number) for part in parts for number in range(len(part))]

    def __len__(self) -> int:
        return len(self._places)

    def kept(self, number: int) -> bool:
        part, own = self._places[number]
        return part.kept(own)

    def make(self, number: int) -> None:
        part, own = self._places[number]
        part.make(own)


def joined_shards(parts: Iterable[Shards | None]) -> Shards | None:
    """Those that there are as one; None: there are none."""
    found = [part for part in parts if part is not None]
    return _Joined(found) if found else None


def shard(folder: StageFolder, name: str, make: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """A shard's content: an earlier attempt's, or made anew where that is missing, damaged, or
    another shard's.

    Args:
        folder: The stage's.
        name: What the shard's file is called.
        make: Makes the content, of plain types.
    """
    if (content := _kept(folder, name)) is not None:
        return content
    return _written(folder, name, make())


def _written(folder: StageFolder, name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    write_checksummed(folder.scratch / name, {**content, _OF: f"{folder.key}/{name}"})
    return dict(content)


def _kept(folder: StageFolder, name: str) -> dict[str, Any] | None:
    try:
        content = read_checksummed(folder.work / name)
    except (OSError, ValueError):
        return None
    return content if content.pop(_OF, None) == f"{folder.key}/{name}" else None
