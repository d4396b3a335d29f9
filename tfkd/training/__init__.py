"""Training: the distiller, the exact step, the loop, and what makes a long training safe."""

from tfkd.lazy import lazy

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
    "Step": "step",
    "Sum": "combiners",
    "TrainResult": "loop",
    "TrainSettings": "settings",
    "TrainingDiverged": "divergence",
    "Triangular": "schedules",
    "build_optimizer": "optimizers",
    "build_schedule": "schedules",
    "build_strategy": "strategies",
    "read_history": "history",
    "train": "loop",
    "waiting_share": "history",
}
__getattr__, __dir__, __all__ = lazy(__name__, _PLACES)
