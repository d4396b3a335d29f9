"""ONNX, for ONNX Runtime: quick on servers' CPUs, in 8 bits if asked for."""

from pathlib import Path
from typing import Any, ClassVar

from tfkd.quiet import errors_alone, standard_error_aside
from tfkd.serving.formats.graph import GraphFormat
from tfkd.serving.formats.run import Run, missing, refused, threads
from tfkd.spec.formats.onnx import OnnxOptions

# Of ONNX's operations: old enough for runtimes of the last years.
OPSET = 17


class Onnx(GraphFormat):
    """Folders with `.onnx` files."""

    Options = OnnxOptions
    title: ClassVar[str] = "ONNX Runtime"
    suffix: ClassVar[str] = ".onnx"

    def convert(self, piece: Any, path: Path, quantize: str) -> None:
        """From the traced function; in 8 bits by ONNX Runtime's dynamic quantization, a scale for
        each column of a matrix."""
        onnxruntime()
        module, call = piece.traced(batch=None)
        try:
            with standard_error_aside(), errors_alone("tf2onnx", ""):
                data = _graph(call, path, quantize)
        except OSError:  # of the disk
            raise
        except Exception as error:  # converters raise whatever they like
            raise refused("tf2onnx", piece.name, error) from error
        del module
        path.write_bytes(data)

    def runner(self, path: Path) -> Run:
        runtime = onnxruntime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads()
        # Threads that wait by counting take the cores from those that they wait for.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        gives = [one.name for one in session.get_outputs()]
        return Run(
            [one.name for one in session.get_inputs()],
            lambda given: dict(zip(gives, session.run(gives, dict(given)), strict=True)),
        )

    def versions(self) -> dict[str, str]:
        import onnx
        import tf2onnx

        return {
            "onnxruntime": onnxruntime().__version__,
            "onnx": onnx.__version__,
            "tf2onnx": tf2onnx.__version__,
        }

    def one_by_one(self, quantize: str) -> bool:
        """In 8 bits: a matrix of activations has one scale for all of its rows."""
        return quantize == "int8"


def _graph(call: Any, path: Path, quantize: str) -> bytes:
    """The file of a traced function; `path` is written on the way."""
    import onnx
    import tf2onnx

    model, _ = tf2onnx.convert.from_function(
        call, input_signature=call.input_signature, opset=OPSET
    )
    _named_in_order(model.graph)
    if quantize == "int8":
        from onnxruntime.quantization import QuantType, quantize_dynamic

        quantize_dynamic(model, path, per_channel=True, weight_type=QuantType.QInt8)
        model = onnx.load(path)
        _named_in_order(model.graph)
    else:
        _kept_once(model.graph)
    return model.SerializeToString(deterministic=True)


def _named_in_order(graph: Any) -> None:
    """Names what a graph computes by its place: what tf2onnx calls it counts on from one
    conversion to the next, and the same model would have other bytes."""
    graph.name, graph.doc_string = "model", ""
    for one in (*graph.input, *graph.output):
        for axis, size in enumerate(one.type.tensor_type.shape.dim):
            if size.dim_param:
                size.dim_param = f"{one.name}_{axis}" if axis else "batch"
    kept = {one.name for one in (*graph.input, *graph.output)} | {""}
    constants = {one.name: one for one in graph.initializer}
    names = {name: name for name in kept}
    for node in graph.node:
        for name in (*node.input, *node.output):
            names.setdefault(name, f"{'w' if name in constants else 't'}{len(names)}")
    for number, node in enumerate(graph.node):
        node.name = f"n{number}"
        node.input[:] = [names[name] for name in node.input]
        node.output[:] = [names[name] for name in node.output]
    for one in constants.values():
        one.name = names.get(one.name, one.name)
    ordered = sorted(graph.initializer, key=lambda one: (len(one.name), one.name))
    ordered = [type(one).FromString(one.SerializeToString()) for one in ordered]
    del graph.initializer[:], graph.value_info[:]
    graph.initializer.extend(ordered)


def _kept_once(graph: Any) -> None:
    """Stores a table once that is both read and predicted by: where one is another's transpose it
    becomes an operation, which ONNX Runtime carries out as it loads the file."""
    from onnx import helper, numpy_helper

    seen: dict[tuple[Any, ...], str] = {}
    for one in list(graph.initializer):
        if len(one.dims) != 2 or 1 in one.dims:
            continue
        table = numpy_helper.to_array(one)
        turned = seen.get((table.shape[::-1], hash(table.T.tobytes())))
        if turned is None:
            seen.setdefault((table.shape, hash(table.tobytes())), one.name)
        else:  # it is no table any more, of which another could be the transpose
            graph.node.insert(0, helper.make_node("Transpose", [turned], [one.name], perm=[1, 0]))
            graph.initializer.remove(one)


def onnxruntime() -> Any:
    """The package.

    Raises:
        UserError: It is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise missing("onnxruntime", "onnx", error) from error
    return onnxruntime
