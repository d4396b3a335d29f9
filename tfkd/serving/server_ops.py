"""The ops that a stock TensorFlow Serving has, as far as our graphs may need them."""

from pathlib import Path

KNOWN = frozenset()


def unknown_ops(folder: str | Path) -> set[str]:
    """The ops of a SavedModel, its functions' too, that are not known to be in a stock server."""
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((Path(folder) / "saved_model.pb").read_bytes())
    found: set[str] = set()
    for graph in saved.meta_graphs:
        own = {function.signature.name for function in graph.graph_def.library.function}
        nodes = list(graph.graph_def.node)
        for function in graph.graph_def.library.function:
            nodes += function.node_def
        found |= {node.op for node in nodes} - own
    return found - KNOWN
