"""Views: how an example is laid out, what is hidden in it, and what is to be predicted."""

from collections.abc import Mapping
from typing import Any

from tfkd.data.layouts import SpecialTokens
from tfkd.data.views.base import SequenceView, View
from tfkd.data.views.by_side import SIDES, BySideView
from tfkd.data.views.causal_lm import CausalLMView
from tfkd.data.views.classify import ClassifyView
from tfkd.data.views.conditional_mlm import ConditionalMLMView
from tfkd.data.views.masked_lm import MaskedLMView
from tfkd.data.views.mass import MassView
from tfkd.data.views.one_span import OneSpanView
from tfkd.data.views.pair import PairView
from tfkd.data.views.prefix_lm import PrefixLMView
from tfkd.data.views.source import SourceView
from tfkd.data.views.spans import SpansView
from tfkd.data.views.uniform_count import UniformCountView
from tfkd.spec.errors import UserError

__all__ = [
    "BySideView",
    "CausalLMView",
    "ClassifyView",
    "ConditionalMLMView",
    "MaskedLMView",
    "MassView",
    "OneSpanView",
    "PairView",
    "PrefixLMView",
    "SequenceView",
    "SourceView",
    "SpansView",
    "UniformCountView",
    "View",
    "build_view",
]

_BUILT_IN = {
    view.kind: view
    for view in (
        ClassifyView,
        MaskedLMView,
        SpansView,
        ConditionalMLMView,
        PrefixLMView,
        CausalLMView,
        UniformCountView,
        OneSpanView,
        BySideView,
        MassView,
    )
}


def _class_of(kind: str, sides: Mapping[str, str]) -> type:
    if kind == "none":
        return SequenceView if "text" in sides else PairView
    if kind in _BUILT_IN:
        return _BUILT_IN[kind]
    from tfkd.spec import registry  # only plugins need it

    return registry.load(registry.lookup("view", kind))


def build_view(
    kind: str,
    sides: Mapping[str, str],
    tokenizers: Mapping[str, SpecialTokens],
    *,
    name: str = "plain",
    **options: Any,
) -> View:
    """A view by its kind, for a model that reads the given sides.

    Args:
        kind: "none", "classify", "mlm", "spans", "conditional_mlm", "prefix_lm", "uniform_count",
            "one_span", "by_side", "mass", or a plugin's.
        sides: Names of the model's tokenizers: `{"text": T}` for a model that reads one sequence,
            `{"source": S, "target": T}` for an encoder-decoder, whose encoder alone reads "mlm" and
            "spans".
        tokenizers: Tokenizers (or their `Specials`) by name.
        name: The view's key in a batch.
        options: The kind's options: `p`, `replace`, `max_length`; of "by_side", `source` and
            `target`, each options of a sequence's kind, or None; of "classify", `classes` and
            `read`.

    Raises:
        UserError: The kind reads one sequence and the model two, or the other way round; or it
            shows both sides one text, and they have two tokenizers.
    """
    made = _class_of(kind, sides)
    single = "text" in sides
    if not single and getattr(made, "of_source", False):
        source = sides["source"]
        return SourceView(made, source, tokenizers[source], name=name, **options)
    if single != (made.layout == "sequence"):
        raise UserError(
            f"view {name}: the kind {kind} is for "
            + (
                "a BERT, and this model is an encoder-decoder"
                if not single
                else "an encoder-decoder, and this model reads one sequence"
            )
        )
    if single:
        tokenizer = sides["text"]
        return made(tokenizer, tokenizers[tokenizer], name=name, **options)
    if made is PairView:
        options.pop("max_length", None)  # the batch's limits leave long pairs out instead
    source, target = sides["source"], sides["target"]
    if made is BySideView:
        return _by_side(sides, tokenizers, name, options)
    if made is MassView:
        if source != target:
            raise UserError(
                f"view {name}: the kind mass predicts what stands in the source, and the sides "
                f"have two tokenizers, {source} and {target}; give the model one, learnt from both"
            )
        return made(source, tokenizers[source], name=name, **options)
    return made(source, target, tokenizers[source], tokenizers[target], name=name, **options)


def _by_side(
    sides: Mapping[str, str],
    tokenizers: Mapping[str, SpecialTokens],
    name: str,
    options: Mapping[str, Any],
) -> BySideView:
    corruptions = {}
    for side in SIDES:
        if options.get(side) is None:
            continue
        given = {**options[side], "max_length": None}
        made = _class_of(given.pop("kind"), {"text": sides[side]})
        corruptions[side] = made(sides[side], tokenizers[sides[side]], name=name, **given)
    specials = {side: tokenizers[sides[side]] for side in SIDES}
    return BySideView(corruptions, dict(sides), specials, name=name)
