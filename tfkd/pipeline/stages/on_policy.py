"""The student's own outputs in a training stage."""

from tfkd.decoding import build_search
from tfkd.decoding.searches import Sampling
from tfkd.objectives import Term
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.inputs.made import side_tokenizers
from tfkd.pipeline.inputs.teachers import asked_of_own
from tfkd.pipeline.stages.terms import predicted_tokenizer
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
    asked = asked_of_own(node)
    view = next(one.view for one in terms if one.name in asked and one.module is None)
    search = Sampling() if options.decode is None else build_search(options.decode)
    return OnPolicy(
        share=options.share,
        search=search,
        specials=predicted_tokenizer(side_tokenizers(node, context)),
        view=view,
        prompt=options.prompt,
    )
