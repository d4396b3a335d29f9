"""Checkpoints: the training's whole state at a step, in two files."""

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfkd.data.files import write_atomically
from tfkd.data.strict_json import read_json
from tfkd.spec.errors import UserError
from tfkd.training.state.tensor_file import DamagedFileError, read_tensors, write_tensors

KEPT = 2
_FORMAT = 2


class Checkpoint(NamedTuple):
    """A checkpoint that was read.

    Attributes:
        step: Steps that were made.
        state: What was given to `save`.
        tensors: Arrays by name.
    """

    step: int
    state: dict[str, Any]
    tensors: dict[str, np.ndarray]


class CheckpointFolder:
    """The newest checkpoints of a training: `step-N.safetensors` with arrays, `step-N.json`.

    A checkpoint counts once its second file, the state, is there. It holds the SHA-256 of the first
    and of itself, so that no byte of either can change unseen.

    Args:
        path: The folder; made when the first checkpoint is saved.
        kept: How many checkpoints are kept.
    """

    def __init__(self, path: Path, kept: int = KEPT):
        self.path = Path(path)
        self._kept = kept

    def steps(self) -> list[int]:
        """The steps of all checkpoints, newest first, whether whole or damaged."""
        return sorted((int(p.stem.partition("-")[2]) for p in self._states()), reverse=True)

    def save(self, step: int, state: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
        """Writes a checkpoint and removes all but the newest ones.

        Args:
            step: Steps that were made.
            state: What JSON can hold.
            tensors: Arrays or variables by name.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        sha256 = write_tensors(self._arrays(step), tensors)
        content = {"format": _FORMAT, "step": step, "arrays_sha256": sha256, "state": dict(state)}
        content["sha256"] = _digest(content)
        write_atomically(self._state(step), json.dumps(content, indent=1))
        for old in self.steps()[self._kept :]:
            # The state goes first: arrays without a state are no checkpoint.
            self._state(old).unlink(missing_ok=True)
        kept = {self._arrays(step) for step in self.steps()}
        for path in self.path.glob("step-*.safetensors"):
            if path not in kept:
                path.unlink(missing_ok=True)

    def states(self) -> list[dict[str, Any]]:
        """What was given to `save` with each checkpoint that can be read."""
        states = []
        for step in self.steps():
            with contextlib.suppress(DamagedFileError):
                states.append(self._content(step)["state"])
        return states

    def newest(
        self,
        refused: Callable[[str], None],
        check: Callable[[Checkpoint], None] = lambda checkpoint: None,
    ) -> Checkpoint | None:
        """The newest whole checkpoint, or None where there is none at all.

        Args:
            refused: Told of each damaged checkpoint, by name, and what is done instead.
            check: Raises `DamagedFileError` where something that the checkpoint needs is damaged.

        Raises:
            UserError: There are checkpoints, but none is whole.
        """
        problems = []
        for step in self.steps():
            try:
                checkpoint = self.read(step)
                check(checkpoint)
            except DamagedFileError as problem:
                problems.append(str(problem))
                continue
            for problem in problems:
                refused(f"{problem}; going on from step {step} instead")
            return checkpoint
        if problems:
            raise UserError(
                "; ".join(problems) + f". No whole checkpoint is left: remove {self.path.parent} "
                "to train from the start."
            )
        return None

    def read(self, step: int) -> Checkpoint:
        """One checkpoint.

        Raises:
            DamagedFileError: It is not there, or not what was written.
            UserError: Another version wrote it.
        """
        content, path = self._content(step), self._state(step)
        if content["format"] != _FORMAT:
            raise UserError(
                f"{path} was written by another version (format {content['format']}, expected "
                f"{_FORMAT}): go on with that version, or remove {self.path.parent}."
            )
        arrays = read_tensors(self._arrays(step), content["arrays_sha256"])
        return Checkpoint(step, content["state"], arrays)

    def _content(self, step: int) -> dict[str, Any]:
        """What a checkpoint's second file holds.

        Raises:
            DamagedFileError: It is not there, or not what was written.
        """
        path = self._state(step)
        try:
            content = read_json(path, finite=False)
            whole = content.pop("sha256") == _digest(content)
        except OSError as error:
            raise DamagedFileError(f"{path} cannot be read ({error.strerror})") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedFileError(f"{path} is damaged: it is not what was written") from error
        if not whole:
            raise DamagedFileError(f"{path} is damaged: its content is not what was written")
        return content

    def _states(self) -> list[Path]:
        return list(self.path.glob("step-*.json"))

    def _state(self, step: int) -> Path:
        return self.path / f"step-{step:09d}.json"

    def _arrays(self, step: int) -> Path:
        return self.path / f"step-{step:09d}.safetensors"


def _digest(content: Mapping[str, Any]) -> str:
    # Through JSON and back, so that what was written and what is read have one form.
    plain = json.loads(json.dumps(content))
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
