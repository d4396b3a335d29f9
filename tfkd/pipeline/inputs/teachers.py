"""The stages that teach a training stage, by their references."""

from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.spec.checks.teacher_checks import over_vocabulary
from tfkd.spec.errors import UserError
from tfkd.spec.options.teachers import teachers_of


def teacher_role(term: str, number: int) -> str:
    """The role of a term's teacher by its place among them."""
    return Role.TEACHER.of(term, number) if number else Role.TEACHER.of(term)


def teacher_nodes(node: Node, term: str) -> dict[str, Node]:
    """The stages of the teachers of a training stage's term, by their references."""
    names = teachers_of(node.options.objective[term])
    return {name: node.inputs[teacher_role(term, place)] for place, name in enumerate(names)}


def online_nodes(node: Node) -> dict[str, Node]:
    """The stages of all online teachers of a training stage, by their references."""
    return {
        name: child
        for term in node.options.objective
        for name, child in teacher_nodes(node, term).items()
        if "model" in child.gives
    }


def asked_of_own(node: Node) -> list[str]:
    """The terms of a training stage with `on_policy` whose teachers are asked about what the
    student writes.

    Raises:
        UserError: There is none: the teachers are stages of other specs, which a spec's own check
            does not open, and their targets are stored.
    """
    asked = [
        name
        for name, term in node.options.objective.items()
        if over_vocabulary(term)
        and any("model" in child.gives for child in teacher_nodes(node, name).values())
    ]
    if not asked:
        raise UserError(
            f"stages.{node.label}.on_policy: no term asks a teacher in the step about what the "
            "student writes: stored targets are of the corpus's own texts. Expected a soft_targets "
            "term whose teacher is a train or load stage"
        )
    return asked
