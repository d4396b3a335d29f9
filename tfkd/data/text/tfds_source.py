"""Rows of a TensorFlow data set, prepared on this machine or fetched where there is a network."""

import contextlib
import os
import re
import socket
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from tfkd.data.strict_json import parse_json, read_json
from tfkd.data.text.sources import NO_LABELS, Fault, Labels, Value, pick
from tfkd.outside.regular_files import readable
from tfkd.spec.errors import UserError

# Where tfds looks first for what it downloads: its own check of it hangs for minutes when offline.
HOST = ("storage.googleapis.com", 443)
VERSION = re.compile(r"\d+\.\d+\.\d+")
# Where the classes of features are; tfds imports whatever module features.json names.
FEATURES = "tensorflow_datasets."


class TfdsReader:
    """Examples of one split, in the order in which they are stored.

    Args:
        folder: A prepared data set: the folder that holds `dataset_info.json`.
        name: The data set's name, for messages.
        split: For example `train` or `train[:1000]`.
        keys: Feature names; `translation/de` reaches into a nested feature.
        labels: By index of the fields that are no text: what makes text of their values.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        split: str,
        keys: Sequence[str | list[str]],
        labels: Labels = NO_LABELS,
    ):
        self._folder, self._name, self._split = folder, name, split
        self._keys, self._labels = keys, labels
        self._number = 0

    def __iter__(self) -> Iterator[tuple[Value, ...] | Fault]:
        _refuse_foreign_features(self._folder, self._name)
        import tensorflow_datasets as tfds

        with self._readable():
            builder = tfds.builder_from_directory(str(self._folder))
        base = re.split(r"[\[+]", self._split)[0]
        if base not in builder.info.splits:
            raise UserError(
                f"tfds `{self._name}` has no split `{base}`; it has "
                f"{', '.join(sorted(builder.info.splits))}."
            )
        # One file after the other: the order is part of what the data is.
        order = tfds.ReadConfig(interleave_cycle_length=1, shuffle_seed=0)
        examples = builder.as_dataset(split=self._split, shuffle_files=False, read_config=order)
        self._number = 0
        rows = examples.as_numpy_iterator()
        while True:
            with self._readable():
                example = next(rows, None)
            if example is None:
                return
            self._number += 1
            yield pick(_plain(example), self._keys, self._labels)

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        """Inside, files that cannot be read, or are no such data set's, are the user's to mend."""
        try:
            yield
        except Exception as error:
            first = str(error).strip().splitlines()[:1] or [type(error).__name__]
            raise UserError(
                f"{self.place(0)}: {self._folder} cannot be read ({first[0]}); prepare or fetch it "
                "again."
            ) from error

    def place(self, field: int) -> str:
        return f"tfds:{self._name}/{self._split}:{self._number}"


def _refuse_foreign_features(folder: Path, name: str) -> None:
    """A data set is data: reading it must not import modules that it names.

    Raises:
        UserError: A feature's class is not one of tensorflow-datasets.
    """
    path = folder / "features.json"
    try:
        found = read_json(path)
    except (OSError, ValueError) as error:
        raise UserError(f"tfds `{name}`: {path} cannot be read ({error}).") from error
    foreign = [named for named in _classes(found) if not named.startswith(FEATURES)]
    if foreign:
        raise UserError(
            f"tfds `{name}`: {path} names {foreign[0]!r}, a class of others, which reading "
            "it would import. Store it with features of tensorflow-datasets, or as files of lines."
        )


def _classes(features: object) -> Iterator[str]:
    """The names of classes in features.json, in its form of today and in the older one."""
    if isinstance(features, dict):
        for key, value in features.items():
            if isinstance(value, str) and key in ("pythonClassName", "python_class_name", "type"):
                yield value
            elif isinstance(value, str) and key == "json":
                with contextlib.suppress(ValueError):  # tfds says so itself
                    yield from _classes(parse_json(value))
            else:
                yield from _classes(value)
    elif isinstance(features, list):
        for value in features:
            yield from _classes(value)


def _plain(value: object) -> object:
    """Nested mappings with bytes at their ends; numbers (a label) as their digits."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if hasattr(value, "dtype") and value.ndim == 0:
        if value.dtype.kind in "iu":
            return str(int(value))
        if value.dtype.kind == "b":
            return bool(value)
    return value


def find_or_fetch(name: str, data_dir: Path) -> Path:
    """The folder of a prepared data set, which is fetched if it is not there; see `find_prepared`.

    Raises:
        UserError: It is not there and there is no network: said at once.
    """
    return find_prepared(name, data_dir) or _fetch(name, _places(data_dir)[-1])


def find_prepared(name: str, data_dir: Path) -> Path | None:
    """The folder of a prepared data set; None where it is not there and can be fetched.

    It is looked for as NAME[/CONFIG]/VERSION in the data folder, its `tensorflow_datasets`,
    `TFDS_DATA_DIR` and the user's `~/tensorflow_datasets`, and fetched to the last but one that is
    set when there is none.

    Raises:
        UserError: It is not there and there is no network: said at once; or its name leads to
            what others than tensorflow-datasets offer.
    """
    version = name.partition(":")[2]
    if version and not VERSION.fullmatch(version.replace("*", "0")):
        raise UserError(
            f"tfds `{name}` is not of the catalogue of tensorflow-datasets, and fetching it would "
            "run code of others. Prepare it yourself, and give its files or its folder."
        )
    roots = _places(data_dir)
    for root in roots:
        with readable(root):
            found = _prepared(root, name)
        if found:
            return found
    if not reachable(HOST, seconds=5.0):
        raise UserError(
            f"tfds `{name}` is not prepared on this machine (looked in "
            f"{', '.join(str(root) for root in roots)}) and {HOST[0]} cannot be reached to fetch "
            f"it. Prepare it where there is a network with `tfds build {name} --data_dir FOLDER`, "
            "and copy FOLDER to one of these."
        )
    return None


def _places(data_dir: Path) -> list[Path]:
    roots = [Path(data_dir), Path(data_dir, "tensorflow_datasets")]
    if "TFDS_DATA_DIR" in os.environ:
        return [*roots, Path(os.environ["TFDS_DATA_DIR"])]
    return [*roots, Path("~/tensorflow_datasets").expanduser()]


def _prepared(root: Path, name: str) -> Path | None:
    """The newest prepared version of NAME, NAME/CONFIG or NAME[/CONFIG]:VERSION below `root`."""
    path, _, wanted = name.partition(":")
    base = root / path
    if not base.is_dir():
        return None
    versions = [
        folder
        for folder in [*base.glob("*"), *base.glob("*/*")]
        if VERSION.fullmatch(folder.name)
        and (folder / "dataset_info.json").is_file()
        and wanted in ("", folder.name)
    ]
    if len({folder.parent for folder in versions}) > 1:
        configs = sorted({folder.parent.name for folder in versions})
        raise UserError(f"tfds `{path}` is here in {len(configs)} forms: say {path}/{configs[0]}.")
    return max(versions, key=lambda folder: [int(n) for n in folder.name.split(".")], default=None)


def _fetch(name: str, root: Path) -> Path:
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name, data_dir=str(root))
        builder.download_and_prepare()
    except Exception as error:
        first = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise UserError(
            f"tfds `{name}` cannot be prepared: {first[0]} "
            "(the names are those of the catalogue of tensorflow-datasets)."
        ) from error
    return Path(builder.data_path)


def reachable(host: tuple[str, int], seconds: float) -> bool:
    """Whether a connection can be made within `seconds`, looking up the name included."""
    answered = threading.Event()

    def attempt() -> None:
        try:
            socket.create_connection(host, timeout=seconds).close()
        except OSError:
            return
        answered.set()

    # The look-up of a name has no time limit of its own, so it is left behind in its thread.
    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(seconds)
    return answered.is_set()
