"""What models are that are made of models that stand elsewhere in the spec."""

from typing import Any, ClassVar

from tfkd.spec.options.models.family import ModelOptions


class ComposedOptions(ModelOptions):
    """What is made of BERTs and others."""

    quantizes: ClassVar[bool] = True

    def named(self, option: str) -> Any:
        """The options of the model that an option names; None where its name leads nowhere."""
        return self.parts.get(getattr(self, option))

    @property
    def positions(self) -> str:
        """BERT's positions are learned."""
        return "learned"

    def weight_sizes(self) -> dict[str, Any]:
        return self._sizes_of(self.whole_parts)

    def _sizes_of(self, parts: dict[str, Any]) -> dict[str, Any]:
        found = {
            f"{name} {key}": one
            for name, options in parts.items()
            if options is not None
            for key, one in options.weight_sizes().items()
        }
        return found | {f"{side} adapters": one.model_dump() for side, one in self.adapters.items()}
