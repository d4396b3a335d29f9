"""What a SavedModel's graph would do, read from saved_model.pb without running any of it."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tfkd.serving.graphs.server_ops import CALLS, KNOWN, OF_FILES, STREAMS
from tfkd.serving.loading.protocol_buffers import saved_model_class
from tfkd.spec.wording import cut

GRAPH = "saved_model.pb"
_LONGEST = 60


class UnknownNode(NamedTuple):
    """A node that does what no graph of a text model does.

    Attributes:
        op: Its op.
        node: Its name.
        function: The function that it stands in; None: the main graph.
        reason: What is wrong with it, where its op is a known one.
    """

    op: str
    node: str
    function: str | None
    reason: str = ""

    def __str__(self) -> str:
        op, node = cut(self.op, _LONGEST), cut(self.node, _LONGEST)
        where = "the main graph"
        if self.function is not None:
            where = f"function {cut(self.function, _LONGEST)}"
        return f"{op}{self.reason and f' {self.reason}'} (node {node} in {where})"


def read_graph(folder: str | Path) -> Any:
    """The SavedModel's protocol buffer.

    Raises:
        OSError: There is none.
        ValueError: It is none.
    """
    from google.protobuf.message import DecodeError

    try:
        return saved_model_class().FromString((Path(folder) / GRAPH).read_bytes())
    except DecodeError as error:
        raise ValueError(f"{GRAPH} is no SavedModel ({error})") from error


def unknown_nodes(saved: Any) -> list[UnknownNode]:
    """The nodes of a SavedModel's graphs and functions, called or not, that are not known.

    Known is a node whose op is in `server_ops.KNOWN` and no function of that name, that prints to
    no file, and calls functions of this graph alone. What reads and writes files is known in the
    saver's functions, if nothing else calls them: a session runs the one that restores variables,
    from the file that it is told of, and never the one that stores them.

    Args:
        saved: See `read_graph`.
    """
    found = []
    for graph in saved.meta_graphs:
        library = graph.graph_def.library.function
        functions = {function.signature.name for function in library}
        savers = _savers_own(graph)
        for name, nodes in _graphs(graph):
            for node in nodes:
                reason = _reason(node, functions, savers.get(name))
                if reason is not None:
                    found.append(UnknownNode(node.op, node.name, name, reason))
    return found


def _graphs(graph: Any) -> Iterator[tuple[str | None, Iterable[Any]]]:
    yield None, graph.graph_def.node
    for function in graph.graph_def.library.function:
        yield function.signature.name, function.node_def


def _reason(node: Any, functions: Collection[str], prefix: str | None) -> str | None:
    """What is wrong with a node; None where it is known. `prefix` is of a saver's function: what it
    calls the file that it reads, "" where it may write files."""
    if node.op not in KNOWN:
        return ""
    if node.op in functions:  # TensorFlow then calls the function
        return "that is a function's name, too"
    if node.op in OF_FILES and prefix is None:
        return "outside of the saver"
    if node.op in OF_FILES and prefix and (node.op, *node.input[:1]) != ("RestoreV2", prefix):
        return "where variables are restored"
    if node.op == "PrintV2" and _stream(node) not in STREAMS:
        return "to a file"
    if not functions.issuperset(_called(node)):
        return "of a function that is not there"
    return None


def _stream(node: Any) -> str:
    # Attributes at their defaults are not stored.
    written = "output_stream" in node.attr
    return node.attr["output_stream"].s.decode("utf-8", "replace") if written else "stderr"


def _called(node: Any) -> Iterator[str]:
    """The functions that a node calls."""
    for attribute in node.attr.values() if node.op in CALLS else ():
        if attribute.HasField("func"):
            yield attribute.func.name
        yield from (function.name for function in attribute.list.func)


def _savers_own(graph: Any) -> dict[str, str]:
    """The functions by which the graph's saver stores and restores variables, less those that
    anything else may call: a signature, an initializer, another function. That which restores has
    the name of its first argument, the file's; that which stores, and is never run, has ""."""
    saver = graph.saver_def
    file, storing, restoring = map(
        _node_of, (saver.filename_tensor_name, saver.save_tensor_name, saver.restore_op_name)
    )
    used = {restoring, *_read(graph)}
    library = graph.graph_def.library.function
    firsts = {one.signature.name: [arg.name for arg in one.signature.input_arg] for one in library}
    own: dict[str, str] = {}
    others: set[str] = set()
    for name, nodes in _graphs(graph):
        for node in nodes:
            called = set(_called(node))
            if (
                name is None
                and node.name == restoring
                and [*map(_node_of, node.input[:1])] == [file]
            ):
                own |= {one: firsts[one][0] for one in called if firsts.get(one)}
            elif name is None and node.name == storing and storing not in used:
                own |= dict.fromkeys(called - own.keys(), "")
            else:
                others |= called
    objects = graph.object_graph_def
    others.update(objects.concrete_functions)
    for one in objects.nodes:
        others.update(one.function.concrete_functions)
        others.add(one.bare_concrete_function.concrete_function_name)
        others.add(one.captured_tensor.concrete_function)
    # TensorFlow may put a function in another's place where both say that they do the same.
    others |= {one.signature.name for one in library if "api_implements" in one.attr}
    return {name: prefix for name, prefix in own.items() if name not in others}


def _read(graph: Any) -> Iterator[str]:
    """The nodes of the main graph whose outputs, or whose ends, anything asks for."""
    for node in graph.graph_def.node:
        yield from map(_node_of, node.input)
    for signature in graph.signature_def.values():
        for tensor in (*signature.inputs.values(), *signature.outputs.values()):
            yield _node_of(tensor.name)
    for collection in graph.collection_def.values():
        yield from map(_node_of, collection.node_list.value)


def _node_of(tensor: str) -> str:
    return tensor.removeprefix("^").partition(":")[0]
