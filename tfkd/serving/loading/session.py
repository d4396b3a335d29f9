"""A SavedModel run as a server runs it: its main graph in a session of TensorFlow's C API."""

import ctypes
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfkd.serving.graphs.server_ops import OF_TENSORFLOW_TEXT
from tfkd.serving.loading import c_api
from tfkd.serving.loading.signature import Signature

_INITIAL = "__saved_model_init_op"


def session_signatures(folder: Path, saved: Any) -> dict[str, Signature]:
    """A SavedModel's signatures, by name, run without TensorFlow's Python.

    Args:
        folder: The version folder.
        saved: Its protocol buffer, see `read_graph`.

    Raises:
        OSError: TensorFlow's libraries are not where its package for Linux has them.
        TensorFlowError: The SavedModel does not load.
    """
    graph = saved.meta_graphs[0]
    bodies = [graph.graph_def.node, *(one.node_def for one in graph.graph_def.library.function)]
    if any(node.op in OF_TENSORFLOW_TEXT for body in bodies for node in body):
        c_api.load_text_ops()
    session = _Session(folder)
    return {
        name: session.signature(one)
        for name, one in graph.signature_def.items()
        if name != _INITIAL
    }


class _Session:
    """A loaded graph; what it holds is freed with it."""

    def __init__(self, folder: Path):
        call = c_api.functions()
        self._graph = call["TF_NewGraph"]()
        options = call["TF_NewSessionOptions"]()
        tags = (ctypes.c_char_p * 1)(b"serve")
        try:
            self._session = c_api.checked(
                "TF_LoadSessionFromSavedModel",
                *(options, None, str(folder).encode(), tags, 1, self._graph, None),
            )
        except c_api.TensorFlowError:
            call["TF_DeleteGraph"](self._graph)
            raise
        finally:
            call["TF_DeleteSessionOptions"](options)
        weakref.finalize(self, _free, self._session, self._graph).atexit = False

    def signature(self, stored: Any) -> Signature:
        """A signature as it is stored."""
        takes = {name: np.dtype(c_api.TYPES[one.dtype]) for name, one in stored.inputs.items()}
        feeds = {name: self._output(one.name) for name, one in stored.inputs.items()}
        fetches = {name: self._output(one.name) for name, one in stored.outputs.items()}

        def call(given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            return self._run({name: (feeds[name], given[name]) for name in takes}, fetches)

        return Signature(takes, frozenset(fetches), call)

    def _output(self, name: str) -> c_api.Output:
        node, _, index = name.partition(":")
        if "\0" in node:  # C reads a name up to there: it would be another node than was looked at
            raise c_api.TensorFlowError(f"the graph has no node {node!r}")
        found = c_api.functions()["TF_GraphOperationByName"](self._graph, node.encode())
        if not found:
            raise c_api.TensorFlowError(f"the graph has no node {node}")
        return c_api.Output(found, int(index or 0))

    def _run(
        self, feeds: Mapping[str, tuple[c_api.Output, np.ndarray]], fetches: Mapping[str, Any]
    ) -> dict[str, np.ndarray]:
        made = [c_api.tensor(values) for _, values in feeds.values()]
        places = [place for place, _ in feeds.values()]
        outputs = (ctypes.c_void_p * len(fetches))()
        try:
            c_api.checked(
                "TF_SessionRun",
                *(self._session, None),
                *((c_api.Output * len(made))(*places), (ctypes.c_void_p * len(made))(*made)),
                *(len(made), (c_api.Output * len(fetches))(*fetches.values()), outputs),
                *(len(fetches), None, 0, None),
            )
            return {name: c_api.array(one) for name, one in zip(fetches, outputs, strict=True)}
        finally:
            for one, (_, values) in zip(made, feeds.values(), strict=True):
                c_api.delete(one, values.dtype == object)
            for one in filter(None, outputs):
                c_api.delete(one)


def _free(session: int, graph: int) -> None:
    c_api.checked("TF_DeleteSession", session)
    c_api.functions()["TF_DeleteGraph"](graph)
