"""A training stage with `fake_quantize`: whether its model's products can be rounded."""

from typing import Any

from tfkd.spec.families import one_of
from tfkd.spec.faults import Faults
from tfkd.spec.names import written
from tfkd.spec.wording import a


def check_quantized(faults: Faults, path: tuple, stage: Any, model: Any) -> None:
    """Refuses families with matrices in layers of other kinds (the cells of an RNN, a plugin's),
    and adapters of plugins: an engine would round products that training left as they are. And
    adapters W1 W2 that an export adds to a projection W: training would round W, W1 and W2 each by
    itself, and the engine W + W1 W2."""
    kind = getattr(stage, "fake_quantize", None)
    if kind is None or model is None:
        return
    where = written(faults, (*path, "precision", "fake_quantize"))
    if not model.quantizes:
        faults.add(
            where, f"{kind}, and {stage.train} is {a(model.kind)}, whose products are not all of "
            "layers that can be rounded",
            f"{one_of(lambda one: one.quantizes)}, or no fake_quantize",
        )  # fmt: skip
    for side, adapter in model.adapters.items():
        if not adapter.quantizes:
            faults.add(
                where, f"{kind}, and the {side} of {stage.train} has adapters of kind "
                f"{adapter.kind}, whose products may be others", "adapters of tfkd's own kinds",
            )  # fmt: skip
        elif adapter.folds and adapter.place.startswith("on_"):
            faults.add(
                where, f"{kind}, and the {side} of {stage.train} has adapters of kind "
                f"{adapter.kind}, which an export adds to the matrices that they stand on: those "
                "of the engine would be rounded otherwise",
                "adapters that do not fold, or no fake_quantize",
            )  # fmt: skip
