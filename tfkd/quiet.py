"""Keeps TensorFlow's own log lines off the terminal of somebody who runs a verb."""

import contextlib
import importlib.util
import logging
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_LOUD = ("tensorflow", "tensorflow_text")


def quiet() -> None:
    """Makes TensorFlow silent, but for what it raises; to be called before it is imported.

    `TF_CPP_MIN_LOG_LEVEL` in the environment wins: whoever sets it hears everything again. Keras
    is put on TensorFlow.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    # Retracing is no news to people: each shape of a bucket is traced once.
    for name in ("tensorflow", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)
    sys.meta_path.insert(0, _QuietFinder())


class _QuietFinder(MetaPathFinder):
    """Imports the loud packages with standard error put aside.

    Lines that C++ writes before its logging is set up obey no level: only the file descriptor
    can be kept from them. They are shown after all if the import fails.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _LOUD:
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            sys.meta_path.insert(0, self)
        if spec is not None and spec.loader is not None:
            spec.loader = _QuietLoader(spec.loader)
        return spec


class _QuietLoader(Loader):
    def __init__(self, loader: Any):
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # From here on the module is as without us.
        module.__loader__ = module.__spec__.loader = self._loader
        with standard_error_aside():
            self._loader.exec_module(module)


@contextlib.contextmanager
def errors_alone(*names: str) -> Iterator[None]:
    """Has loggers (by name; "": the root) tell of errors alone for a while. Who logs by the root
    of `logging`, and finds no handler, puts one there that stays: it finds one."""
    kept = {name: logging.getLogger(name).level for name in names}
    root, handler = logging.getLogger(), logging.NullHandler()
    root.addHandler(handler)
    try:
        for name, level in kept.items():
            logging.getLogger(name).setLevel(max(level, logging.ERROR))
        yield
    finally:
        for name, level in kept.items():
            logging.getLogger(name).setLevel(level)
        root.removeHandler(handler)


@contextlib.contextmanager
def standard_error_aside() -> Iterator[None]:
    """Keeps what is written to standard error by whatever language, and shows it if it fails;
    nothing where `quiet` was not called."""
    if not any(isinstance(one, _QuietFinder) for one in sys.meta_path):
        yield
        return
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # closed: nobody hears anything
        yield
        return
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            yield
        except BaseException:
            sys.stderr.flush()
            aside.seek(0)
            os.write(kept, aside.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
