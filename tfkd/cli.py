"""The command line: parse, call one function, print."""

import argparse
import functools
import importlib
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from tfkd.cli_parser import as_lines, build_parser
from tfkd.outside.outgoing import outgoing

DONE, WRONG_INPUT, USAGE, RESUMABLE, FAULT = 0, 1, 2, 3, 70


@outgoing()
def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb and returns the exit code."""
    parser = build_parser()
    options, others = parser.parse_known_args(arguments)
    if others:
        parser.error(f"unrecognized arguments: {' '.join(others)}{as_lines(options, others)}")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # What the terminal's encoding lacks is shown as \\N{...}, and is no end of a run.
            stream.reconfigure(errors="namereplace")
    if getattr(options, "all_variants", False) and options.variant:
        parser.error("--variant and --all-variants: name one of them")
    try:
        code = _VERBS[options.verb](options) or DONE
        if sys.stdout is not None:
            sys.stdout.flush()  # what cannot be written is said now
        return code
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not write to it again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return RESUMABLE if options.verb in _MAKING else DONE
    except KeyboardInterrupt:
        print("tfkd: stopped; the same command continues from here", file=sys.stderr)
        return RESUMABLE
    except Exception as error:
        words = sys.argv[1:] if arguments is None else arguments
        return _failed(error, words, _runs_folder(options))


def _failed(error: Exception, words: Sequence[str], runs: Path | None) -> int:
    """Says what went wrong and returns the exit code."""
    from tfkd.spec.errors import UserError

    if isinstance(error, UserError):
        print(f"tfkd: {error}", file=sys.stderr)
        return WRONG_INPUT
    # Imported only when something was raised: `tfkd --help` stays instant.
    from tfkd.failures import report
    from tfkd.training.surroundings import of_surroundings

    reason = of_surroundings(error)
    if reason is None:
        print(report(error, words, runs), file=sys.stderr)
        return FAULT
    print(f"tfkd: {reason}", file=sys.stderr)
    print("tfkd: what is done is kept; the same command continues from here", file=sys.stderr)
    return RESUMABLE


def _runs_folder(options: argparse.Namespace) -> Path | None:
    """The folder of runs that a verb works in, if it does."""
    run = getattr(options, "run", None)
    return getattr(options, "runs_dir", None) if run is None else run.absolute().parent


def _write(path: Path, text: str) -> None:
    """Writes what the user named: what is wrong with the path is the user's to mend."""
    from tfkd.data.files import writable, write_atomically

    with writable(path):
        write_atomically(path, text)


def _load(options: argparse.Namespace):
    from tfkd.spec import load_spec

    given = {"variant": options.variant, "plugins": options.plugins}
    given["elsewhere"] = getattr(options, "all_variants", False)
    spec = load_spec(options.spec, overrides=options.overrides, **given)
    if getattr(options, "more_steps", None):
        from tfkd.commands.more_steps import more_steps

        overrides = [*options.overrides, more_steps(spec, options.more_steps)]
        spec = load_spec(options.spec, overrides=overrides, **given)
    for said in [*spec.renamed, *(f"passed over: {one}" for one in spec.passed_over)]:
        print(f"tfkd: {said}", file=sys.stderr)
    return spec


def _called(name: str):
    """A function of the package, by `module.function`: imported when its verb is called."""
    _quiet()
    module, function = name.rsplit(".", 1)
    return getattr(importlib.import_module(f"tfkd.{module}"), function)


def _quiet() -> None:
    importlib.import_module("tfkd.quiet").quiet()


def _run(options: argparse.Namespace) -> int:
    from tfkd.training.deadline import Deadline, parse_duration, stopping

    seconds = parse_duration(options.time_limit) if options.time_limit else None
    deadline = Deadline(seconds)
    with stopping(deadline):
        spec = _load(options)
        specs = [spec, *map(spec.with_variant, spec.variants if options.all_variants else ())]
        cluster = _called("pipeline.cluster.asked_by.cluster_of")(options)
        from tfkd.api import run_and_report

        told: set[str] = set()
        for number, one in enumerate(specs, 1):
            run_and_report(
                one, told=told, data_dir=options.data_dir, runs_dir=options.runs_dir,
                until=options.until, smoke=options.smoke, deadline=deadline, command=_command(),
                cluster=cluster,
                beside=[other.variant for other in specs[number:]],
            )  # fmt: skip
    return DONE


def _command() -> str:
    return shlex.join(["tfkd", *sys.argv[1:]])


def _plan(options: argparse.Namespace) -> None:
    from tfkd.commands.measure import measure, measured_paces

    plan, spec = _called("pipeline.plan.planner.plan"), _load(options)
    where = {"data_dir": options.data_dir, "runs_dir": options.runs_dir}
    variants = spec.variants if options.all_variants else ()
    paces = measured_paces()
    if options.measure:
        for one in (spec, *map(spec.with_variant, variants)):
            paces = measure(one, **where, say=functools.partial(print, file=sys.stderr))
    told = {"measured": paces, "just_measured": options.measure}
    told["workers"], told["of"] = _called("pipeline.cluster.asked_by.workers_of")(options)
    print(plan(spec, **where, smoke=options.smoke, variants=variants, **told))


def _show(options: argparse.Namespace) -> None:
    from tfkd.spec import show

    print(show(_load(options)))


def _validate(options: argparse.Namespace) -> int:
    errors, notes = _called("pipeline.plan.validate.validate")(
        options.specs,
        data_dir=None if options.no_files else options.data_dir,
        variant=options.variant,
        overrides=options.overrides,
        plugins=options.plugins,
    )
    for note in notes:
        print(f"tfkd: {note}", file=sys.stderr)
    for error in errors:
        print(error)
    if errors:
        return WRONG_INPUT
    print("\n".join(f"{path}: valid" for path in options.specs))
    return DONE


def _init(options: argparse.Namespace) -> None:
    from tfkd.spec.errors import UserError
    from tfkd.starters.user_files import Named, last_of, starter_of

    files = {name: getattr(options, name) for name in options.file_options}
    path = options.path or last_of(files) or Path("spec.yaml")
    if os.path.exists(path):  # also a name that no file can have
        raise UserError(f"{path} exists already; name another file: tfkd init PATH")
    names = ("kind", "source", "target", "teacher")
    given = {name: getattr(options, name) for name in names}
    named = Named(**given, files=files, columns=dict(options.columns))
    _write(path, starter_of(named, options.data_dir))
    done = "read it" if any(files.values()) else "edit its data section"
    print(f"{path}: {done}, then: tfkd run {path}")


def _evaluate(options: argparse.Namespace) -> None:
    from tfkd.commands.evaluate import as_json, asked
    from tfkd.report.terminal import scored

    given = asked(options)
    results = _again(options, **given)
    print(as_json(results) if options.json else scored(results, options.run))
    if given["on"] is not None:
        print(f"tfkd report {shlex.quote(str(options.run))} shows them, too", file=sys.stderr)


def _export(options: argparse.Namespace) -> None:
    from tfkd.outside.printable import one_line
    from tfkd.spec.errors import UserError

    results = _again(options)
    if not results["exports"]:
        raise UserError(
            f"{options.run}: its spec exports nothing: name a stage under `export:` and run again"
        )
    for warning in results["warnings"]:
        print(one_line(f"warning: {warning}"), file=sys.stderr)
    for export in results["exports"]:
        print(options.run / export["folder"])


def _again(options: argparse.Namespace, **settings) -> dict:
    _quiet()
    from tfkd.api import run_again

    say = functools.partial(print, file=sys.stderr, flush=True)
    return run_again(options.run, plugins=options.plugins, say=say, **settings)


def _compare(options: argparse.Namespace) -> None:
    _called("spec.registry.load_plugins")(options.plugins)
    settings = {name: getattr(options, name) for name in ("samples", "trials", "p_by")}
    print(_called("commands.compare.compare")(*options.runs, **settings))


def _generate(options: argparse.Namespace) -> None:
    given = {name: getattr(options, name) for name in ("scores", "trust", "engine")}
    given |= {"source": options.input, "target": options.output, "options": _chosen(options)}
    _called("spec.registry.load_plugins")(options.plugins)
    _called("commands.generate.generate")(options.model, **given)


def _bench(options: argparse.Namespace) -> None:
    _called("spec.registry.load_plugins")(options.plugins)
    given = {"source": options.input, "rounds": options.rounds, "output": options.output}
    given |= {"options": _chosen(options), "trust": options.trust}
    if options.engine is None:
        print(_called("commands.bench.bench")(options.models, **given))
    else:
        bench = _called("commands.bench_engines.bench_engines")
        print(bench(options.models, options.engine, plugins=options.plugins, **given))


def _chosen(options: argparse.Namespace) -> dict[str, int]:
    """What a SavedModel lets its callers choose, as far as it was given."""
    names = ("iterations", "length_candidates", "seed")
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}


def _report(options: argparse.Namespace) -> None:
    from tfkd.data.files import writable
    from tfkd.pipeline.engine.other_results import with_other_files
    from tfkd.pipeline.engine.run_folder import read_results
    from tfkd.report import write_report

    place = options.runs[0] if len(options.runs) == 1 else options.runs[0].resolve().parent
    path = options.output or place / "report.html"
    results = [with_other_files(read_results(run), run) for run in options.runs]
    with writable(path):
        write_report(results, path)
    print(path)


def _doctor(options: argparse.Namespace) -> int:
    cluster = _called("pipeline.cluster.asked_by.cluster_of")(options)
    folders = options.data_dir, options.runs_dir
    text, well = _called("commands.doctor.doctor")(*folders, cluster, options.plugins)
    print(text)
    return DONE if well else WRONG_INPUT


def _schema(options: argparse.Namespace) -> None:
    import json

    from tfkd.reference import json_schema
    from tfkd.spec import registry

    registry.load_plugins(options.plugins)
    text = json.dumps(json_schema(), indent=1)
    if options.output:
        _write(options.output, text + "\n")
    else:
        print(text)


def _list(options: argparse.Namespace) -> None:
    from tfkd.reference import listing

    print(listing(options.what, options.name, plugins=options.plugins))


def _specs(options: argparse.Namespace) -> None:
    from tfkd.starters.packaged import copy_packaged, packaged_specs

    print(copy_packaged(options.copy, options.to) if options.copy else packaged_specs())


_VERBS = {
    "run": _run,
    "plan": _plan,
    "show": _show,
    "validate": _validate,
    "init": _init,
    "evaluate": _evaluate,
    "export": _export,
    "compare": _compare,
    "generate": _generate,
    "bench": _bench,
    "report": _report,
    "inspect": lambda given: print(_called("models.published.description.described")(given.folder)),
    "doctor": _doctor,
    "schema": _schema,
    "list": _list,
    "specs": _specs,
}

# What a closed pipe leaves unfinished.
_MAKING = {"run", "evaluate", "export"}

if __name__ == "__main__":
    sys.exit(main())
