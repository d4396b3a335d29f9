"""The protocol of model families: what a kind of model tells of itself, by its options."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

from pydantic import PrivateAttr

from tfkd.spec.errors import UserError
from tfkd.spec.options.models.family_sizes import FamilySizes
from tfkd.spec.options.parts import reads_classes, sides_of
from tfkd.spec.options.views import Reader

# The most tokens of a model under --smoke.
SMOKE_LENGTH = 128


class Stack(NamedTuple):
    """The blocks of a side, which adapters and paths of weights may name.

    Attributes:
        layers: How many there are.
        width: The size of their states.
        cross: Whether they have cross-attention.
        options: Those of the blocks.
        memory: The size of the encoder's states, which an adapter may attend to.
    """

    layers: int
    width: int
    cross: bool
    options: Any
    memory: int


class ModelOptions(FamilySizes):
    """The options of a model of one family; a plugin's extend it, and say what its family is.

    A family is one such class and a line in the registry. What reads, counts, checks or shrinks
    models asks their options, never the name of their kind.

    Attributes:
        single_sequence: Whether it reads one sequence of tokens, not a source and a target.
        is_causal: Whether each token of that sequence sees those before it alone: a language model
            that goes on with a text. A decoder behind an encoder has `decoder_attention`.
        encoder_terms: Whether terms may read its encoder by itself, beside its decoder.
        adapter_sides: The sides whose blocks may have adapters: `encoder`, `decoder`.
        made_of: Options that name other models of the spec, with the kind that each must be of.
        smoke_sizes: Options that are sizes, and what they are under --smoke.
        published: `module:name` of what reads its published checkpoints, imported without
            TensorFlow (see `tfkd.models.published.reading.Reader`): `open(folder)` gives what a
            folder declares, a `PublishedModel`, and `load(published, heads)` builds the model.
            None: there are none.
        large: Whether its checkpoints may be so large that there is one copy of the weights alone,
            in the precision that a load stage asks for.
        quantizes: Whether all its matrices are in layers of this package, whose products can be
            rounded as an engine in 8 bits makes them (`tfkd.layers.fake_quantize`).
        lists: Whether an encoder-decoder's `step` takes `columns`, those of its head that are on a
            list (`tfkd.models.EncoderDecoder.step`), so that a shortlist stage can be made of it.
    """

    single_sequence: ClassVar[bool] = False
    is_causal: ClassVar[bool] = False
    encoder_terms: ClassVar[bool] = False
    adapter_sides: ClassVar[tuple[str, ...]] = ()
    made_of: ClassVar[Mapping[str, str]] = {}
    published: ClassVar[str | None] = None
    large: ClassVar[bool] = False
    quantizes: ClassVar[bool] = False
    lists: ClassVar[bool] = False

    smoke_sizes: ClassVar[Mapping[str, int]] = {
        "layers": 2,
        "encoder_layers": 1,
        "decoder_layers": 1,
        "width": 16,
        "heads": 2,
        "max_length": SMOKE_LENGTH,
    }

    _parts: dict[str, Any] = PrivateAttr(default_factory=dict)
    _adapters: dict[str, Any] = PrivateAttr(default_factory=dict)

    @property
    def parts(self) -> Mapping[str, Any]:
        """Options of the models that it is made of, by the names that its own options give."""
        return self._parts

    @property
    def adapters(self) -> Mapping[str, Any]:
        """Options of its adapters by side: `encoder`, `decoder`."""
        return self._adapters

    def linked(self, models: Mapping[str, Any], adapters: Mapping[str, Any]) -> "ModelOptions":
        """The same options, with the models that they name and with adapters."""
        found = self.model_copy()
        found._parts = {
            name: models[name] for name in self.named_models().values() if name in models
        }
        found._adapters = dict(adapters)
        return found

    def named_models(self) -> dict[str, str]:
        """The names of other models in its options, by option."""
        given = {option: getattr(self, option) for option in self.made_of}
        return {option: name for option, name in given.items() if isinstance(name, str)}

    @property
    def whole_parts(self) -> dict[str, Any]:
        """Its parts that are whole models of other stages, with their options; None where a name
        leads nowhere."""
        return {option: self.parts.get(name) for option, name in self.named_models().items()}

    def misfits(self) -> Iterator[tuple[str, str, str]]:
        """What does not fit in the models that it names: option, what is wrong, and what was
        expected."""
        yield from ()

    @property
    def tokenizer_names(self) -> dict[tuple[str, ...], str]:
        """The tokenizers that its own options name, by the path of each."""
        if self.made_of:
            return {}  # those of its models
        sides = sides_of(self)
        if self.single_sequence:
            sides.pop("source", None)
        return {("tokenizer", side): name for side, name in sides.items()}

    @property
    def tokenizers(self) -> dict[str, str]:
        """The tokenizers of its inputs: `{"source": T, "target": T}`, or `{"text": T}`.

        Raises:
            UserError: It is made of models that the spec lacks.
        """
        sides = sides_of(self)
        if not sides:
            raise UserError(f"a model of kind {self.kind} is made of models that the spec lacks")
        return {"text": sides["target"]} if self.single_sequence else sides

    @property
    def stacks(self) -> dict[str, Stack]:
        """Its blocks by side: those of `adapter_sides`."""
        return {}

    @property
    def encoder_decoder(self) -> bool:
        """Whether it reads a source and writes a target."""
        return not self.single_sequence

    @property
    def encoder_only(self) -> bool:
        """Whether it reads one sequence, and each token sees those on both sides: a BERT."""
        return self.single_sequence and not self.is_causal

    @property
    def fills_in(self) -> bool:
        """Whether a decoder sees both sides of a token, and fills in what is hidden."""
        return getattr(self, "decoder_attention", "causal") == "full"

    @property
    def depth(self) -> int | None:
        """How many layers give states by name, of an encoder-decoder its encoder's; None where
        that is not known."""
        return getattr(self, "encoder_layers", getattr(self, "layers", None))

    @property
    def writes(self) -> bool:
        """Whether it writes from left to right: a language model, or such an encoder-decoder."""
        return self.is_causal or (self.encoder_decoder and not self.fills_in)

    def compared(self) -> dict[str, Any]:
        """What a checkpoint's options are compared with, in plain values."""
        return {name: getattr(self, name) for name in type(self).model_fields}

    def heads_needed(self, stage: Any, views: Mapping[str, Any]) -> tuple[str, ...]:
        """The kinds of heads that a stage's terms read: `masked_lm`, `classifier`, both,
        `causal_lm` or none.

        Args:
            stage: The options of the stage that trains it, or loads it.
            views: The options of the spec's views.
        """
        if self.encoder_decoder or getattr(stage, "head", "published") == "none":
            return ()
        if self.is_causal:
            return ("causal_lm",)
        if getattr(stage, "head", "published") == "classifier":
            return ("classifier",)
        terms = getattr(stage, "objective", {}).values()
        kinds = {reads_classes(self, views.get(getattr(term, "view", None))) for term in terms}
        if kinds <= {False}:
            return ("masked_lm",)
        return ("masked_lm", "classifier") if len(kinds) > 1 else ("classifier",)

    @property
    def default_heads(self) -> tuple[str, ...]:
        """The heads of a model that no stage trains: over words."""
        if self.encoder_decoder:
            return ()
        return ("causal_lm",) if self.is_causal else ("masked_lm",)

    def without_head(self) -> "ModelOptions":
        """The same options without a head of the spec's own: as its checkpoints are published."""
        own = "head" in type(self).model_fields
        return self.model_copy(update={"head": None}) if own else self

    @classmethod
    def shrunk(cls, plain: dict[str, Any]) -> dict[str, Any]:
        """The same options at sizes that train in seconds, for --smoke.

        Args:
            plain: Options in plain values, as a spec has them.
        """
        optional = {name for name, field in cls.model_fields.items() if not field.is_required()}
        known = {*plain, *optional}
        found = plain | {name: size for name, size in cls.smoke_sizes.items() if name in known}
        if "feed_forward" in optional:
            # Follows the width: models of one width stay models of one shape.
            found.pop("feed_forward", None)
        if found.get("lengths"):
            found["lengths"] = SMOKE_LENGTH
        return found

    def term_module(self, view: Any, online: Any) -> str | None:
        """The module of a student that a term reads: "encoder", or None for its last states.

        Args:
            view: The options of the term's view; None for the plain one.
            online: The options of the model of a teacher that is asked in the step; None without.
        """
        if not self.encoder_terms:
            return None
        of_source = view is not None and Reader.SOURCE in view.readers
        return "encoder" if of_source or (online is not None and online.encoder_only) else None

    @property
    def part_names(self) -> tuple[str, ...] | None:
        """The first names of its weights' paths, as in `parts` of its `tfkd.models` class; None
        where only the model itself knows them."""
        return None

    def weight_sizes(self) -> dict[str, Any]:
        """The options that its weights' names and shapes hang on.

        Vocabularies are left out: only their stages know their sizes.
        """
        return {}

    @property
    def own_vocabulary(self) -> str | None:
        """The tokenizer of a head with another vocabulary than the input's; None without one."""
        name = getattr(getattr(self, "head", None), "tokenizer", None)
        return None if name == getattr(self, "tokenizer", None) else name

    @property
    def has_own_matrix(self) -> bool:
        """Whether its options name a head with a matrix of its own."""
        return getattr(getattr(self, "head", None), "tied", True) is False

    def window(self, stage: Any) -> int:
        """How many tokens of a whole text a language model reads at once: as many as it has
        positions, or as the blocks of its training had, where these are fewer.

        Args:
            stage: The options of the stage that it is from.
        """
        return min(self.max_length, getattr(stage, "block", None) or self.max_length)

    def side_limits(self, pad_to: int) -> dict[str, int]:
        """The most tokens of each side that an encoder-decoder reads: its positions, and of a
        target the longest that its table of lengths knows.

        Args:
            pad_to: What widths are padded to: padding has positions too.

        Returns:
            By side; none for any number: of sinusoidal positions without lengths, and of a single
            sequence, which its view cuts.
        """
        limits: dict[str, int] = {}
        if self.encoder_decoder and getattr(self, "positions", None) == "learned":
            limits = dict.fromkeys(("source", "target"), self.max_length // pad_to * pad_to)
        lengths = getattr(self, "lengths", None)
        if self.encoder_decoder and lengths is not None:
            limits["target"] = min(limits.get("target", lengths), lengths - 1)
        return limits
