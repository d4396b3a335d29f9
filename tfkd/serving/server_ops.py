"""The ops that a stock TensorFlow Serving has, as far as graphs of text models need them.

The stock server links TensorFlow's own CPU kernels and tensorflow_text's ops. Whatever runs Python
(PyFunc), compiles (Xla...), needs a GPU, or reads files of its own is not among these, and neither
is anything that no text model has asked for yet: an op is added here after a look at it.
"""

from pathlib import Path

_CONTROL = """
Assert Case Const DeepCopy DisableCopyOnRead EnsureShape Enter Exit Identity IdentityN If LoopCond
Merge NextIteration NoOp PartitionedCall Placeholder PlaceholderWithDefault PreventGradient Print
PrintV2 StatefulPartitionedCall StatelessCase StatelessIf StatelessWhile StopGradient Switch While
"""
_VARIABLES = """
AssignAddVariableOp AssignVariableOp HashTableV2 LookupTableExportV2 LookupTableFindV2
LookupTableImportV2 LookupTableSizeV2 MergeV2Checkpoints MutableHashTableV2 ReadVariableOp
ResourceGather ResourceGatherNd RestoreV2 SaveV2 ShardedFilename VarHandleOp VarIsInitializedOp
VariableShape
"""
_MATHEMATICS = """
Abs Add AddN AddV2 All Any ArgMax ArgMin BatchMatMul BatchMatMulV2 BatchMatMulV3 BiasAdd Bitcast
BitwiseAnd BitwiseOr BitwiseXor Cast Ceil ClipByValue Cos Cosh Cumprod Cumsum CumulativeLogsumexp
DenseBincount Bincount Div DivNoNan Einsum Elu Equal Erf Erfc Exp Expm1 Floor FloorDiv FloorMod
FusedBatchNormV3 Greater GreaterEqual InvertPermutation IsFinite IsInf IsNan L2Loss LeakyRelu Less
LessEqual Log Log1p LogSoftmax LogicalAnd LogicalNot LogicalOr MatMul Max Maximum Mean Min Minimum
Mod Mul MulNoNan Neg NotEqual OnesLike Pow Prod RaggedBincount RealDiv Reciprocal Relu Relu6
RightShift Rint
Round Rsqrt SegmentMax SegmentMean SegmentMin SegmentProd SegmentSum Selu Sigmoid Sign Sin Sinh
Softmax Softplus Softsign SparseSegmentSum Sqrt Square SquaredDifference Sub Sum Tan Tanh
TruncateDiv TruncateMod UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentProd
UnsortedSegmentSum Xdivy Xlogy ZerosLike
"""
_ARRAYS = """
BatchToSpaceND BroadcastArgs BroadcastTo Concat ConcatOffset ConcatV2 Diag DiagPart EmptyTensorList
ExpandDims Fill Gather GatherNd GatherV2 InTopKV2 LinSpace LowerBound MatrixBandPart MatrixDiagV3
MirrorPad NonMaxSuppressionV3 NthElement OneHot Pack Pad PadV2 ParallelConcat RaggedGather
RaggedRange RaggedTensorFromVariant RaggedTensorToSparse RaggedTensorToTensor
RaggedTensorToVariant Range Rank Reshape ReverseSequence ReverseV2 Roll ScatterNd Select SelectV2
Shape ShapeN Size Slice SparseReorder SparseToDense Split SplitV Squeeze StridedSlice
TensorListConcatV2 TensorListElementShape TensorListFromTensor TensorListGather TensorListGetItem
TensorListLength TensorListPopBack TensorListPushBack TensorListReserve TensorListResize
TensorListScatterV2 TensorListSetItem TensorListStack TensorScatterAdd TensorScatterMax
TensorScatterMin TensorScatterSub TensorScatterUpdate TensorStridedSliceUpdate Tile TopK TopKV2
Transpose Unique UniqueV2 UniqueWithCounts Unpack UnravelIndex UpperBound Where
"""
_RANDOM = """
StatelessMultinomial StatelessRandomGetAlg StatelessRandomGetKeyCounter
StatelessRandomGetKeyCounterAlg StatelessRandomNormalV2 StatelessRandomUniformFullIntV2
StatelessRandomUniformIntV2 StatelessRandomUniformV2 StatelessTruncatedNormalV2
"""
_STRINGS = """
AsString DecodeBase64 DecodeRaw EncodeBase64 ReduceJoin RegexFullMatch RegexReplace
StaticRegexFullMatch StaticRegexReplace StringFormat StringJoin StringLength StringLower
StringNGrams StringSplit StringSplitV2 StringStrip StringToHashBucketFast
StringToHashBucketStrong StringToNumber StringUpper Substr UnicodeDecode UnicodeDecodeWithOffsets
UnicodeEncode UnicodeScript UnicodeTranscode UnsortedSegmentJoin
"""
_TENSORFLOW_TEXT = """
CaseFoldUTF8 ConstrainedSequence FastBertNormalize FastWordpieceTokenizeWithOffsets
FindSourceOffsets NormalizeUTF8 NormalizeUTF8WithOffsetsMap RegexSplitWithOffsets
SentenceFragmentsV2 SentencepieceDetokenizeOp SentencepieceIdToStringOp SentencepieceOp
SentencepieceStringToIdOp SentencepieceTokenizeOp SentencepieceTokenizeWithOffsetsOp
SentencepieceVocabSizeOp TFText>ByteSplitByOffsets TFText>ByteSplitWithOffsets
TFText>FastSentencepieceDetokenize TFText>FastSentencepieceTokenize TFText>FastWordpieceDetokenize
TFText>NgramsStringJoin TFText>RoundRobinTrim TFText>WhitespaceTokenizeWithOffsetsV2
UnicodeScriptTokenizeWithOffsets WhitespaceTokenizeWithOffsets WordpieceTokenizeWithOffsets
"""
KNOWN = frozenset(
    " ".join(
        (_CONTROL, _VARIABLES, _MATHEMATICS, _ARRAYS, _RANDOM, _STRINGS, _TENSORFLOW_TEXT)
    ).split()
)


def ops_of(folder: str | Path) -> set[str]:
    """The names of all ops in a SavedModel's graphs and functions."""
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((Path(folder) / "saved_model.pb").read_bytes())
    found: set[str] = set()
    for graph in saved.meta_graphs:
        functions = graph.graph_def.library.function
        nodes = [*graph.graph_def.node, *(node for each in functions for node in each.node_def)]
        found |= {node.op for node in nodes} - {each.signature.name for each in functions}
    return found


def unknown_ops(folder: str | Path) -> set[str]:
    """The ops of a SavedModel that are not known to be in a stock server."""
    return ops_of(folder) - KNOWN
