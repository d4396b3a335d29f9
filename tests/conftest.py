"""Modules that tests of several folders share can be imported; and a worker stays quick."""

import gc
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).parent
FIRST = (
    "test_smokes_lightpaff.py",
    "test_kills.py",
    "test_line.py",
    "test_language_model_export.py",
    "test_abnet.py",
    "test_replicas.py",
    "test_export.py",
    "test_smokes.py",
)
sys.path.insert(0, str(TESTS))

import rings  # noqa: E402
from import_graph import imports_tensorflow  # noqa: E402

# Nobody's own settings have a say.
os.environ["TFKD_SETTINGS"] = ""
# One thread a worker: two workers and their child processes share two cores.
for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(name, "1")


def pytest_addoption(parser):
    parser.addoption("--fast", action="store_true", help="what needs no TensorFlow")


def pytest_configure(config):
    """The short rings draw the same examples each time, so that a failure is that of a change: the
    long ring looks for new ones. No example has to be done in a time. In the fast ring something
    else stands in TensorFlow's place, here and in child processes."""
    settings.register_profile("long", deadline=None)
    settings.register_profile("short", deadline=None, derandomize=True)
    settings.load_profile("long")
    if config.getoption("fast") or config.getoption("markexpr") == "not long":
        settings.load_profile("short")
        rings.in_short_ring = True
    if config.getoption("fast"):
        place = str(TESTS / "without_tensorflow")
        sys.path.insert(0, place)
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join([place, before] if before else [place])


def pytest_ignore_collect(collection_path, config):
    """Files of tests that load TensorFlow as they are loaded themselves."""
    if not config.getoption("fast"):
        return None
    path = collection_path / "conftest.py" if collection_path.is_dir() else collection_path
    return True if path.suffix == ".py" and path.exists() and imports_tensorflow(path) else None


def pytest_collection_modifyitems(config, items):
    """The longest files first, so that no worker is left alone with one at the end; before all of
    the short ring one that makes the tiny line that many wait for."""
    order = {name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))
    if config.getoption("fast"):
        left_out = [item for item in items if item.get_closest_marker("tensorflow")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_sessionfinish(session):
    if session.config.getoption("fast"):
        assert "tensorflow" not in sys.modules


@pytest.fixture(autouse=True, scope="module")
def young():
    """Frees what the module before has left, and keeps the collector from walking over the rest
    (TensorFlow's modules above all) again and again."""
    if "keras" in sys.modules:
        sys.modules["keras"].backend.clear_session()
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def own_names():
    """A module's plugins end with it: what later ones find are the package's names."""
    from tfkd.spec import registry

    entries, joined = dict(registry._entries), set(registry._joined)
    yield
    for key in registry._entries.keys() - entries.keys():
        sys.modules.pop(registry._entries[key].target.partition(":")[0], None)
        del registry._entries[key]
    registry._joined.intersection_update(joined)


@pytest.fixture(autouse=True, scope="module")
def as_traced(request):
    """In the short ring graphs are run as they are traced, for TensorFlow's rewriting of each takes
    a sixth of the time; but not where results are compared bit for bit with another process's. Of
    modules that say so none is traced."""
    items = [item for item in request.session.items if item.path == request.path]
    several = any({"line", "run_script"} & {*item.fixturenames} for item in items)
    several = several or hasattr(request.module, "subprocess")
    short = request.config.getoption("markexpr") == "not long"
    if short and any(item.get_closest_marker("untraced") for item in items):
        with rings.untraced():
            yield
    elif several or not short or "tensorflow" not in sys.modules:
        yield
    else:
        options = sys.modules["tensorflow"].config.optimizer
        options.set_experimental_options({"disable_meta_optimizer": True})
        yield
        options.set_experimental_options({"disable_meta_optimizer": False})
