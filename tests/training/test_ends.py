"""A training that goes on from a shorter one's end is the longer training, bit for bit.

That a damaged end is refused stands in `test_resume`.
"""

import pytest
import resumed_training
from safetensors.numpy import load_file

from tfkd.training import Constant, Interrupted, InverseSquareRoot, read_history
from tfkd.training.loop import HISTORY, WEIGHTS
from tfkd.training.state.checkpoints import CheckpointFolder
from tfkd.training.state.ends import begin_at_end, keep_end

# No multiple of the steps between validations, 15, nor of those between lines: its last step has a
# validation and a line that the longer training has not.
SHORT, LONG = 37, 60


def trained(folder, steps, keep, *stop, schedule=Constant, **options):
    warmup = {"warmup": 9} if schedule is InverseSquareRoot else {}
    rates = schedule(steps=steps, rate=0.02, **warmup)
    settings = {"steps": steps, "schedule": rates, "keep": keep, "of": folder.name}
    resumed_training.run(folder, *stop, **settings, **options)


def weights(folder):
    return {name: array.tobytes() for name, array in load_file(folder / WEIGHTS).items()}


def validations(folder):
    return [line for line in read_history(folder / HISTORY) if "validation" in line]


@pytest.mark.long
@pytest.mark.parametrize(
    ("keep", "schedule"),
    [
        pytest.param({"average": 3}, Constant, id="average"),
        pytest.param({"best": "score"}, InverseSquareRoot, id="best", marks=pytest.mark.long),
    ],
)
def test_the_same_weights_whichever_way(tmp_path, keep, schedule, monkeypatch, capsys):
    whole, short, long = (tmp_path / name for name in ("whole", "short", "long"))
    for folder in (whole, short, long):
        folder.mkdir()
    trained(whole, LONG, keep, schedule=schedule)
    trained(short, SHORT, keep, schedule=schedule)
    keep_end(short, tmp_path / "kept")

    # Killed while it is taken over, and again later.
    with monkeypatch.context() as patch:
        patch.setattr(CheckpointFolder, "save", lambda *given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            begin_at_end(tmp_path / "kept", long, "long")
    assert begin_at_end(tmp_path / "kept", long, "long") == SHORT
    with pytest.raises(Interrupted):
        trained(long, LONG, keep, 50, "SIGTERM", schedule=schedule)
    trained(long, LONG, keep, schedule=schedule)
    assert f"going on from step {SHORT} of {LONG}" in capsys.readouterr().out

    assert weights(long) == weights(whole)
    assert resumed_training.set_aside(long) == resumed_training.set_aside(whole)
    # The best may be one that the shorter training has seen.
    assert weights(whole) != weights(short) or "best" in keep
    assert [one for one in validations(long) if one["step"] != SHORT] == validations(whole)
