"""The student's own outputs in a training stage."""

from tfkd.decoding import build_search
from tfkd.decoding.searches import Sampling
from tfkd.objectives import Term
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.inputs.made import side_tokenizers
from tfkd.pipeline.inputs.teachers import teacher_nodes
from tfkd.pipeline.stages.terms import predicted_tokenizer
from tfkd.spec.checks.teacher_checks import over_vocabulary
from tfkd.training import OnPolicy


def on_policy_of(node: Node, terms: list[Term], context: Context) -> OnPolicy | None:
    """What `on_policy:` asks for; None where the stage has none.

    Args:
        node: The training stage.
        terms: Its terms, from `terms_of`.
        context: The run's surroundings.
    """
    options = node.options.on_policy
    if options is None:
        return None
    asked = {
        name
        for name, term in node.options.objective.items()
        if over_vocabulary(term)
        and any("model" in child.gives for child in teacher_nodes(node, name).values())
    }
    view = next(one.view for one in terms if one.name in asked and one.module is None)
    search = Sampling() if options.decode is None else build_search(options.decode)
    return OnPolicy(
        share=options.share,
        search=search,
        specials=predicted_tokenizer(side_tokenizers(node, context)),
        view=view,
        prompt=options.prompt,
    )
