"""What a training stage learns from: its terms, the online teachers, and how gradients combine."""

from collections.abc import Mapping

from tfkd.data.tokenizers import Tokenizer
from tfkd.data.tokenizers.same_pieces import other_pieces
from tfkd.models.mean_of import MeanOf
from tfkd.objectives import OnlineMean, OnlineTeacher, Term, build_terms
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.inputs.made import side_tokenizers
from tfkd.pipeline.inputs.models import trained_model
from tfkd.pipeline.inputs.teachers import online_nodes
from tfkd.spec import registry
from tfkd.spec.checks.teacher_checks import over_vocabulary
from tfkd.spec.errors import UserError
from tfkd.spec.names import SEVERAL
from tfkd.spec.options.teachers import teachers_of
from tfkd.training import Callback, Combiner


def terms_of(node: Node, context: Context) -> list[Term]:
    """The terms of a training stage."""
    options, online = node.options, online_nodes(node)
    modules, heads = {}, {}
    for name, term in options.objective.items():
        view = node.spec.views.get(term.view)
        if (head := node.task.head(node.model, view)) is not None:
            heads[name] = head
        teacher = online.get(next(iter(teachers_of(term)), None))
        online_model = None if teacher is None else teacher.model
        module = node.model.term_module(view, online_model)
        if module is not None:
            modules[name] = module
    auxiliary = options.gradients.auxiliary if options.gradients is not None else ()
    sides = side_tokenizers(node, context)
    return build_terms(
        options.objective,
        balance=options.balance,
        padding_id=padding_of(predicted_tokenizer(sides)),
        source_padding_id=padding_of(sides["source"]) if "source" in sides else None,
        modules=modules,
        auxiliary=auxiliary,
        heads=heads,
    )


def padding_of(tokenizer: Tokenizer) -> int | None:
    """The padding's id; None where that is the end's too, which is predicted like any word."""
    return None if tokenizer.pad_id == tokenizer.end_id else tokenizer.pad_id


def predicted_tokenizer(sides: Mapping[str, Tokenizer]) -> Tokenizer:
    """The tokenizer whose pieces a model predicts, of its tokenizers by side."""
    return next(sides[side] for side in ("head", "target", "text") if side in sides)


def callbacks_of(node: Node) -> dict[str, Callback]:
    """A training stage's callbacks, by where they stand.

    Raises:
        UserError: One cannot be made of its options; it is named.
    """
    found = {}
    for name, options in (node.options.callbacks or {}).items():
        place = f"stages.{node.label}.callbacks.{name}"
        made = registry.load(registry.lookup("callback", options.kind))
        try:
            found[place] = made(**options.model_dump(exclude={"kind"}))
        except Exception as error:
            raise UserError(
                f"{place}: {options.kind} cannot be made ({type(error).__name__}: {error})"
            ) from error
    return found


def combiner_of(node: Node) -> Combiner | None:
    """What `gradients:` asks for; None sums all gradients."""
    options = node.options.gradients
    if options is None:
        return None
    settings = options.model_dump(exclude={"kind", "main", "auxiliary"})
    return registry.load(registry.lookup("combiner", options.kind))(**settings)


def online_teachers(node: Node, context: Context) -> dict[str, OnlineTeacher | OnlineMean]:
    """The online teachers by what terms call them, each in the precision that it was trained in; a
    checkpoint, in the student's. Of one with folds, and of several of a term, it is their mean. To
    be called in the strategy's scope.

    Raises:
        UserError: A teacher reads other pieces than its student, or is several models where a term
            reads one's hidden states.
    """
    alone = _each_teacher(node, context)
    found: dict[str, OnlineTeacher | OnlineMean] = {}
    for term, options in node.options.objective.items():
        names = [name for name in teachers_of(options) if name in alone]
        if names and not over_vocabulary(options) and len(alone[names[0]].members) > 1:
            raise UserError(
                f"stages.{node.label}.objective.{term}.teacher: {names[0]} {SEVERAL}, which have "
                "no mean of hidden states. Expected one of them, a stage {fold: 1, of: STAGE}"
            )
        if names[1:]:
            if folded := [name for name in names if len(alone[name].members) > 1]:
                raise UserError(
                    f"stages.{node.label}.objective.{term}.teacher: {folded[0]} {SEVERAL}, beside "
                    "others. Expected it alone, or one of the models, a stage {fold: 1, of: STAGE}"
                )
            found[options.taught_by] = OnlineMean([alone[name] for name in names], options.shares)
        else:
            found |= {name: alone[name] for name in names}
    return found


def _each_teacher(node: Node, context: Context) -> dict[str, OnlineTeacher | OnlineMean]:
    """The online teachers by reference."""
    found = {}
    for reference, teacher in online_nodes(node).items():
        theirs, ours = side_tokenizers(teacher, context), side_tokenizers(node, context)
        sides = {"text": "text" if "text" in ours else "source"}  # a BERT reads the source
        if "text" not in theirs:
            sides = {"source": "source", "target": "target"}
        for read, shown in sides.items():
            _refuse_other_pieces(node, reference, theirs[read], ours[shown])
        own = getattr(teacher.trained.options, "products", None)
        precision = own or node.options.products
        node.task.refuse_teacher(node, reference, teacher, context)
        model = trained_model(teacher, context, precision=precision)
        # The pieces at the positions that both share: of a BERT, those that it reads.
        predicted = theirs.get("text") or theirs["target"]
        members = [
            OnlineTeacher(one, start_id=predicted.start_id, end_id=predicted.end_id)
            for one in (model.members if isinstance(model, MeanOf) else (model,))
        ]
        found[reference] = OnlineMean(members) if members[1:] else members[0]
    return found


def _refuse_other_pieces(node: Node, reference: str, read: Tokenizer, shown: Tokenizer) -> None:
    if read.fingerprint() != shown.fingerprint():
        pieces = other_pieces(shown, read)
        raise UserError(
            f"stages.{node.label}: the online teacher {reference} reads the pieces of another "
            f"vocabulary ({read.fingerprint()[:12]}) than its student "
            f"({shown.fingerprint()[:12]}): the same text would be cut otherwise"
            f"{f' (student and teacher: {pieces})' if pieces else ''}. Give both the same tokenizer"
        )
