"""What the command line takes: verbs and their options."""

import argparse
import os
import shlex
from collections.abc import Sequence
from pathlib import Path

import tfkd
from tfkd.cli_values import column, count, samples, seed, seeds, sigmas, times
from tfkd.evaluation.verdicts.verdict import P_BY
from tfkd.starters import KINDS

_EPILOG = """exit codes: 0 done; 1 the input is wrong (the message says where); 2 usage;
3 stopped, and the same command continues (time limit, signal, lost host, full disk, no memory);
70 an error of tfkd itself or of a plugin (it says what to send; TFKD_TRACEBACK=1 prints it all)"""


def build_parser() -> argparse.ArgumentParser:
    """The parser of all verbs."""
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
            _changes(sub)
            sub.add_argument(
                "--more-steps", metavar="N|STAGE=N", action="append", default=[],
                help="N steps more of a training stage, which goes on from where it ended "
                "(repeatable)",
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
    _cluster(run, "score, translate and evaluate by the workers of")
    run.add_argument("--workers", type=count, help="of Ray's (default: all it has room for)")
    run.add_argument(
        "--cpus-per-worker", metavar="N", type=count,
        help="processors that each takes (default: as many as an operation here has threads)",
    )  # fmt: skip
    run.add_argument(
        "--retries", metavar="N", type=times,
        help="how often a shard, or a training, goes on after a loss of its workers (default: 3)",
    )  # fmt: skip
    plan = verb(
        "plan", "say what a run would do, its size and its hours, before anything starts",
        spec="run",
    )  # fmt: skip
    plan.add_argument(
        "--all-variants", action="store_true", help="plan the spec and every variant together"
    )
    plan.add_argument(
        "--measure", action="store_true",
        help="make a few steps of each training on this machine for its hours, once: they are "
        "kept in the user's cache",
    )  # fmt: skip
    _cluster(plan, "tell the hours of stages on the workers of")
    plan.add_argument(
        "--workers", type=count,
        help="of a cluster: times of what they score and decode together (with --cluster the "
        "default is how many it has room for)",
    )  # fmt: skip
    plan.add_argument(
        "--cpus-per-worker", metavar="N", type=count, help="processors that each takes"
    )
    verb("show", "print the resolved spec and where each value came from", spec="show")
    validate = verb(
        "validate", "check specs, all their variants and the files they name; every error at once"
    )
    validate.add_argument("specs", metavar="SPEC", nargs="+", help="the specs' YAML files")
    _changes(validate)
    _data_dir(validate)
    validate.add_argument(
        "--no-files", action="store_true", help="leave alone the files that the specs name"
    )
    init = verb("init", "write a commented starter spec")
    init.add_argument("path", nargs="?", type=Path, help="the file to write (default: spec.yaml)")
    _starter(init)
    for name, summary in (
        ("evaluate", "score a run's models again and print the scores"),
        ("export", "write a run's SavedModels and print where they lie"),
    ):
        sub = verb(name, summary)
        sub.add_argument("run", metavar="RUN", type=Path, help="a run folder, like runs/NAME")
        if name == "evaluate":
            _other_files(sub)
            _noise(sub)
    compare = verb("compare", "compare two runs on the same test sets, row by row")
    compare.add_argument("runs", metavar="RUN", nargs=2, type=Path, help="their folders")
    compare.add_argument(
        "--samples", type=samples, default=1000,
        help="bootstrap samples, of which intervals are made (default: 1,000)",
    )  # fmt: skip
    compare.add_argument(
        "--trials", type=samples, default=10_000,
        help="of the approximate randomization, by which p is computed (default: 10,000)",
    )  # fmt: skip
    compare.add_argument(
        "--p", dest="p_by", choices=P_BY, default=P_BY[0],
        help="what p is computed by: two-sided (default), or as sacreBLEU's --paired-bs",
    )  # fmt: skip
    generate = verb("generate", "lines in, outputs out, in order")
    generate.add_argument(
        "model", metavar="RUN|SAVEDMODEL", type=Path,
        help="a run folder with one export, or the folder of one: RUN/export/STAGE",
    )  # fmt: skip
    generate.add_argument("--input", type=Path, help="a file of lines (default: standard input)")
    generate.add_argument("--output", type=Path, help="a file to write (default: standard output)")
    generate.add_argument(
        "--scores", action="store_true", help="put score and a tab before each line"
    )
    bench = verb("bench", "measure exported models side by side: size and latency")
    bench.add_argument(
        "models", metavar="RUN|SAVEDMODEL", nargs="+", type=Path,
        help="run folders, of which all exports are measured, or the folders of exports",
    )  # fmt: skip
    bench.add_argument("--input", type=Path, help="a file of lines (default: a run's examples)")
    bench.add_argument("--rounds", type=count, default=5, help="times that each line is read")
    bench.add_argument("--output", type=Path, help="a JSON file to write")
    which = "which of its exports answers, like ctranslate2_int8 (default: the SavedModel)"
    those = "exports of one run in this format, or all, each in a process of its own"
    for sub, what in ((generate, which), (bench, those)):
        sub.add_argument("--engine", metavar="FORMAT", help=what)
        sub.add_argument(
            "--iterations", type=count, metavar="T", help="passes of a model that fills in"
        )
        sub.add_argument(
            "--length-candidates", type=count, metavar="B", help="lengths that it tries at once"
        )
        sub.add_argument(
            "--seed", type=seed, metavar="N", help="of a language model that samples: its draws"
        )
        sub.add_argument(
            "--trust", action="store_true",
            help="run a SavedModel that tfkd did not export, too: it can read and write your files",
        )  # fmt: skip
    report = verb("report", "write the HTML page of one run, or of several side by side")
    report.add_argument("runs", metavar="RUN", nargs="+", type=Path, help="their folders")
    report.add_argument(
        "--output", type=Path,
        help="the page (default: RUN/report.html; of several runs, report.html beside the first)",
    )  # fmt: skip
    inspect = verb(
        "inspect", "say what a published checkpoint is, what it can teach, and how a spec reads it"
    )
    inspect.add_argument("folder", metavar="FOLDER", type=Path, help="with config.json and weights")
    doctor = verb("doctor", "check this machine: versions, devices, threads, disk, data")
    _folders(doctor)
    _cluster(doctor, "look at all machines of")
    schema = verb("schema", "print the JSON schema of specs, for editors")
    schema.add_argument("--output", type=Path, help="the file to write, in place of printing")
    listing = verb("list", "list what specs can name; of one name its options and an example")
    listing.add_argument(
        "what", nargs="?", default="all", metavar="KIND", help="of one kind, or a name alone"
    )
    listing.add_argument("name", nargs="?", metavar="NAME", help="its options, like adam")
    specs = verb("specs", "list the package's own specs; `specs copy NAME` puts one here")
    actions = specs.add_subparsers(dest="action", metavar="copy")
    copy = actions.add_parser("copy", help="copy one of them, to run or to change it")
    copy.add_argument("copy", metavar="NAME")
    copy.add_argument("--to", type=Path, default=Path(), metavar="FOLDER", help="default: here")
    specs.set_defaults(copy=None)
    return parser


def as_lines(options: argparse.Namespace, others: Sequence[str]) -> str:
    """What to do with a text that stands behind `tfkd generate RUN`."""
    if options.verb != "generate" or any(word.startswith("-") for word in others):
        return ""
    text, model = shlex.quote(" ".join(others)), shlex.quote(str(options.model))
    return f"; lines are read from standard input: echo {text} | tfkd generate {model}"


def _starter(init: argparse.ArgumentParser) -> None:
    init.add_argument(
        "--kind", choices=KINDS,
        help="what the student does (default: what the files are of: --labelled a classifier, "
        "--text alone a language_model, else a translator)",
    )  # fmt: skip
    for option, what, like in (("source", "reads", "de"), ("target", "writes", "en")):
        init.add_argument(
            f"--{option}",
            help=f"what a translator {what} (default: the files' endings, else {like})",
        )
    for option, what in (
        ("pairs", "of a translator or summariser: two text files, line by line, or a table"),
        ("labelled", "of a classifier: a table of texts and labels, .csv or .tsv"),
        ("text", "of a language model: its text; of others: more text to pre-train on"),
        ("valid", "the same for validation; without it some rows are held out"),
        ("test", "the same for the test; without it some rows are held out"),
    ):
        init.add_argument(f"--{option}", nargs="+", metavar="FILE", help=what)
    init.set_defaults(file_options=("pairs", "labelled", "text", "valid", "test"))
    _columns(init, "default: what the first line plainly says")
    init.add_argument(
        "--teacher", metavar="FOLDER", help="a published model that teaches: see tfkd inspect"
    )
    _data_dir(init)


def _other_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--on", nargs="+", metavar="FILE", action="append", default=[],
        help="score on other files instead: a table, two sides of a parallel corpus, a text; read "
        "as the run's own corpora are; repeatable. The run's own results stay as they are",
    )  # fmt: skip
    _columns(parser, "of --on, where they are not the run's own")
    parser.add_argument(
        "--metrics", nargs="+", metavar="M", default=[],
        help="of --on: what is measured (default: as each model's evaluation in the spec)",
    )  # fmt: skip
    parser.add_argument(
        "--of", nargs="+", metavar="STAGE", default=[],
        help="of --on: whose models (default: all that the spec evaluates)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print scores as JSON, no table")


def _columns(parser: argparse.ArgumentParser, when: str) -> None:
    parser.add_argument(
        "--columns", nargs="+", metavar="FIELD=COLUMN", type=column, default=[],
        help="a table's columns, by their names or by place from 0, like text=review label=stars "
        f"(-1 is the last of CoNLL's; {when})",
    )  # fmt: skip


def _noise(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--noise", type=sigmas, metavar="S,S,...",
        help="also score with noise on the parameters: N(0, S^2) times each tensor's mean; the "
        "report draws it until the run is evaluated again",
    )  # fmt: skip
    parser.add_argument(
        "--noise-metrics", metavar="M,M,...", type=lambda text: text.split(","),
        help="which of the evaluations' metrics (default: those that need no outputs)",
    )  # fmt: skip
    parser.add_argument("--draws", type=count, help="draws of noise (default: 5)")
    parser.add_argument("--noise-seed", type=int, metavar="N", help="their seed (default: 1)")


def _data_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-dir", type=Path, default=Path(os.environ.get("TFKD_DATA", ".")), metavar="D",
        help="the folder that data paths are relative to (default: $TFKD_DATA, else this folder)",
    )  # fmt: skip


def _changes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--variant", metavar="V", help="one of the spec's variants")
    parser.add_argument(
        "--set", dest="overrides", metavar="K=V", action="append", default=[],
        help="replace one value: a dotted path and a YAML value (repeatable); in variants too, "
        "but for what they do without",
    )  # fmt: skip
    parser.add_argument(
        "--seeds", dest="overrides", metavar="N|S,S,...", action="append", type=seeds,
        help="train all that trains once with each seed, 1 to N or these: means, their intervals "
        "and a verdict on the training, not on one of them",
    )  # fmt: skip


def _cluster(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--cluster", metavar="local|auto|slurm|ray://HOST:PORT|none",
        help=f"{what} a cluster of Ray (extra `ray`): processes here, the cluster of this machine, "
        "or another one; slurm: the hosts of this step, which train together; none: "
        "here, whatever your settings say",
    )  # fmt: skip


def _folders(parser: argparse.ArgumentParser) -> None:
    _data_dir(parser)
    parser.add_argument(
        "--runs-dir", type=Path, default=Path("runs"), metavar="D", help="default: runs"
    )
