"""The calls of `tfkd`'s Python side that cross the floors."""

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfkd.finished_run import Run
    from tfkd.pipeline.inputs.own_rows import Rows
    from tfkd.spec import Spec


def run(
    spec: "Spec | str | PathLike",
    *,
    data_dir: str | PathLike | None = None,
    runs_dir: str | PathLike = "runs",
    variant: str | None = None,
    all_variants: bool = False,
    overrides: Sequence[str] = (),
    seeds: int | Sequence[int] | None = None,
    more_steps: int | Mapping[str, int] | None = None,
    plugins: Sequence[str] = (),
    until: str | None = None,
    smoke: bool = False,
    time_limit: float | str | None = None,
    say: Callable[[str], None] | None = None,
    cluster: str | None = None,
    workers: int | None = None,
    cpus_per_worker: int | None = None,
    retries: int | None = None,
) -> "Run":
    """Runs every stage of a spec that is not done yet, scores its models and writes the report, as
    `tfkd run` does: what was interrupted is continued by the same call.

    Args:
        spec: A spec from `tfkd.load_spec`, or its YAML file.
        data_dir: The folder that data paths are relative to; None: $TFKD_DATA, else this folder.
        runs_dir: Where results go: `runs_dir/NAME[@VARIANT]/` and the shared `runs_dir/stages/`.
        variant: One of the spec's variants; None: as it was loaded.
        all_variants: Whether every variant is run after it: see `Run.variants`.
        overrides: `K=V` each, after those that it was loaded with: a dotted path and a YAML value.
        seeds: Trains all that trains once with each of these, or with 1 to so many.
        more_steps: Steps more of training stages, by their names, or of the only one: each goes on
            from where it ended.
        plugins: Modules that register classes of your own.
        until: A stage of the spec to stop after; the run has no scores then.
        smoke: Every stage at tiny sizes on generated text: a minute or two.
        time_limit: Save and stop in time: seconds, or a text like "150m".
        say: Called with each line for the user; None: it is printed.
        cluster: Where shards of stages are made: `local`, `auto` or `ray://HOST:PORT`, a cluster of
            Ray; None: here.
        workers: How many processes make them; None: as many as the cluster has room for.
        cpus_per_worker: Processors that each takes; None: as many as an operation has threads here.
        retries: How often a shard, or a training without a new checkpoint, goes on after a loss of
            its workers; None: 3.

    Returns:
        The run: `scores()`, `stage(NAME).model()`, `report`, `to_dict()`.

    Raises:
        UserError: The input is wrong; nothing was lost. Of a spec's faults it is `SpecErrors`.
        Interrupted: Stopped by a signal or the time limit; the same call continues.
    """
    import os
    from pathlib import Path

    from tfkd.finished_run import Run
    from tfkd.pipeline.cluster.asked import asked_cluster
    from tfkd.pipeline.engine.run_folder import run_name
    from tfkd.training.deadline import Deadline, parse_duration, stopping

    deadline = Deadline(parse_duration(str(time_limit)) if time_limit is not None else None)
    asked = asked_cluster(cluster, workers, cpus_per_worker, retries)
    with stopping(deadline):
        spec = spec_of(spec, variant, overrides, seeds, plugins, all_variants)
        if more_steps is not None:
            from tfkd.commands.more_steps import as_words
            from tfkd.commands.more_steps import more_steps as longer

            override = longer(spec, as_words(more_steps))
            spec = spec_of(spec, None, [override], None, (), all_variants)
        specs = [spec, *(map(spec.with_variant, spec.variants) if all_variants else ())]
        told: set[str] = set()
        found = [
            run_and_report(
                one, told=told, data_dir=Path(data_dir or os.environ.get("TFKD_DATA", ".")),
                runs_dir=Path(runs_dir), until=until, smoke=smoke, deadline=deadline, say=say,
                command=f"tfkd.run({str(one.path)!r})", cluster=asked,
                beside=[other.variant for other in specs[number:]],
            )
            for number, one in enumerate(specs, 1)
        ]  # fmt: skip
    name = run_name({"name": spec.name + "-smoke" * smoke, "variant": spec.variant})
    return Run(Path(runs_dir) / name, found[0], tuple(spec.plugins))


def spec_of(
    spec: Any,
    variant: str | None,
    overrides: Sequence[str],
    seeds: int | Sequence[int] | None,
    plugins: Sequence[str],
    all_variants: bool,
) -> "Spec":
    """The spec, with what is asked for beside it."""
    from tfkd.spec import Spec, load_spec
    from tfkd.spec.source.asked_seeds import OPTION, seeds_override

    if all_variants and variant is not None:
        raise ValueError(
            "Invalid value for argument `all_variants`. Expected False beside a variant. Received: "
            f"variant={variant!r}"
        )
    given = [overrides] if isinstance(overrides, str) else list(overrides)
    plugins = [plugins] if isinstance(plugins, str) else list(plugins)
    if seeds is not None and not _are_asked(seeds):
        raise ValueError(
            "Invalid value for argument `seeds`. Expected a number of seeds, or different seeds. "
            f"Received: seeds={seeds!r}"
        )
    if seeds is not None:
        given.append(
            seeds_override(str(seeds)) if isinstance(seeds, int) else f"{OPTION}={[*seeds]}"
        )
    if not isinstance(spec, Spec):
        return load_spec(
            spec, variant=variant, overrides=given, plugins=plugins, elsewhere=all_variants
        )
    if not given and not plugins:
        return spec if variant is None else spec.with_variant(variant)
    return load_spec(
        spec.path,
        variant=variant or spec.variant,
        overrides=[*spec.overrides, *given],
        plugins=[*spec.plugins, *plugins],
        change=spec.change,
        seed=spec.seed,
        elsewhere=all_variants,
    )


def _are_asked(seeds: Any) -> bool:
    """Whether these are what `--seeds` takes: a number of seeds, or some."""
    from tfkd.spec.seeds import MOST, are_seeds

    if isinstance(seeds, int):
        return not isinstance(seeds, bool) and 1 <= seeds <= MOST
    return isinstance(seeds, Sequence) and are_seeds([*seeds])


def run_and_report(
    spec: "Spec", told: set[str] | None = None, **settings: Any
) -> dict[str, Any] | None:
    """Runs one spec whole, writes its report and says how it ended.

    Args:
        spec: The resolved spec.
        told: Warnings that are not printed again, of variants that ran before; new ones join them.
        settings: Those of `tfkd.pipeline.engine.run.run`.

    Returns:
        The content of results.json; None where the run is not to come to its end here.
    """
    from pathlib import Path

    from tfkd.outside.printable import logged, say
    from tfkd.pipeline.engine.other_results import with_other_files
    from tfkd.pipeline.engine.permissions import permitted
    from tfkd.pipeline.engine.run import run as run_stages
    from tfkd.pipeline.engine.run_folder import run_name
    from tfkd.report import write_report
    from tfkd.report.terminal import closing_words

    results = run_stages(spec, **settings)
    if results is not None:
        folder = Path(settings.get("runs_dir", "runs")) / run_name(results)
        with permitted(folder.parent):
            write_report([with_other_files(results, folder)], folder / "report.html")
        tell = logged(settings.get("say") or say, "tfkd.run")
        tell(closing_words(results, folder, told))
    return results


def run_again(
    run: Any, plugins: Any = (), noise: Any = None, say: Any = None, on: Any = None
) -> dict[str, Any]:
    """Makes what is missing of a trained run's scores and exports; writes its report anew.

    Args:
        run: The run folder.
        plugins: Modules that register classes: all those of the run.
        noise: `{"sigma": [...], "draws": 5, "seed": 1, "metrics": [...]}`: metrics under noise on
            the parameters, of each evaluation that has them, by default those that need no outputs;
            None: as the spec says.
        say: Called with a line for each stage that is made; None: nothing is said.
        on: `{"files": [[...], ...], "columns": {}, "metrics": [], "of": []}`: files that models are
            scored on instead, see `tfkd.pipeline.inputs.other_files.OtherFiles`; the run's own
            results and report stay as they are. None: the corpora that the spec names.

    Returns:
        The content of results.json; with `on`, of the one in RUN/evaluation/on/.

    Raises:
        UserError: The folder is no run folder, its plugins are not named, a model is not trained
            yet, a file does not suit its model, or the noise is no such mapping.
    """
    from pathlib import Path

    from tfkd.pipeline.engine.other_results import with_other_files
    from tfkd.pipeline.engine.permissions import permitted
    from tfkd.pipeline.engine.run_again import make_again, noise_options
    from tfkd.pipeline.inputs.other_files import OtherFiles
    from tfkd.report import write_report

    run, others = Path(run), None if on is None else OtherFiles(**on)
    results = make_again(run, plugins, noise_options(noise), say, others)
    if on is None:
        with permitted(run.absolute().parent):
            write_report([with_other_files(results, run)], run / "report.html")
    return results


def open_rows(
    spec: "Spec | str | PathLike",
    stage: str,
    corpus: str | None = None,
    *,
    data_dir: str | PathLike | None = None,
    runs_dir: str | PathLike = "runs",
    variant: str | None = None,
    overrides: Sequence[str] = (),
    plugins: Sequence[str] = (),
    say: Callable[[str], None] | None = None,
) -> "Rows":
    """The rows of a targets stage, as its student reads them, for a teacher of your own: texts,
    ids, pieces, and `writer(FOLDER)`, which stores what your teacher says of them.

    Corpora are read and tokenizers learnt, as `tfkd.run` would, which then finds them done.

    Args:
        spec: A spec from `tfkd.load_spec`, or its YAML file.
        stage: A stage like `{targets: {store: FOLDER}, model: student, data: train}`; the folder
            need not be there yet.
        corpus: One of its corpora; None: the only one.
        data_dir: The folder that data paths are relative to; None: $TFKD_DATA, else this folder.
        runs_dir: As of `tfkd.run`.
        variant: One of the spec's variants; None: as it was loaded.
        overrides: `K=V` each: a dotted path and a YAML value.
        plugins: Modules that register classes of your own.
        say: Called with each line for the user; None: it is printed.

    Raises:
        UserError: The spec is wrong, or has no such stage or corpus.
    """
    import os
    from pathlib import Path

    from tfkd.commands.open_rows import open_rows as opened

    spec = spec_of(spec, variant, overrides, None, plugins, False)
    folder = Path(data_dir or os.environ.get("TFKD_DATA", "."))
    return opened(spec, stage, corpus, folder, Path(runs_dir), say)


def build(
    spec: Any,
    sizes: dict[str, int] | None = None,
    classes: int | dict[str, int] | None = None,
) -> dict[str, Any]:
    """The Keras models that a spec declares, by name, freshly initialised.

    They give their states by name; heads make logits of these. `tfkd.training.Distiller(model,
    terms)` trains them by `compile` and `fit`, as `tfkd.run` does. What a stage starts from and
    what it freezes is the stage's: see `tfkd.models.load_weights` and `freeze`.

    Args:
        spec: A spec from `tfkd.load_spec`; with `variant=` there, the models are that variant's.
        sizes: Vocabulary sizes by tokenizer; a learnt tokenizer's asked-for size by default. One
            that is read needs its own.
        classes: How many classes a model with `head: {kind: classifier}` tells apart, of all or by
            the model's name. They are learnt from labels when a stage runs: here they are to be
            said. Such a model has a head over words as well where a stage of the spec trains one.

    Returns:
        `keras.Model` by name: `teacher`, `student`, or `teacher.NAME`.

    Raises:
        ValueError: A size or a number of classes is not given, or is of what the spec lacks.
    """
    from tfkd.commands.declared_models import build_models

    return build_models(spec, sizes, classes)
