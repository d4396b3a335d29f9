"""What a model family tells of its sizes: weights, and what a training step keeps of it."""

from collections.abc import Iterable, Mapping
from typing import Any

from tfkd.spec.options.base import Options


class FamilySizes(Options):
    """Sizes of a model, from its options alone; what a family does not tell is not planned."""

    def part_parameters(self, vocabularies: Mapping[str, int]) -> dict[str, int] | None:
        """The weights of each of its parts, adapters aside; None where only the model itself knows
        them.

        Args:
            vocabularies: Sizes by side: `text` (and `head`), or `source` and `target`. Of a stage
                of a classifier `classes`, and `words` where it has a head over words beside it.
        """
        return None

    def parameters(self, vocabularies: Mapping[str, int]) -> int | None:
        """The number of its weights, its adapters' among them as far as they are known."""
        parts = self._parts_and_adapters(vocabularies)
        return None if parts is None else sum(parts.values())

    def trained_parameters(
        self, vocabularies: Mapping[str, int], trainable: str | Iterable[str]
    ) -> int | None:
        """The number of the weights that train; None where names reach into parts, or are those of
        a plugin's adapters or of parts that are not known."""
        parts = self._parts_and_adapters(vocabularies)
        if parts is None or trainable == "all":
            return None if parts is None else sum(parts.values())
        names = set(trainable)
        unknown = {side for side in self.adapters if f"{side}/adapters" not in parts}
        if any("/" in name for name in names) or (unknown and names & {"adapters", *unknown}):
            return None
        # A part that trains takes its adapters with it.
        return sum(
            size
            for part, size in parts.items()
            if part.partition("/")[0] in names
            or (part.endswith("/adapters") and "adapters" in names)
        )

    def _parts_and_adapters(self, vocabularies: Mapping[str, int]) -> dict[str, int] | None:
        found = self.part_parameters(vocabularies)
        for side, options in self.adapters.items() if found is not None else ():
            stack = self.stacks[side]
            size = options.parameters(stack.width, stack.memory)
            if size is not None:
                found[f"{side}/adapters"] = len(options.numbers(stack.layers)) * size
        return found

    def encoder_parameters(self, vocabulary: int) -> int | None:
        """The weights of an encoder with its embedding, which its own terms reach; None where they
        are not known.

        Args:
            vocabulary: The size of the source's.
        """
        return None

    def kept(self, step: Any, *, adapters_alone: bool = False, target: float = 1.0) -> float | None:
        """Bytes a token of the source that the blocks of both sides keep for the backward pass;
        None where that is not known: then `tfkd plan` tells of no memory.

        Args:
            step: The step's sizes, see `tfkd.training.step_memory.Step`.
            adapters_alone: Whether frozen layers below the lowest adapter keep nothing.
            target: The decoder's tokens as a share of the source's.
        """
        return None

    def encoder_kept(self, step: Any) -> int:
        """Bytes a token that an encoder keeps that is read alone."""
        return 0

    def taught(self, item: int, step: Any) -> int | None:
        """Bytes a token under way in a teacher that is asked in the step, which keeps nothing for a
        backward pass; None where that is not known.

        Args:
            item: Bytes of a number in its precision.
            step: The step's sizes.
        """
        return None

    def widest(self, streams: int) -> int:
        """The most numbers a token that a product reads and gives, where a step is in so many
        streams."""
        return self.width + (getattr(self, "feed_forward", None) or 4 * self.width)
