"""Models that are made of other models, and adapters: whether their parts are there and fit."""

from typing import Any

from tfkd.spec.families import kinds
from tfkd.spec.faults import Faults
from tfkd.spec.names import Parts, known
from tfkd.spec.wording import a

# Projections whose outputs are not as wide as their inputs, as the built-in adapters need them.
_UNEVEN = {
    "on_self_attention_query_key_value", "on_cross_attention_key_value", "on_feed_forward_inner",
    "on_feed_forward_outer",
}  # fmt: skip
_OF_BLOCKS = ("bottleneck", "cross_attention")


def check_composed(parts: Parts, faults: Faults, path: tuple, model: Any) -> None:
    """The models that a model names, each of the right kind, and whether they go together."""
    for option, name in model.named_models().items():
        where = (*path, option)
        if not known(parts, faults, where, "model", name, "models"):
            continue
        found = parts.models.get(name)
        if found is not None and found.kind != model.made_of[option]:
            faults.add(where, f"{name} is {a(found.kind)}", a(model.made_of[option]))
    for option, what, expected in model.misfits():
        faults.add((*path, option), what, expected)


def check_adapters(parts: Parts, faults: Faults, name: str, model: Any) -> None:
    """Adapters of a student: layers that it has, and places that its blocks have."""
    for side, adapter in getattr(model, "adapters", {}).items():
        stack = model.stacks.get(side)
        where = ("adapters", side)
        if stack is None:
            having = kinds(lambda one, side=side: side in one.adapter_sides)
            faults.add(
                where, f"{name} is {a(model.kind)}, without adapters on its {side}",
                f"a student of kind {' or '.join(having)}",
            )  # fmt: skip
            continue
        try:
            adapter.numbers(stack.layers)
        except ValueError as error:
            faults.add((*where, "layers"), f"{error} of {name}", f"at most {stack.layers}")
        heads = getattr(adapter, "heads", None)
        if adapter.kind == "cross_attention" and stack.width % heads:
            faults.add((*where, "heads"), f"{heads}, and {name} is {stack.width} wide", "a divisor")
        if adapter.kind == "cross_attention" and side == "encoder":
            faults.add(where, "cross_attention on the encoder, which has nothing to attend to")
        if adapter.kind in _OF_BLOCKS and adapter.place in _UNEVEN:
            faults.add(
                (*where, "place"), f"{adapter.place}, whose output is not as wide as its input, "
                f"and {a(adapter.kind)} adapter adds to one what it reads of the other",
                "after_block, a place beside a sub-layer, or an adapter of your own",
            )  # fmt: skip
        if "cross_attention" in adapter.place and not stack.cross:
            faults.add(
                (*where, "place"), f"{adapter.place}, and the blocks of {name} have no "
                "cross-attention there", "another place",
            )  # fmt: skip
