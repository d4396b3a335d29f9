"""Disks and memories that are too small: said in words, with advice, and nothing is lost."""

import resource

import pytest
import tensorflow as tf
from drills import same_results
from rings import few
from small_line import arguments, start

from tfkd import cli
from tfkd.training.step_function import StepFunction

# Bytes of a file, in place of a disk's: too few for corpora, checkpoints, weights, a SavedModel.
LIMITS = [2_000, 30_000, 100_000, 400_000]


@pytest.mark.long
@pytest.mark.parametrize("limit", LIMITS)
def test_a_full_disk_stops_with_a_message_and_the_run_goes_on_when_there_is_room(
    line, tmp_path, limit
):
    runs = tmp_path / "runs"
    process = start(
        *arguments(line.spec, runs),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    said, errors = process.communicate(timeout=280)
    assert process.returncode == cli.RESUMABLE, (said, errors)
    assert "File too large" in errors
    assert str(runs) in errors  # the file, and the folder that has no room
    assert "Traceback" not in errors
    assert "the same command continues" in errors
    # What is there is whole: every manifest's files are what it says, and no part is left over.
    assert cli.main(arguments(line.spec, runs)) == cli.DONE
    assert same_results(line, runs)


@pytest.mark.parametrize(
    ("override", "at_once", "advice"),
    few(
        [
            ("stages.teach.log_every=20", "768 joint_tokens", "per_device: 384"),
            ("stages.teach.batch.per_device=256", "256 joint_tokens", "per_device: 128"),
        ],
        0,
    ),
)
def test_a_batch_that_does_not_fit_ends_with_advice(
    line, tmp_path, monkeypatch, capsys, override, at_once, advice
):
    def steps(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor\nat ...")

    monkeypatch.setattr(StepFunction, "steps", steps)
    code = cli.main(arguments(line.spec, tmp_path, "--set", override, "--until", "teach"))
    assert code == cli.WRONG_INPUT
    message = capsys.readouterr().err
    assert f"stages.teach.batch: {at_once} at once do not fit" in message
    assert f"`{advice}`" in message
