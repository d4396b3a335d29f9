"""Training: the distiller, the exact step, the loop, and what makes a long training safe."""

from tfkd.lazy import lazy

_PLACES = {
    "Adafactor": "optimization.adafactor",
    "Adam": "optimization.adam",
    "Callback": "callbacks",
    "CheckpointFolder": "state.checkpoints",
    "Combined": "optimization.combiners",
    "Combiner": "optimization.combiners",
    "Constant": "optimization.schedules",
    "Distiller": "distiller",
    "GatedGradients": "optimization.gradient_gating",
    "Interrupted": "interruption",
    "InverseSquareRoot": "optimization.schedules",
    "Linear": "optimization.schedules",
    "Noam": "optimization.schedules",
    "OnPolicy": "on_policy",
    "Optimizer": "optimization.optimizers",
    "Parameter": "optimization.parameters",
    "Step": "step",
    "Sum": "optimization.combiners",
    "TrainResult": "loop",
    "TrainSettings": "settings",
    "TrainingDiverged": "divergence",
    "Triangular": "optimization.schedules",
    "ValidationPoint": "callbacks",
    "build_optimizer": "optimization.optimizers",
    "build_schedule": "optimization.schedules",
    "build_strategy": "strategies",
    "read_history": "state.history",
    "train": "loop",
    "waiting_share": "state.history",
}
__getattr__, __dir__, __all__ = lazy(__name__, _PLACES)
