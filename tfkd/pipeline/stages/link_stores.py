"""Links that a training stage's terms go by, row by row the student's own."""

from typing import Any

from tfkd.data.alignment.link_store import LinkStore
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.inputs.text_stages import place
from tfkd.pipeline.stages.align import LINKS, SIDES
from tfkd.spec import Spec
from tfkd.spec.errors import UserError


def aligned(graph: Any, spec: Spec, label: str, options: Any, inputs: dict) -> dict[str, Node]:
    """The align stages that a training stage's terms name, by role.

    Args:
        graph: The graph's builder.
        spec: The spec.
        label: The stage's name.
        options: Its options.
        inputs: What it reads beside.

    Raises:
        UserError: One has aligned other rows or pieces than the stage reads, or their texts are
            changed before they are cut into pieces.
    """
    found = {}
    for term, one in options.objective.items():
        if getattr(one, "alignments", None) is None:
            continue
        links = found[Role.LINKS.of(term)] = graph.stage(spec, one.alignments)
        theirs = [links.inputs[Role.IDS.of(side)].key for side in SIDES]
        for index, part in enumerate(options.data):
            if getattr(part, "view", None) is not None:
                raise UserError(
                    f"stages.{label}.objective.{term}: attention guided by the links of {part.of}, "
                    f"and {part.view} changes its texts. Expected one of them; or a disturb stage "
                    "of it, which is aligned itself"
                )
            start = f"{Role.DATA.of(index, Role.IDS)}."
            ours = [node for role, node in inputs.items() if role.startswith(start)]
            by_field = {node.options.field: node.key for node in ours}
            sides = reversed(SIDES) if part.swap else SIDES
            if [by_field.get(side) for side in sides] != theirs:
                raise UserError(
                    f"stages.{label}.objective.{term}.alignments: {links.label} has not aligned "
                    f"the rows of {part.of} in the pieces of {options.train}. Expected an align "
                    f"stage of this corpus and model{', with swap: true' * part.swap}"
                )
    return found


def link_stores(node: Node, context: Context) -> dict[str, LinkStore]:
    """The links of a training stage's rows by what its terms call them."""
    return {
        node.options.objective[term].alignments: LinkStore.read(place(links, context).path / LINKS)
        for term, links in node.inputs_of(Role.LINKS).items()
    }
