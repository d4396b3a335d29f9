"""Adapters of several tasks on one model: saved apart, loaded and put in place by name."""

from collections.abc import Iterable, Mapping
from os import PathLike

import keras
import numpy as np

from tfkd.models.freezing import names_weight
from tfkd.models.safetensors_files import read_tensors
from tfkd.models.weights import save_weights, variables_by_path
from tfkd.spec.errors import UserError

_SHOWN = 4


class AdapterSets:
    """Sets of a model's adapters, of which one is in place.

    A set is a safetensors file of the weights that a task has taught; what stayed frozen is in no
    set, so ten tasks need one BERT in memory and on the disk.

    Args:
        model: A model with adapters, such as `AbNet`.
        taught: What belongs to a set, by the names of `tfkd.models.freeze`; None: the adapters,
            and the table of lengths where there is one.

    Raises:
        ValueError: The model has no weights of such a name.

    Example:
        sets = AdapterSets(model)
        sets.load("german", "de_en.safetensors")
        sets.load("italian", "it_en.safetensors")
        sets.use("italian")
    """

    def __init__(self, model: keras.Model, taught: Iterable[str] | None = None):
        self._model = model
        variables = variables_by_path(model)
        names = ("adapters", "lengths") if taught is None else tuple(taught)
        unknown = [
            name for name in names if not any(names_weight(name, path) for path in variables)
        ]
        if unknown and (taught is not None or "adapters" in unknown):
            raise ValueError(
                "Invalid value for argument `taught`. Expected names of weights that the model "
                f"has. Received: {list(names)}, of which it lacks {', '.join(unknown)}"
            )
        self._variables = {
            path: variable
            for path, variable in variables.items()
            if any(names_weight(name, path) for name in names)
        }
        self._sets: dict[str, dict[str, np.ndarray]] = {}
        self.used: str | None = None

    @property
    def names(self) -> list[str]:
        """The sets that are loaded."""
        return list(self._sets)

    def save(self, path: str | PathLike) -> None:
        """Writes what is in place now, whole or not at all."""
        without = set(variables_by_path(self._model)) - set(self._variables)
        save_weights(self._model, path, without)

    def load(self, name: str, path: str | PathLike) -> None:
        """Reads a file of `save` or of a stage that trained adapters; puts nothing in place.

        Raises:
            UserError: It cannot be read, or is not of adapters like these.
        """
        self.add(name, read_tensors(path), str(path))

    def add(self, name: str, tensors: Mapping[str, np.ndarray], path: str = "the set") -> None:
        """Takes a set by the paths of its weights; others' weights are left aside.

        Nothing is put in place: a set that is replaced while it is in use is in use no more.

        Raises:
            UserError: A weight is missing, or has another shape.
        """
        wrong = [
            f"{key} {'is missing' if key not in tensors else tensors[key].shape}"
            for key, variable in self._variables.items()
            if key not in tensors or tensors[key].shape != tuple(variable.shape)
        ]
        if wrong:
            more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
            raise UserError(
                f"{path}: these are not adapters of model {self._model.name!r}: "
                f"{', '.join(wrong[:_SHOWN])}{more}. Expected those of a model with its options"
            )
        self._sets[name] = {key: np.array(tensors[key]) for key in self._variables}
        if name == self.used:
            self.used = None

    def keep(self, name: str) -> None:
        """Takes what is in place now as a set."""
        self.add(name, {key: np.asarray(one.value) for key, one in self._variables.items()})
        self.used = name

    def use(self, name: str) -> None:
        """Puts a set in place.

        Raises:
            KeyError: There is no such set.
        """
        if name not in self._sets:
            raise KeyError(f"no set {name!r}; there are {', '.join(self._sets) or 'none'}")
        for key, value in self._sets[name].items():
            self._variables[key].assign(value)
        self.used = name
