"""What one kind of published checkpoint is: family, options, tensors' names, heads, tokenizer."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from os import PathLike
from typing import Any, ClassVar, NamedTuple

from tfkd.models.published.checkpoint import Checkpoint
from tfkd.spec.errors import UserError

MASKED_LM, CLASSIFIER = "masked_lm", "classifier"
ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
}
_WEIGHT = {"kernel": "weight", "scale": "weight", "table": "weight", "bias": "bias",
           "offset": "bias"}  # fmt: skip


class Place(NamedTuple):
    """Where one weight of ours stands in a checkpoint.

    Attributes:
        names: One tensor, or several that lie side by side in ours; none: zeros, which the
            architecture has no tensor for.
        transposed: Whether it is `[output, input]` there and `[input, output]` here.
        skip: How many of its first rows are no part of ours.
        one_row: Whether it is the one row of a matrix there.
        added: What is added to each of its numbers here.
        rows: How many rows ours has, where theirs has padding behind them; None: as many as theirs.
    """

    names: tuple[str, ...]
    transposed: bool = False
    skip: int = 0
    one_row: bool = False
    added: float = 0.0
    rows: int | None = None


class PublishedModel:
    """A published checkpoint of one kind of architecture. A new one is a class like this, in a file
    of its own, and a line in `architectures`.

    Attributes:
        model_type: What `config.json` calls it.
        title: What people call it, with an article: "a BERT".
        kind: The family that it becomes, `model:` of a spec.
        tokenizer: The kind of its tokenizer.
        plain: Options that change what is computed, with the one value that is known here.
        sizes: Our options that are whole numbers, with their names in `config.json`.
        activations: What its activations are called here.
        parts: Parts of ours by path, `{}` for the number of a block counted from 0, with the names
            of theirs: several where ours lie side by side. A whole path names a single weight.
        kernels_transposed: Whether kernels are `[output, input]` there.
        body: Beginnings of the names of tensors that must all be read.
        unread: Endings of names that are no weights: stored masks and places.
        leaves: Options that it leaves to whoever reads it: no weight says them.
        cuts: Whether `build` takes another `vocabulary_size`, of rows that are kept.
    """

    model_type: ClassVar[str]
    title: ClassVar[str]
    kind: ClassVar[str]
    tokenizer: ClassVar[str]
    plain: ClassVar[Mapping[str, Any]] = {}
    sizes: ClassVar[Mapping[str, str]] = {}
    activations: ClassVar[Mapping[str, str]] = ACTIVATIONS
    parts: ClassVar[Mapping[str, str | tuple[str, ...]]] = {}
    kernels_transposed: ClassVar[bool] = True
    body: ClassVar[tuple[str, ...]] = ()
    unread: ClassVar[tuple[str, ...]] = (".position_ids",)
    leaves: ClassVar[tuple[str, ...]] = ()
    cuts: ClassVar[bool] = False

    def __init__(self, folder: str | PathLike | Checkpoint):
        self.checkpoint = folder if isinstance(folder, Checkpoint) else Checkpoint(folder)
        self.folder = self.checkpoint.folder
        self.config = self.checkpoint.config
        for key, value in self.plain.items():
            if self.config.get(key, value) != value:
                raise self.wrong(f"{key} is {self.config[key]!r}; only {value!r} is known.")

    # What a class says.

    def options(self) -> dict[str, Any]:
        """The options of our model: the arguments of its class but for heads and dtype.

        Raises:
            UserError: `config.json` lacks one, or it is none that our model has.
        """
        raise NotImplementedError

    def place(self, path: str) -> Place:
        """Where a weight of ours stands, by its path in the model; see `parts`.

        Raises:
            ValueError: It has no place there.
        """
        return self.usual_place(path)

    def spelled(self, name: str) -> str | None:
        """A tensor's name in the way that `parts` has it; None of one that is no weight."""
        return None if name.endswith(self.unread) else name

    def heads(self) -> tuple[str, ...]:
        """The kinds of heads over words or classes that the checkpoint has."""
        return ()

    def head_options(self, kind: str) -> dict[str, Any]:
        """The arguments of a head that it has, as our model's class takes them."""
        return {}

    def labels(self) -> list[str] | None:
        """The names of its classes in the order of its matrix; None without a head over them."""
        return None

    def of_texts(self) -> bool:
        """Whether its head over classes reads a text, not each of its tokens."""
        return False

    def head_activation(self) -> str:
        """What its head over classes makes of a state first; see `ClassifierHeadOptions`."""
        return "none"

    def tokenizers(self) -> dict[str, dict[str, Any]]:
        """Its tokenizers as a spec has them, by name: what they say beside kind and preset."""
        return {"published": {}}

    def tokenizer_of(self) -> Any:
        """What its model says as `tokenizer:`."""
        return "published"

    def pieces(self) -> int | None:
        """How many pieces the folder's own tokenizer has; None without one, or where nothing asks.

        Raises:
            UserError: It cannot be read.
        """
        return None

    def check(self) -> None:
        """Raises where its tensors say something else than `config.json`, beyond their shapes.

        Raises:
            UserError: They do.
        """

    def refuse_lacking(self, kind: str) -> None:
        """Raises where a head is asked for that is not there: it would come out at random.

        Raises:
            UserError: It is not there.
        """

    def build(self, heads: tuple[str, ...], **more: Any) -> Any:
        """Our model with these heads, its weights at chance. Imports TensorFlow."""
        raise NotImplementedError

    def copies(self) -> str | None:
        """A sentence on weights that are one in the folder and several here; None without any."""
        return None

    def facts(self) -> Iterator[str]:
        """What somebody should know of it beside options, heads and tokenizer, in sentences."""
        yield from ()

    # What follows from it.

    def wrong(self, words: str) -> UserError:
        """An error about `config.json`."""
        return UserError(f"{self.checkpoint.config_file}: {words}")

    def whole_numbers(self) -> dict[str, int]:
        """Our options that are `sizes`."""
        lacking = [name for name in self.sizes.values() if not _whole(self.config.get(name))]
        if lacking:
            raise self.wrong(f"{', '.join(lacking)} must be whole numbers.")
        return {ours: self.config[theirs] for ours, theirs in self.sizes.items()}

    def activation(self, key: str, default: str) -> str:
        """An activation as it is called here."""
        name = self.config.get(key, default)
        if not isinstance(name, str) or name not in self.activations:
            raise self.wrong(f"{key} is {name!r}; known are {', '.join(self.activations)}.")
        return self.activations[name]

    @cached_property
    def tensors(self) -> dict[str, str]:
        """The names of its tensors in the files, by their names in `parts`."""
        found = {}
        for name in sorted(self.checkpoint.tensors):  # of two spellings the last one counts
            spelled = self.spelled(name)
            if spelled is not None:
                found[spelled] = name
        return found

    def shape(self, name: str) -> tuple[int, ...] | None:
        """The shape of a tensor by its name in `parts`; None where it is not there."""
        stored = self.tensors.get(name)
        return None if stored is None else self.checkpoint.tensors[stored].shape

    def parameters(self) -> int:
        """How many numbers the folder's tensors have."""
        total = 0
        for stored in self.checkpoint.tensors.values():
            size = 1
            for count in stored.shape:
                size *= count
            total += size
        return total

    def architecture(self) -> str:
        """The class that wrote it, like `BertForMaskedLM`; empty where it is not said."""
        found = self.config.get("architectures")
        return str(found[0]) if isinstance(found, list) and found else ""

    def id_labels(self, classes: int) -> list[str]:
        """The names of classes in `id2label`.

        Raises:
            UserError: They are not as many as the head's rows.
        """
        found = self.config.get("id2label")
        if not isinstance(found, dict):
            return [f"LABEL_{number}" for number in range(classes)]
        names = [found.get(str(number)) for number in range(classes)]
        if len(found) != classes or not all(isinstance(name, str) for name in names):
            raise self.wrong(
                f"id2label names {len(found):,} classes ({', '.join(sorted(map(str, found)))}), "
                f"and the head over classes has {classes:,} rows; expected "
                f"0 to {classes - 1}, each with a name."
            )
        if len(set(names)) < classes:
            raise self.wrong(f"id2label gives two classes one name: {', '.join(names)}.")
        return names

    @classmethod
    def usual_place(cls, path: str) -> Place:
        """What `parts` alone say of a path."""
        found = place_in(cls.parts, path, cls.kernels_transposed)
        if found is None:
            raise ValueError(f"weight {path!r} has no place in {cls.title}'s checkpoint")
        return found


def place_in(
    parts: Mapping[str, str | tuple[str, ...]], path: str, transposed: bool
) -> Place | None:
    """Where a weight of ours stands, by `PublishedModel.parts`; None: nowhere."""
    stack, _, rest = path.partition("/")
    layer, _, below = rest.partition("/")
    number = 0
    if below and layer.startswith("layer_"):
        path, number = f"{stack}/{{}}/{below}", int(layer.removeprefix("layer_")) - 1
    turned = transposed and path.endswith("/kernel")
    part, _, weight = path.rpartition("/")
    found = parts.get(path, parts.get(part))
    if found is None or (path not in parts and weight not in _WEIGHT):
        return None
    names = (found,) if isinstance(found, str) else found
    ending = "" if path in parts else f".{_WEIGHT[weight]}"
    return Place(tuple(f"{name.format(number)}{ending}" for name in names), turned)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
