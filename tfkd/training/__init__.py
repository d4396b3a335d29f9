"""Training: the distiller, the exact step, the loop, and what makes a long training safe."""

import importlib
from typing import Any

_PLACES = {
    "Adafactor": "adafactor",
    "Adam": "adam",
    "CheckpointFolder": "checkpoints",
    "Combined": "combiners",
    "Combiner": "combiners",
    "Constant": "schedules",
    "Distiller": "distiller",
    "GatedGradients": "gradient_gating",
    "Interrupted": "interruption",
    "InverseSquareRoot": "schedules",
    "Linear": "schedules",
    "Noam": "schedules",
    "Optimizer": "optimizers",
    "Parameter": "parameters",
    "Sum": "combiners",
    "TrainResult": "loop",
    "TrainingDiverged": "divergence",
    "Triangular": "schedules",
    "build_optimizer": "optimizers",
    "build_schedule": "schedules",
    "build_strategy": "strategies",
    "read_history": "history",
    "replica_step": "step",
    "train": "loop",
    "waiting_share": "history",
}
__all__ = sorted(_PLACES)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
