"""Training stages: all that a trained model depends on."""

from functools import partial
from typing import Any

from tfkd.data.batches.batcher import micro_batches
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node, seed_of
from tfkd.pipeline.engine.identity import (
    between_newlines,
    model_identity,
    origins,
    own_identity,
    plain,
    raised,
)
from tfkd.pipeline.engine.kinds import stage_of, task_named
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.teachers import asked_of_own, teacher_role
from tfkd.pipeline.plan.mixture_notes import mixture_notes, noise_notes
from tfkd.pipeline.plan.planned import Planned, size_in_words
from tfkd.pipeline.plan.step_notes import step_notes
from tfkd.pipeline.plan.step_sizes import (
    how_cores_share,
    longest_row,
    step_sizes,
    steps_in_words,
)
from tfkd.pipeline.stages.choose import said_setting, take_best
from tfkd.pipeline.stages.folds import folded, join_folds
from tfkd.pipeline.stages.link_stores import aligned
from tfkd.pipeline.stages.longer import anew, begin, keep_end
from tfkd.pipeline.stages.noisy import refuse_changed_targets
from tfkd.pipeline.stages.term_identity import on_policy_identity, term_identity
from tfkd.spec import Spec
from tfkd.spec.errors import UserError
from tfkd.spec.options import classifier
from tfkd.spec.options.teachers import teachers_of
from tfkd.spec.stages.train import TrainOptions
from tfkd.spec.tasks.task import task_name
from tfkd.training.step_memory import step_memory

# What changes how it runs, not what comes out.
_NO_RESULT = {
    "log_every",
    "save_every",
    "runtime",
    "seeds",
    "choose",
    "folds",
    "on_failed_check",
    "callbacks",
}

_FLOAT = 4


class TrainStage(Stage):
    """A model that was trained, or with `choose:` the best of several trainings."""

    Options = TrainOptions
    revision = 2
    on_all_hosts = True
    unit = "steps"

    def reads_folds(self, role: str) -> bool:
        """A term's teacher may be several models."""
        return role.startswith(Role.TEACHER.of(""))

    def node(
        self,
        graph: Any,
        spec: Spec,
        name: str,
        options: Any,
        setting: str = "",
        left_out: tuple[Node, int] | None = None,
    ) -> Node:
        """With `left_out`, parts of its rows and the number of the one that it does not see."""
        if options.choose is not None:
            return self._chosen(graph, spec, name, options)
        if options.folds is not None:
            train = partial(self.node, graph, spec, name)
            return folded(graph, spec, name, options, train, self.kind)
        model = spec.models[options.train]
        inputs: dict[str, Node] = {
            Role.TOKENIZER.of(side): graph.tokenizer(spec, tokenizer)
            for side, tokenizer in model.tokenizers.items()
        }
        head = model.own_vocabulary
        if head is not None:
            inputs[Role.TOKENIZER.of("head")] = graph.tokenizer(spec, head)
        task = task_named(task_name(model, options, spec.views))
        inputs |= task.inputs(graph, spec, options)
        own = task, dict(inputs)
        identity = plain(options, without=_NO_RESULT | {"train", "from_", "from", "objective"})
        identity["model"] = model_identity(model)
        if classifier(model) is not None and not task.Options.over_classes:
            # In pre-training its head is over words, whatever it is tuned to later.
            identity["model"].pop("head")
        if model.has_own_matrix:
            # A matrix of its own: 2 starts it from embeddings that came by parts, too.
            identity["head_revision"] = 2
        for i, part in enumerate(options.data):
            inputs |= graph.part(spec, Role.DATA.of(i), part.of, model, part.swap, own)
            identity["data"][i].pop("of")
            if identity["data"][i].pop("view", None) is not None:
                inputs |= stage_of("noisy").part(graph, spec, Role.DATA.of(i), part, model, inputs)
        if options.validate_ is not None:
            inputs[Role.VALIDATE] = graph.corpus(spec, options.validate_.on)
            inputs |= graph.part(spec, Role.VALIDATE, options.validate_.on, model, own=own)
            identity["validate"] = plain(options.validate_, without={"on"})
            identity.pop("validate_", None)
            decode = options.validate_.decode
            identity |= raised("decode", decode and decode.kind)
            identity |= own_identity(options.validate_, options.validate_.metrics)
        if options.reads_rows:
            identity |= between_newlines(model, options)
        for part, reference in origins(options.from_).items():
            inputs[Role.FROM.of(part)] = graph.stage(spec, reference)
        identity |= raised("optimizer", options.optimizer and options.optimizer.kind)
        identity |= raised("combiner", options.gradients and options.gradients.kind)
        identity |= raised("schedule", options.schedule.kind)
        if options.on_policy is not None:
            identity["on_policy"] = on_policy_identity(options.on_policy)
        identity["objective"] = {}
        if len({term.view for term in options.objective.values()}) > 1:
            # Validation measures the first term's view; equal views of two names run twice.
            order = list(dict.fromkeys(term.view for term in options.objective.values()))
            identity["views"] = {
                name: order.index(term.view) for name, term in options.objective.items()
            }
        for term, term_options in options.objective.items():
            for number, teacher in enumerate(teachers_of(term_options)):
                inputs[teacher_role(term, number)] = graph.stage(spec, teacher)
            identity["objective"][term] = term_identity(spec, term_options)
        refuse_changed_targets(graph.label(spec, name, None), spec, options, inputs)
        inputs |= aligned(graph, spec, name, options, inputs)
        if left_out is not None:
            inputs[Role.PARTS], identity["left_out"] = left_out
        seed = spec.seed if name in spec.seeded_stages else None
        label = graph.label(spec, name, seed if seed is not None else seed_of(inputs))
        node = Node(self.kind, f"{label}{setting}", spec, options, inputs, identity, seed)
        if options.on_policy is not None:
            asked_of_own(node)
        return node

    def _chosen(self, graph: Any, spec: Spec, name: str, options: Any) -> Node:
        """The best of a stage's trials, each a training of its own, which other stages share."""
        trials = [
            self.node(graph, spec, name, trial, f"[{said_setting(setting)}]")
            for setting, trial in options.choose.trials
        ]
        inputs = {**trials[0].inputs}
        inputs |= {Role.TRIAL.of(i): node for i, node in enumerate(trials)}
        identity = {"choose": options.choose.metric}
        label = graph.label(spec, name, seed_of(inputs))
        return Node(self.kind, label, spec, options, inputs, identity)

    def plan(self, node: Node, planned: Planned) -> dict[str, Any]:
        options = node.options
        model = node.spec.models[options.train]
        vocabularies = {
            side: child.stage.size(child, planned)
            for side, child in node.inputs_of(Role.TOKENIZER).items()
        }
        vocabularies |= node.task.sizes(node, planned)
        parameters = model.parameters(vocabularies)
        if parameters is None:  # a plugin's that does not count them
            return {"steps": steps_in_words(node, planned.context)[0]}
        batch = options.batch
        unit = "" if batch.unit != "sentences" else " sentences"
        steps, number = steps_in_words(node, planned.context)
        about = "" if number is None else "~" * (options.epochs is not None)
        tokens = "" if number is None else f"{about}{number * batch.size:,}{unit}"
        counted = model.trained_parameters(vocabularies, options.trainable)
        trained = ", ".join(options.trainable) if counted is None else f"{counted:,}"
        predicted = vocabularies.get("classes") if not vocabularies.get("words") else None
        predicted = predicted or vocabularies.get(
            "head", vocabularies.get("target", vocabularies.get("text"))
        )
        longest, known = longest_row(node, planned.context)
        source = vocabularies.get("source", vocabularies.get("text"))
        step = step_sizes(node, parameters, longest, source, predicted)
        taken = step_memory(model, parameters, predicted, step, counted)
        peak = "" if taken is None else size_in_words(taken.peak)
        memory = f"<= {peak}" if peak and not known else peak
        told = node, number, planned.context
        of_data = (*mixture_notes(*told), *noise_notes(*told))
        for note in (*step_notes(node, taken), *of_data):
            planned.note(note)
        # What stays as another stage left it is not written once more.
        kept = counted if counted is not None and options.from_ else parameters
        if (
            number
            and not planned.folder(node).path.exists()
            and (said := anew(node, number, planned.context))
        ):
            planned.note(said)
        return {
            "parameters": f"{parameters:,}",
            "trained": trained,
            "steps": steps,
            "tokens": tokens,
            "memory": memory,
            "disk": (1 + (getattr(options.validate_, "set_aside", None) or 0)) * kept * _FLOAT,
            "end": ((1 + _aside(options.validate_)) * kept + step.moments * (counted or parameters))
            * _FLOAT,
            "peak": 0 if taken is None else taken.peak,
        }

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Trains to the last step, from the newest checkpoint if there is one; or takes the best of
        trials that were trained."""
        from tfkd.models import freeze
        from tfkd.pipeline.engine.fresh_start import fresh_start
        from tfkd.pipeline.engine.workers import strategy_of
        from tfkd.pipeline.inputs.models import started
        from tfkd.pipeline.inputs.stage_weights import frozen_of, shared_names
        from tfkd.pipeline.stages.on_policy import on_policy_of
        from tfkd.pipeline.stages.terms import callbacks_of, combiner_of, online_teachers, terms_of
        from tfkd.pipeline.stages.training_batches import batcher_of
        from tfkd.pipeline.stages.training_result import leave_result
        from tfkd.pipeline.stages.validation import validation
        from tfkd.training import Distiller, TrainSettings, build_optimizer, build_schedule, train
        from tfkd.training.divergence import StepTooLarge, TrainingDiverged

        options, hosts, runtime = node.options, context.hosts, node.spec.runtime
        if options.choose is not None:
            return take_best(node, folder, context) if hosts.chief else {}
        if options.folds is not None:
            return join_folds(node, context) if hosts.chief else {}
        fresh_start()
        strategy = hosts.strategy or strategy_of(runtime.devices)
        replicas = strategy.num_replicas_in_sync
        micro = micro_batches(options.batch.size, options.batch.per_device, replicas)
        batcher = batcher_of(node, context)
        with strategy.scope():
            begun = started(node, context)
            model = begun.model
            freeze(model, options.trainable, dropout=options.frozen_dropout)
            shared = frozen_of(model, begun.origins)
            terms = terms_of(node, context)
            distiller = Distiller(
                model,
                terms,
                combiner_of(node),
                online_teachers(node, context),
                seed=options.seed,
                on_policy=on_policy_of(node, terms, context),
            )
        rule = options.validate_
        steps = options.steps or batcher.steps_in(options.epochs)
        if options.epochs is not None:
            context.say(f"{node.label}: {options.epochs:g} epochs are {steps:,} steps")
        schedule = partial(build_schedule, options.schedule, width=_width(node, model))
        if hosts.chief:
            begin(node, steps, folder.scratch, context, schedule)
        parted = how_cores_share(node, model.count_params(), replicas // hosts.number, steps)
        # Hosts cut the same batch into the same slices: as many as the one with the fewest cores.
        streams, fuse = hosts.gather([parted["streams"], parted["fuse"]]).min(0)
        settings = TrainSettings(
            steps=steps,
            optimizer=build_optimizer(options.optimizer),
            schedule=schedule(steps),
            folder=folder.scratch if hosts.chief else folder.work,
            validate=validation(node, context) if rule and hosts.chief else None,
            validate_every=rule.every if rule else None,
            keep=rule.keep if rule else "last",
            patience=rule.patience if rule else None,
            set_aside=(rule.set_aside or 0) if rule else 0,
            callbacks=callbacks_of(node) if hosts.chief else {},
            seed=options.seed,
            log_every=options.log_every,
            save_every_seconds=options.save_every,
            time_limit=context.deadline,
            strategy=strategy,
            micro_batches=micro,
            jit_compile=runtime.jit_compile,
            hosts=hosts,
            steps_per_execution=runtime.steps_per_execution,
            streams=int(streams),
            fuse=bool(fuse),
            kept_elsewhere=shared_names(shared),
            of=folder.key,
        )
        try:
            with context.deadline.holding():
                result = train(distiller, batcher, settings)
        except TrainingDiverged as error:
            raise TrainingDiverged(f"stages.{node.label}: {error}") from error
        except StepTooLarge as error:
            raise UserError(_too_large(node, micro, replicas, error)) from error
        if hosts.chief:
            keep_end(node, steps, folder.scratch, context)
        return leave_result(model, batcher, result, shared, node, folder, context)


def _aside(validate: Any) -> int:
    """How many weights beside its last a training keeps; see `Keeper`."""
    keep, last = getattr(validate, "keep", "last"), getattr(validate, "set_aside", None) or 0
    if isinstance(keep, str):
        return last
    average = getattr(keep, "average", None)
    return max(average, last) if average else 1 + last


def _too_large(node: Node, micro: int, replicas: int, error: Exception) -> str:
    batch = node.options.batch
    part = batch.size // (micro * replicas)
    return (
        f"stages.{node.label}.batch: {part:,} {batch.unit} at once do not fit into a device's "
        f"memory ({error}). Expected `per_device: {max(1, part // 2)}` "
        "or less beside `size`: the step stays what it is, taken in smaller parts"
    )


def _width(node: Node, model: Any) -> int | None:
    """The model's width, which the schedule may need; a plugin's model need not have one."""
    options = node.model
    width = getattr(options, "width", None) or getattr(model, "width", None)
    if width is None and node.options.schedule.kind == "noam":
        raise UserError(
            f"stages.{node.label}.schedule: noam needs the model's width, and {node.options.train} "
            f"({options.kind}) has none; expected another kind, like inverse_square_root"
        )
    return width
