"""What lies in a published folder: `config.json`, and the tensors of its safetensors files."""

from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfkd.data.strict_json import read_json
from tfkd.models.safetensors_files import saved_shapes, tensor_blocks
from tfkd.spec.errors import UserError

CONFIG_FILE, INDEX_FILE = "config.json", "model.safetensors.index.json"
# Endings of files of weights whose reading runs code from them.
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


class Stored(NamedTuple):
    """Where a tensor lies.

    Attributes:
        file: Its safetensors file.
        shape: Its shape.
        type: Its type there: `F32`, `BF16`, ...
    """

    file: Path
    shape: tuple[int, ...]
    type: str


class Checkpoint:
    """A published folder; each of its files is read when it is first asked for.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: str | PathLike):
        self.folder = Path(folder)

    @property
    def config_file(self) -> Path:
        """`config.json`."""
        return self.folder / CONFIG_FILE

    @cached_property
    def config(self) -> dict[str, Any]:
        """The content of `config.json`.

        Raises:
            UserError: It is not there, or no mapping; or it names code of the folder's own.
        """
        path = self.config_file
        config = self._json(path)
        if config is None:
            raise UserError(
                f"{self.folder}: no {CONFIG_FILE}; expected a published checkpoint's folder."
            )
        if not isinstance(config, dict):
            raise UserError(f"{path}: no mapping; expected a published model's options.")
        if config.get("auto_map"):
            raise UserError(
                f"{path}: auto_map names code that this checkpoint is computed by "
                f"({config['auto_map']}). Code of a folder is not executed; expected a model of a "
                "kind that is known without it."
            )
        return config

    @cached_property
    def files(self) -> list[Path]:
        """`model.safetensors`, or its numbered parts.

        Raises:
            UserError: There is none, one of the parts is missing, or the weights are pickled.
        """
        files = sorted(self.folder.glob("model*.safetensors"))
        index = self._json(self.folder / INDEX_FILE)
        named = index.get("weight_map") if isinstance(index, dict) else None
        if isinstance(named, dict) and named:
            counted = Counter(map(str, named.values()))
            there = {path.name for path in files}
            for part in sorted(counted):
                if part not in there:
                    first = next(name for name, place in named.items() if str(place) == part)
                    raise UserError(
                        f"{self.folder / part}: this part is missing; {INDEX_FILE} says that it "
                        f"has {counted[part]:,} tensors, the first of them {first}."
                    )
            return [path for path in files if path.name in counted]
        if files:
            self._refuse_missing_part(files)
            return files
        pickled = sorted(path.name for one in _PICKLED for path in self.folder.glob(one))
        if pickled:
            raise UserError(
                f"{self.folder}: the weights are pickled ({', '.join(pickled)}), and reading a "
                "pickle runs code from it. Convert it once, where you trust it and have "
                'transformers: python -c "from transformers import AutoModel as M; '
                f"M.from_pretrained('{self.folder}').save_pretrained('{self.folder}')\" (with the "
                "Auto class of its head, like AutoModelForSequenceClassification), which writes "
                "model.safetensors."
            )
        raise UserError(f"{self.folder}: no model.safetensors.")

    def _refuse_missing_part(self, files: list[Path]) -> None:
        """Parts that say how many they are, `model-00001-of-00003.safetensors`, are all there."""
        for path in files:
            _, of, total = path.stem.rpartition("-of-")
            if of and total.isascii() and total.isdecimal():
                for number in range(1, int(total) + 1):
                    part = self.folder / f"model-{number:0{len(total)}}-of-{total}.safetensors"
                    if part not in files:
                        raise UserError(f"{part}: this part is missing; expected {int(total)}.")

    @cached_property
    def tensors(self) -> dict[str, Stored]:
        """Where each tensor lies, by its name there; none is read.

        Raises:
            UserError: There are none, or a file of them is damaged.
        """
        found = {
            name: Stored(file, *said)
            for file in self.files
            for name, said in saved_shapes(file).items()
        }
        index = self._json(self.folder / INDEX_FILE)
        named = index.get("weight_map") if isinstance(index, dict) else None
        for name, part in named.items() if isinstance(named, dict) else ():
            if name not in found:
                raise UserError(
                    f"{self.folder / str(part)}: it has no {name}, which {INDEX_FILE} says that it "
                    "has. Copy the part again"
                )
        return found

    def blocks(self, name: str) -> Iterator[np.ndarray]:
        """A tensor some rows at a time, of the type that it is stored in; see `tensor_blocks`.

        Args:
            name: Its name.

        Raises:
            UserError: It has numbers that are not finite: told behind the last block.
        """
        file = self.tensors[name].file
        size = wrong = 0
        for block in tensor_blocks(file, name):
            size += block.size
            wrong += int(block.size - np.isfinite(block).sum())
            yield block
        if wrong:
            raise UserError(
                f"{file}: {name} has {wrong:,} of {size:,} numbers that are NaN or infinite; "
                "expected finite weights. Such a model predicts nothing."
            )

    def same(self, one: str, other: str) -> bool:
        """Whether two tensors have one shape and the same numbers.

        Raises:
            UserError: One has numbers that are not finite.
        """
        if self.tensors[one].shape != self.tensors[other].shape:
            return False
        pairs = zip(self.blocks(one), self.blocks(other), strict=True)
        return all(bool((ours == theirs).all()) for ours, theirs in pairs)

    def has(self, *names: str) -> bool:
        """Whether all of these files are in the folder."""
        return all((self.folder / name).is_file() for name in names)

    def json(self, name: str) -> dict[str, Any]:
        """A JSON file of the folder; empty where there is none, or it is no mapping.

        Raises:
            UserError: It is not JSON.
        """
        found = self._json(self.folder / name)
        return found if isinstance(found, dict) else {}

    def _json(self, path: Path) -> Any:
        try:
            return read_json(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error.strerror})") from error
        except ValueError as error:
            raise UserError(f"{path}: not JSON ({error}).") from None
