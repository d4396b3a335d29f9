"""How a family whose head is always there is built from a spec."""

from collections.abc import Mapping
from typing import Any


class BuiltFromOptions:
    """What a model adds that is built alike whatever heads its stage needs."""

    @classmethod
    def from_options(
        cls,
        options: Any,
        tokenizers: Mapping[str, Any],
        *,
        policy: str,
        seed: int | None,
        heads_needed: tuple[str, ...] = (),
    ) -> Any:
        """Builds the model of a spec; see `tfkd.models.build_model`."""
        del heads_needed  # its one head is always there
        given = cls.given(options, tokenizers, policy, seed)
        return cls(**given, dtype=policy, seed=seed)

    @staticmethod
    def given(
        options: Any, tokenizers: Mapping[str, Any], policy: str, seed: int | None
    ) -> dict[str, Any]:
        """The constructor's arguments that the options give, but for `dtype` and `seed`."""
        raise NotImplementedError
