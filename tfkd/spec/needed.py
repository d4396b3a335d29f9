"""Which stages a run needs: those that an evaluation or an export rests on."""

from typing import Any

from tfkd.spec.references import parse
from tfkd.spec.stage_inputs import corpora, inputs_of


def needed_stages(spec: Any) -> list[tuple[str | None, str]]:
    """The stages that a spec's evaluations and exports need, inputs first.

    Args:
        spec: A `Spec`.

    Returns:
        (variant, stage), each once; the variant is None for the spec without one. A stage that is
        the same in two variants stands there for both: only fingerprints can tell. Stages of other
        specs (`SPEC:STAGE`) are not among them.
    """
    found: dict[tuple[str | None, str], None] = {}
    specs = {spec.variant: spec.resolved()}

    def visit(variant: str | None, reference: str) -> None:
        parsed = parse(reference)
        if parsed.spec is not None:
            return
        variant = variant if parsed.variant is None else parsed.variant
        if (variant, parsed.stage) in found:
            return
        if variant not in specs:
            specs[variant] = spec.with_variant(variant).resolved()
        for name in inputs_of(specs[variant], parsed.stage):
            visit(variant, name)
        found[variant, parsed.stage] = None

    for entry in spec.evaluate:
        visit(spec.variant, entry.of)
        if entry.against is not None:
            visit(spec.variant, entry.against)
        judged = [] if entry.choose is None else [entry.choose.corpus]
        for name in corpora(specs[spec.variant], [*entry.on, *judged]):
            visit(spec.variant, name)
    for stage in spec.export:
        visit(spec.variant, stage)
    return [(variant, name) for variant, name in found if "." not in name]
