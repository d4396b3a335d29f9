"""Options of on-policy distillation."""

from typing import Annotated, Any

from pydantic import Field

from tfkd.spec.options.base import OfKind, Options, Share

PLAIN = "plain"


class OnPolicyOptions(Options):
    """A share of the batches has the student's own outputs as its target (Agarwal et al., 2024)."""

    share: Share = Field(
        0.5, description="The probability that a batch's targets are the student's own outputs."
    )
    decode: Annotated[Any, OfKind("decode")] = Field(
        None, description="How it writes them: by draws; default: {kind: sample}."
    )
    prompt: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.5,
        description="Of a language model: the share of a row's tokens that it goes on from; a row "
        "with two sides has its first side as the prompt.",
    )


def view_of_own(term: Any) -> str:
    """The key of a term's view in a batch."""
    return getattr(term, "view", None) or PLAIN
