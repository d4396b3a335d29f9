"""Best and averaged weights, and patience."""

import numpy as np
import pytest
from rings import few
from safetensors.numpy import load_file
from training_fakes import Batcher, distiller, weights_of

from tfkd.spec.errors import UserError
from tfkd.training import Adam, Constant, TrainSettings, read_history, train
from tfkd.training.state.keep import Keeper
from tfkd.training.state.tensor_file import DamagedFileError, read_tensors

STEPS = 20


def trained(folder, scores=None, *, keep="last", steps=STEPS, **options):
    """Trains; validation i gives scores[i], and the weights it was given are recorded."""
    model, seen = distiller(), []

    def validate(student):
        seen.append(weights_of(student))
        return {"loss": scores[len(seen) - 1] if scores else 0.0}

    result = train(
        model,
        Batcher(),
        TrainSettings(
            steps=steps,
            optimizer=Adam(),
            schedule=Constant(steps=steps, rate=0.02),
            folder=folder,
            validate=validate,
            validate_every=4,
            keep=keep,
            progress=False,
            say=lambda line: None,
            tensorboard=False,
            **options,
        ),
    )
    return result, weights_of(model.student), seen


def assert_equal(one, other):
    for path, array in one.items():
        np.testing.assert_array_equal(array, other[path], err_msg=path)


def test_best_weights_come_back(tmp_path):
    result, weights, seen = trained(tmp_path, [3.0, 1.0, 2.0, 1.0, 5.0], keep={"best": "loss"})
    assert result.best == {"step": 8, "metric": "loss", "value": 1.0}
    assert_equal(weights, seen[1])
    assert (weights["output/kernel"] != seen[4]["output/kernel"]).any()
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_more_is_better_except_for_losses(tmp_path):
    keeper = Keeper({"best": "bleu"}, tmp_path)
    for step, value in enumerate([float("nan"), 10.0, 30.0, 20.0, float("nan")], 1):
        keeper.see(step, {"bleu": value}, {"w": np.ones(1)})
    assert keeper.best["value"] == 30.0
    with pytest.raises(UserError, match="no such metric; it has loss"):
        keeper.see(9, {"loss": 1.0}, {})


def test_average_is_the_mean_of_the_last(tmp_path):
    result, weights, seen = trained(tmp_path, keep={"average": 3})
    for path, array in weights.items():
        mean = np.mean([weights[path].astype(np.float64) for weights in seen[2:5]], 0)
        np.testing.assert_array_equal(array, mean.astype(np.float32), err_msg=path)
    # The mean itself is validated too.
    last = read_history(result.history)[-1]
    assert last["of"] == "mean of steps 12, 16, 20"
    assert_equal(seen[5], weights)


@pytest.mark.parametrize("keep", few([{"best": "loss"}, {"average": 2}], 1))
def test_the_last_validated_weights_are_set_aside(tmp_path, keep):
    """Whatever the training ends with; older ones leave the disk with the next checkpoint."""
    result, _, seen = trained(
        tmp_path, [3.0, 1.0, 2.0, 4.0, 5.0, 6.0], keep=keep, set_aside=3, save_every_seconds=0.0
    )
    assert list(result.set_aside) == [12, 16, 20]
    for path, expected in zip(result.set_aside.values(), seen[2:5], strict=True):
        found = load_file(path)
        assert found.keys() == expected.keys()
        assert_equal(found, expected)
    best = {"step-000000008.safetensors"} if "best" in keep else set()
    left = {path.name for path in (tmp_path / "kept").iterdir()}
    assert left - best == {path.name for path in result.set_aside.values()} | (
        {"step-000000008.safetensors"} - best  # the checkpoint before the last validation's
    )


def test_damaged_weights_that_are_set_aside_are_refused(tmp_path):
    keeper = Keeper("last", tmp_path, set_aside=2)
    for step in (1, 2, 3):
        keeper.see(step, {}, {"w": np.full(2, step, np.float32)})
    assert list(keeper.set_aside()) == [2, 3]
    again = Keeper("last", tmp_path, set_aside=2)
    again.restore(keeper.state())
    keeper.set_aside()[2].write_bytes(b"")
    for refuses in (again.set_aside, lambda: again.verify(again.state())):
        with pytest.raises(DamagedFileError, match="step-000000002"):
            refuses()


def test_a_folder_that_has_set_nothing_aside_does_so_from_now_on(tmp_path):
    before = Keeper({"average": 2}, tmp_path)
    before.see(1, {}, {"w": np.ones(2)})
    after = Keeper({"average": 2}, tmp_path, set_aside=2)
    after.restore(before.state())
    after.see(2, {}, {"w": np.ones(2)})
    assert (after.steps, list(after.set_aside())) == ([1, 2], [2])


def test_patience_ends_the_training(tmp_path):
    scores = [3.0, 2.0, 2.5, 2.0, 9.0, 9.0]
    options = {"keep": {"best": "loss"}, "patience": 2, "steps": 100}
    result, weights, seen = trained(tmp_path, scores, **options)
    assert (result.steps, len(seen)) == (16, 4)
    assert_equal(weights, seen[1])
    # Called again, it stays ended, at the same weights.
    again, same, unseen = trained(tmp_path, scores, **options)
    assert (again.steps, unseen) == (16, [])
    assert_equal(same, weights)


def test_the_last_step_is_validated_though_it_is_no_multiple(tmp_path):
    result, _, seen = trained(tmp_path, steps=6)
    steps = [line["step"] for line in read_history(result.history) if "validation" in line]
    assert (steps, len(seen)) == ([4, 6], 2)


def test_damaged_kept_weights_are_refused(tmp_path):
    keeper = Keeper({"best": "loss"}, tmp_path)
    keeper.see(5, {"loss": 1.0}, {"w": np.ones(3, np.float32)})
    path = tmp_path / "step-000000005.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(DamagedFileError, match=path.name):
        keeper.verify(keeper.state())
    with pytest.raises(DamagedFileError, match="cannot be read"):
        read_tensors(tmp_path / "none", "")


@pytest.mark.parametrize("keep", ["best", {"best": "x", "average": 2}, {}])
def test_wrong_options(tmp_path, keep):
    with pytest.raises(ValueError, match="`keep`"):
        Keeper(keep, tmp_path)
    with pytest.raises(ValueError, match="`patience`"):
        Keeper("last", tmp_path, patience=3)
