"""The ops that a stock TensorFlow Serving has, as far as graphs of text models need them.

The stock server links TensorFlow's own CPU kernels and tensorflow_text's ops. Whatever runs Python
(PyFunc), compiles (Xla...), needs a GPU, or reads files of its own is not among these, and neither
is anything that no text model has asked for yet: an op is added here after a look at it. Exports
are held against this list when they are written, and SavedModels before they are loaded.
"""

_CALLS = """
Case If PartitionedCall StatefulPartitionedCall StatelessCase StatelessIf StatelessWhile While
"""
_CONTROL = """
Assert Const DeepCopy DisableCopyOnRead EnsureShape Enter Exit Identity IdentityN LoopCond Merge
NextIteration NoOp Placeholder PlaceholderWithDefault PreventGradient Print PrintV2 StopGradient
Switch
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
        (_CALLS, _CONTROL, _VARIABLES, _MATHEMATICS, _ARRAYS, _RANDOM, _STRINGS, _TENSORFLOW_TEXT)
    ).split()
)

# Of these, what tensorflow_text's libraries have.
OF_TENSORFLOW_TEXT = frozenset(_TENSORFLOW_TEXT.split())
# Of these, what calls functions that its attributes name.
CALLS = frozenset(_CALLS.split())
# What reads and writes files: how a SavedModel's saver restores and stores variables.
OF_FILES = frozenset({"MergeV2Checkpoints", "RestoreV2", "SaveV2"})
# Where PrintV2 may print to; anything else is a file that it appends to.
STREAMS = frozenset({"stdout", "stderr", "log(info)", "log(warning)", "log(error)"})
