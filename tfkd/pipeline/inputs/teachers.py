"""The stages that teach a training stage, by their references."""

from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
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
