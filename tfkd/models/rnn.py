"""An encoder-decoder of LSTMs with attention, with cached decoding."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.embedding import Embedding
from tfkd.layers.initializers import derive_seed
from tfkd.layers.recurrent.attentive_scan import Fed, Memory
from tfkd.layers.recurrent.lstm_decoder import LstmDecoder
from tfkd.layers.recurrent.lstm_encoder import Last, LstmEncoder
from tfkd.models.encoder_decoder import EncoderDecoder, Memories, Side
from tfkd.models.from_options import BuiltFromOptions
from tfkd.models.heads import Columns, VocabularyHead
from tfkd.models.language_model import States
from tfkd.models.transformer import check_sharing, transformer_arguments


@keras.saving.register_keras_serializable(package="tfkd")
class Rnn(BuiltFromOptions, EncoderDecoder):
    """The LSTM encoder-decoder with Luong's attention and input feeding, as OpenNMT has it.

    Reads and returns what `EncoderDecoder` does, but for the states of the decoder's layers: of it
    there are "decoder.embedding", "decoder.hidden" and "hidden", the attentional vectors. It has no
    positions, and does not read those of a record.

    The encoder's layers read from both ends, each direction half as wide; the decoder's layer l
    starts from what the encoder's layer l holds at the end. Dropout is between layers and on
    attentional vectors. Embeddings start N(0, 1 / width), kernels xavier uniform.

    P1 says of its RNN that it is OpenNMT's, and neither its sizes nor its directions: OpenNMT's
    defaults are 2 layers of width 500, dropout 0.3, and an encoder from left to right
    (`bidirectional=False`); the published En-Vi system that P1 is compared with reads both ways
    (Luong et al. 2017), and so does this one unless it is told otherwise.

    Args:
        vocabulary_size: Number of target ids.
        layers: Layers of the encoder, and of the decoder.
        width: Size of embeddings and hidden vectors.
        source_vocabulary_size: Number of source ids; None: the target's.
        bidirectional: Whether the encoder reads from both ends.
        dropout: Rate between layers and on attentional vectors.
        max_length: The most tokens of a source that is decoded, and of an output.
        share_embeddings: "all": one table for source, target and output; "target": one for target
            and output; "none": three.
        output_bias: Whether the output has a bias.
        seed: Seed of all weights: the same seed gives the same weights; None draws by chance.

    Reference: Luong et al. 2015, Effective Approaches to Attention-based Neural Machine
    Translation; Klein et al. 2018, OpenNMT; P1, section 4.2 and Table 2.
    """

    causal = True
    lengths = None

    def __init__(
        self,
        vocabulary_size: int,
        *,
        layers: int,
        width: int,
        source_vocabulary_size: int | None = None,
        bidirectional: bool = True,
        dropout: float = 0.3,
        max_length: int = 512,
        share_embeddings: str = "all",
        output_bias: bool = True,
        seed: int | None = 1,
        name: str = "rnn",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        source_size = source_vocabulary_size or vocabulary_size
        check_sharing(share_embeddings, source_size, vocabulary_size)
        self._options = {
            "vocabulary_size": vocabulary_size,
            "source_vocabulary_size": source_vocabulary_size,
            "layers": layers,
            "width": width,
            "bidirectional": bidirectional,
            "dropout": dropout,
            "max_length": max_length,
            "share_embeddings": share_embeddings,
            "output_bias": output_bias,
            "seed": seed,
        }
        self.vocabulary_size = vocabulary_size
        self.source_vocabulary_size = source_size
        self.width = width
        self.max_length = max_length
        table = keras.initializers.RandomNormal(stddev=width**-0.5)

        def shared(name: str) -> dict[str, Any]:
            return {
                "seed": derive_seed(seed, name),
                "dtype": self.dtype_policy,
                "name": name,
            }

        def embedding(size: int, name: str) -> Embedding:
            return Embedding(size, width, initializer=table, **shared(name))

        if share_embeddings == "all":
            self.source_embedding = self.target_embedding = embedding(vocabulary_size, "embedding")
        else:
            self.source_embedding = embedding(source_size, "source_embedding")
            self.target_embedding = embedding(vocabulary_size, "target_embedding")
        self.encoder = LstmEncoder(
            layers, width, bidirectional=bidirectional, dropout=dropout, **shared("encoder")
        )
        self.decoder = LstmDecoder(layers, width, dropout=dropout, **shared("decoder"))
        target = self.target_embedding
        output = VocabularyHead(
            vocabulary_size,
            width,
            tied_matrix=None if share_embeddings == "none" else (lambda: target.table),
            use_bias=output_bias,
            matrix_initializer=table,
            **shared("head"),
        )
        self.heads = {"output": output}
        self.finish()

    @staticmethod
    def given(
        options: Any, tokenizers: Mapping[str, Any], policy: str, seed: int | None
    ) -> dict[str, Any]:
        """See `BuiltFromOptions`."""
        return transformer_arguments(options, tokenizers)

    def build(self, input_shape: Any = None) -> None:
        for embedding in {
            id(e): e for e in (self.source_embedding, self.target_embedding)
        }.values():
            embedding.build((None, None))
        for side in (self.encoder, self.decoder):
            side.build((None, None, self.width))
        self.head.build((None, None, self.width))

    def embed(self, side: str, record: Side, training: bool = False) -> tf.Tensor:
        """The rows of a side's tokens: `[batch, length, width]`."""
        del training  # nothing of them is dropped
        tokens = self.source_embedding if side == "encoder" else self.target_embedding
        return tokens(record["ids"])

    def call(
        self,
        record: Mapping[str, Side],
        memories: Memories | None = None,
        training: bool = False,
    ) -> States:
        """Returns the states of a pair record; see `EncoderDecoder.call`."""
        del memories  # it has no adapters to read them
        encoded, last = self._encode(record["source"], training)
        states = {f"encoder.{name}": state for name, state in encoded.items()}
        if "target" not in record:
            return states
        memory = self.decoder.attended(encoded["hidden"], _seen(record["source"]))
        embedded = self.embed("decoder", record["target"])
        start = self.decoder.first(last)
        hidden = self.decoder(embedded, start, memory, training=training)
        return {**states, "decoder.embedding": embedded, "decoder.hidden": hidden, "hidden": hidden}

    def encode(
        self, source: Side, memories: Memories | None = None, training: bool = False
    ) -> States:
        """Runs the encoder alone: "embedding", "layer_1", ..., "hidden" at the source's tokens."""
        del memories
        return self._encode(source, training)[0]

    def _encode(self, source: Side, training: bool = False) -> tuple[States, list[Last]]:
        ids, valid = source["ids"], source.get("valid")
        if valid is None:
            lengths = tf.fill([tf.shape(ids)[0]], tf.shape(ids)[1])
        else:
            lengths = tf.reduce_sum(tf.cast(valid, tf.int32), 1)
        embedded = self.embed("encoder", source)
        states, last = self.encoder(embedded, lengths, training=training)
        return {"embedding": embedded, **states}, last

    def start(self, source: Side, memories: Memories | None = None) -> dict[str, Any]:
        """Encodes the sources and returns the state that decoding starts from.

        Every tensor of it has the batch first, so beams may gather its rows; none of them grows.
        """
        del memories
        encoded, last = self._encode(source)
        memory = self.decoder.attended(encoded["hidden"], _seen(source))
        return {"fed": self.decoder.first(last)._asdict(), "memory": memory._asdict()}

    def step(
        self,
        ids: tf.Tensor,
        state: dict[str, Any],
        index: int | tf.Tensor,
        max_length: int | None = None,
        columns: Columns | None = None,
    ) -> tuple[tf.Tensor, dict[str, Any]]:
        """Feeds one token a row and returns the logits of the next; see `EncoderDecoder.step`."""
        del index, max_length  # a step is like any other
        token = self.embed("decoder", {"ids": ids})
        fed = self.decoder.step(token, Fed(**state["fed"]), Memory(**state["memory"]))
        logits = self.head.logits(fed.feed, columns)
        return logits, {"fed": fed._asdict(), "memory": state["memory"]}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._options}


def _seen(source: Side) -> tf.Tensor | None:
    """The encoder's states that the decoder may attend to; None: all."""
    return source.get("memory_valid", source.get("valid"))
