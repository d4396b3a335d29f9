"""Noise that a command asks for, in place of what a spec says."""

from dataclasses import replace

from tfkd.evaluation.metrics import CLASSES, TEACHER_FORCED, WORDS
from tfkd.spec import Spec
from tfkd.spec.errors import UserError
from tfkd.spec.metrics import TEACHER_CHECK, names_of
from tfkd.spec.options import NoiseOptions


def with_noise(spec: Spec, noise: NoiseOptions) -> Spec:
    """A spec with noise in all evaluations of models that have metrics for it; a teacher check has
    none, and exports answer as they were written. Metrics that need outputs, decoded for each draw,
    are measured where they are asked for by name.

    Raises:
        UserError: No evaluation measures what noise is to be measured by.
    """
    wanted = set(noise.metrics or names_of(TEACHER_FORCED, CLASSES, WORDS))
    entries = tuple(
        one.model_copy(
            update={"noise": noise if wanted & set(one.metrics) and not one.export else None}
        )
        for one in spec.evaluate
    )
    if not any(one.noise for one in entries):
        measured = dict.fromkeys(name for one in entries if not one.export for name in one.metrics)
        measured.pop(TEACHER_CHECK, None)
        raise UserError(
            f"noise: no evaluation of {spec.name} measures {' or '.join(sorted(wanted))}; what "
            f"they measure, {', '.join(measured)}, may be named: --noise-metrics"
        )
    return replace(spec, evaluate=entries)
