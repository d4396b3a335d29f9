"""The command line: parse, call one function, print."""

import argparse
import contextlib
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import tfkd

DONE, WRONG_INPUT, USAGE, RESUMABLE = 0, 1, 2, 3

_EPILOG = """exit codes: 0 done; 1 the input is wrong (the message says where); 2 usage;
3 stopped, and the same command continues (time limit, signal, failure)"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tfkd",
        description="Distils pre-trained language models into small models that generate or "
        "classify text: one YAML spec in, a trained, scored and exported model out.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tfkd {tfkd.__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)

    def verb(name: str, summary: str, *, spec: str | None = None) -> argparse.ArgumentParser:
        sub = verbs.add_parser(
            name, help=summary, description=summary[0].upper() + summary[1:] + "."
        )
        if spec:
            sub.add_argument("spec", metavar="SPEC", help="the spec's YAML file")
            sub.add_argument("--variant", metavar="V", help="one of the spec's variants")
            sub.add_argument(
                "--set", dest="overrides", metavar="K=V", action="append", default=[],
                help="replace one value: a dotted path and a YAML value (repeatable)",
            )  # fmt: skip
        if spec == "run":
            _folders(sub)
            sub.add_argument(
                "--smoke", action="store_true", help="every stage, tiny, on generated text"
            )
        sub.add_argument(
            "--plugin", dest="plugins", metavar="MODULE", action="append", default=[],
            help="import a module that registers classes of your own (repeatable)",
        )  # fmt: skip
        return sub

    run = verb("run", "run every stage of a spec that is not done yet", spec="run")
    run.add_argument("--all-variants", action="store_true", help="run the spec and every variant")
    run.add_argument("--until", metavar="STAGE", help="stop when this stage is done")
    run.add_argument("--time-limit", metavar="150m", help="save and stop in time (exit code 3)")
    verb("plan", "say what a run would do, and its size, before anything starts", spec="run")
    verb("show", "print the resolved spec and where each value came from", spec="show")
    validate = verb("validate", "check specs and all their variants; every error at once")
    validate.add_argument("specs", metavar="SPEC", nargs="+")
    init = verb("init", "write a commented starter spec")
    init.add_argument("path", nargs="?", type=Path, default=Path("spec.yaml"))
    init.add_argument(
        "--source", default="de", help="the source language, the source files' ending"
    )
    init.add_argument(
        "--target", default="en", help="the target language, the target files' ending"
    )
    for name, summary in (
        ("evaluate", "score a run's models again and print the scores"),
        ("export", "write a run's SavedModels and print where they lie"),
    ):
        sub = verb(name, summary)
        sub.add_argument("run", metavar="RUN", type=Path, help="a run folder, like runs/NAME")
    compare = verb("compare", "compare two runs on the same test sets: paired bootstrap")
    compare.add_argument("runs", metavar="RUN", nargs=2, type=Path)
    compare.add_argument("--samples", type=_samples, default=1000, help="bootstrap samples")
    generate = verb("generate", "lines in, outputs out, in order")
    generate.add_argument("model", metavar="RUN|SAVEDMODEL", type=Path)
    generate.add_argument("--input", type=Path, help="a file of lines (default: standard input)")
    generate.add_argument("--output", type=Path, help="a file to write (default: standard output)")
    generate.add_argument(
        "--scores", action="store_true", help="put score and a tab before each line"
    )
    report = verb("report", "write the HTML page of one run, or of several side by side")
    report.add_argument("runs", metavar="RUN", nargs="+", type=Path)
    report.add_argument(
        "--output", type=Path,
        help="the page (default: RUN/report.html; of several runs, report.html beside the first)",
    )  # fmt: skip
    doctor = verb("doctor", "check this machine: versions, devices, threads, disk, data")
    _folders(doctor)
    schema = verb("schema", "print the JSON schema of specs, for editors")
    schema.add_argument("--output", type=Path)
    listing = verb("list", "list what specs can name")
    listing.add_argument("what", nargs="?", default="all")
    return parser


def _samples(text: str) -> int:
    """A number of bootstrap samples."""
    number = int(text)
    if not 10 <= number <= 1_000_000:
        raise argparse.ArgumentTypeError("expected 10 to 1,000,000")
    return number


_samples.__name__ = "number"


def _folders(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-dir", type=Path, default=Path(os.environ.get("TFKD_DATA", ".")), metavar="D",
        help="the folder that data paths are relative to (default: $TFKD_DATA, else this folder)",
    )  # fmt: skip
    parser.add_argument(
        "--runs-dir", type=Path, default=Path("runs"), metavar="D", help="default: runs"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb and returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # What the terminal's encoding lacks is shown as \\N{...}, and is no end of a run.
            stream.reconfigure(errors="namereplace")
    if getattr(options, "all_variants", False) and options.variant:
        parser.error("--variant and --all-variants: name one of them")
    try:
        return _VERBS[options.verb](options) or DONE
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not write to it again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return RESUMABLE if options.verb in _MAKING else DONE
    except KeyboardInterrupt:
        print("tfkd: stopped; the same command continues from here", file=sys.stderr)
        return RESUMABLE
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> int:
    """Says what went wrong and returns the exit code."""
    from tfkd.spec.errors import UserError

    if isinstance(error, UserError):
        print(f"tfkd: {error}", file=sys.stderr)
        return WRONG_INPUT
    # Imported only when something was raised: `tfkd --help` stays instant.
    from tfkd.pipeline.context import Interrupted

    if not isinstance(error, Interrupted | OSError | MemoryError):
        import traceback

        traceback.print_exception(error)
        print("tfkd: a fault of tfkd or of a plugin; see above", file=sys.stderr)
    else:
        print(f"tfkd: {str(error) or 'out of memory'}", file=sys.stderr)
    print("tfkd: what is done is kept; the same command continues from here", file=sys.stderr)
    return RESUMABLE


@contextlib.contextmanager
def _written(path: Path):
    """A path that the user gave for writing: what is wrong with it is the user's to mend."""
    from tfkd.spec.errors import UserError

    try:
        yield
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror})") from error


def _load(options: argparse.Namespace):
    from tfkd.spec import load_spec

    return load_spec(
        options.spec,
        variant=options.variant,
        overrides=options.overrides,
        plugins=options.plugins,
    )


def _pipeline(name: str):
    """A function of the pipeline, by `module.function`: imported when its verb is called."""
    _quiet()
    module, function = name.rsplit(".", 1)
    return getattr(importlib.import_module(f"tfkd.pipeline.{module}"), function)


def _quiet() -> None:
    from tfkd.pipeline.quiet import quiet

    quiet()


def _run(options: argparse.Namespace) -> int:
    from tfkd.pipeline.context import Deadline, parse_duration, stopping

    seconds = parse_duration(options.time_limit) if options.time_limit else None
    deadline = Deadline(seconds)
    with stopping(deadline):
        spec = _load(options)
        specs = [spec]
        if options.all_variants:
            specs += [spec.with_variant(name) for name in spec.variants]
        for one in specs:
            _whole_run()(
                one,
                data_dir=options.data_dir,
                runs_dir=options.runs_dir,
                until=options.until,
                smoke=options.smoke,
                deadline=deadline,
                terminal=sys.stdout.isatty(),
                command=_command(),
            )
    return DONE


def _whole_run():
    _quiet()
    from tfkd.api import run

    return run


def _command() -> str:
    import shlex

    return shlex.join(["tfkd", *sys.argv[1:]])


def _plan(options: argparse.Namespace) -> None:
    plan = _pipeline("plan.plan")
    print(
        plan(
            _load(options),
            data_dir=options.data_dir,
            runs_dir=options.runs_dir,
            smoke=options.smoke,
        )
    )


def _show(options: argparse.Namespace) -> None:
    from tfkd.spec import show

    print(show(_load(options)))


def _validate(options: argparse.Namespace) -> int:
    from tfkd.spec import validate_files

    errors = validate_files(options.specs, plugins=options.plugins)
    for error in errors:
        print(error)
    if errors:
        return WRONG_INPUT
    for path in options.specs:
        print(f"{path}: valid")
    return DONE


def _init(options: argparse.Namespace) -> None:
    from tfkd.spec import starter_spec
    from tfkd.spec.errors import UserError

    if options.path.exists():
        raise UserError(f"{options.path} exists already; name another file: tfkd init PATH")
    with _written(options.path):
        options.path.write_text(starter_spec(options.source, options.target), "utf-8")
    print(f"{options.path}: edit its data section, then: tfkd run {options.path}")


def _evaluate(options: argparse.Namespace) -> None:
    results = _again(options)
    print(_pipeline("tables.score_table")(results))


def _export(options: argparse.Namespace) -> None:
    from tfkd.spec.errors import UserError

    exports = _again(options)["exports"]
    if not exports:
        raise UserError(
            f"{options.run}: its spec exports nothing: name a stage under `export:` and run again"
        )
    for export in exports:
        print(options.run / export["folder"])


def _again(options: argparse.Namespace) -> dict:
    _quiet()
    from tfkd.api import run_again

    return run_again(options.run, plugins=options.plugins)


def _compare(options: argparse.Namespace) -> None:
    print(_pipeline("compare.compare")(*options.runs, samples=options.samples))


def _generate(options: argparse.Namespace) -> None:
    _pipeline("generate.generate")(
        options.model, source=options.input, target=options.output, scores=options.scores
    )


def _report(options: argparse.Namespace) -> None:
    from tfkd.pipeline.run_folder import read_results
    from tfkd.report import write_report

    place = options.runs[0] if len(options.runs) == 1 else options.runs[0].resolve().parent
    path = options.output or place / "report.html"
    results = [read_results(run) for run in options.runs]
    with _written(path):
        write_report(results, path)
    print(path)


def _doctor(options: argparse.Namespace) -> int:
    text, well = _pipeline("doctor.doctor")(options.data_dir, options.runs_dir)
    print(text)
    return DONE if well else WRONG_INPUT


def _schema(options: argparse.Namespace) -> None:
    import json

    from tfkd.spec import json_schema, registry

    registry.load_plugins(options.plugins)
    text = json.dumps(json_schema(), indent=1)
    if options.output:
        with _written(options.output):
            options.output.write_text(text + "\n", "utf-8")
    else:
        print(text)


def _list(options: argparse.Namespace) -> None:
    from tfkd.spec import listing

    print(listing(options.what, plugins=options.plugins))


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
    "report": _report,
    "doctor": _doctor,
    "schema": _schema,
    "list": _list,
}

# What a closed pipe leaves unfinished.
_MAKING = {"run", "evaluate", "export"}

if __name__ == "__main__":
    sys.exit(main())
