"""What a run sets aside of the collector's work is the collector's again."""

import gc

import pytest

from tfkd.pipeline.engine import run as running
from tfkd.pipeline.engine.fresh_start import fresh_start


@pytest.fixture(autouse=True)
def thawed():
    gc.unfreeze()
    yield
    gc.unfreeze()


def run(monkeypatch, stages):
    monkeypatch.setattr(running, "_run", lambda *arguments: stages())
    monkeypatch.setattr(
        running, "_joined", lambda *arguments, **more: running.contextlib.nullcontext()
    )
    return lambda spec, folder: running.run(spec, runs_dir=folder)


def test_the_first_stage_sets_aside_and_the_run_gives_back(monkeypatch, tmp_path):
    counts = []

    def stages():
        for _ in range(2):
            fresh_start()
            counts.append(gc.get_freeze_count())
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        run(monkeypatch, stages)(None, tmp_path)
    assert counts[0] > 10_000  # TensorFlow's modules alone
    # What comes later may be garbage one day. (Deleting what was set aside makes it fewer.)
    assert counts[1] <= counts[0]
    assert not gc.get_freeze_count()


def test_what_the_caller_set_aside_stays_there(monkeypatch, tmp_path):
    gc.freeze()
    run(monkeypatch, fresh_start)(None, tmp_path)
    assert gc.get_freeze_count()


def test_a_stages_garbage_is_freed_at_the_next():
    fresh_start()
    freed = []

    class Model:
        def __init__(self):
            self.itself = self

        def __del__(self):
            freed.append(True)

    Model()
    assert not freed
    fresh_start()
    assert freed
