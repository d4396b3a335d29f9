"""Small random checkpoints as transformers writes them, one line an architecture.

`tools/published_differences` measures all of them; a new architecture that the package reads is
measured when it has a line here.
"""

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hostile_lines import TEXT

HEADS = ("ForMaskedLM", "ForSequenceClassification", "ForTokenClassification")
_ENCODER = {
    "vocab_size": 61, "hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4,
    "intermediate_size": 40, "max_position_embeddings": 30, "layer_norm_eps": 1e-5,
    "num_labels": 3, "pad_token_id": 0,
}  # fmt: skip
_MARIAN = {
    "vocab_size": 61, "d_model": 24, "encoder_layers": 3, "decoder_layers": 2,
    "encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 40,
    "decoder_ffn_dim": 40, "max_position_embeddings": 30, "activation_function": "swish",
    "scale_embedding": True, "pad_token_id": 60, "decoder_start_token_id": 60, "eos_token_id": 0,
}  # fmt: skip
_BART = _MARIAN | {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
                   "decoder_start_token_id": 2, "activation_function": "gelu"}  # fmt: skip
_T5 = {
    "vocab_size": 61, "d_model": 24, "d_kv": 6, "d_ff": 40, "num_layers": 3,
    "num_decoder_layers": 2, "num_heads": 4, "pad_token_id": 0, "eos_token_id": 1,
    "decoder_start_token_id": 0, "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 20,
}  # fmt: skip
_GPT2 = {"vocab_size": 61, "n_embd": 24, "n_layer": 3, "n_head": 4, "n_inner": 40,
         "n_positions": 30, "bos_token_id": 0, "eos_token_id": 0}  # fmt: skip

_LLAMA = {
    "vocab_size": 61, "hidden_size": 24, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "intermediate_size": 40, "max_position_embeddings": 64,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "rms_norm_eps": 1e-5,
    "initializer_range": 0.2,
}  # fmt: skip
_GEMMA = _LLAMA | {"head_dim": 10}
_CAPPED = _GEMMA | {"attn_logit_softcapping": 3.0, "final_logit_softcapping": 2.0,
                    "sliding_window": 6, "query_pre_attn_scalar": 7}  # fmt: skip

_NEXT = ("ForCausalLM",)

# What a tokenizer's maker gives: theirs; the side of ours; a line that is left out, and why.
Cut = tuple[Any, str | None, Callable[[str], bool], str]


class Architecture(NamedTuple):
    """A kind of checkpoint.

    Attributes:
        model_type: What `config.json` calls it.
        title: What the table calls it.
        name: How the names of its classes in transformers begin.
        config: Its sizes.
        heads: How the names of its classes end.
        tokenizer: Writes its tokenizer into a folder; None: that of an architecture above.
    """

    model_type: str
    title: str
    name: str
    config: Mapping[str, Any]
    heads: tuple[str, ...] = HEADS
    tokenizer: Callable[[Any, Path], list[Cut]] | None = None


def _all(line: str) -> bool:
    return False


def _words(transformers: Any, folder: Path) -> list[Cut]:
    """A WordPiece of letters. Of control and other odd characters `WordPiece` says what it takes
    them for."""
    odd = {*"\ue000\u200b\u200d\ufeff\u0007\u007f\u200e\u202eßẞİ"}
    letters = sorted({one for line in TEXT for one in line if one.strip()})
    letters = [one for one in sorted({*letters, *map(str.lower, letters)}) if len(one) == 1]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
    pieces += [f"##{one}" for one in letters]
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    reference = transformers.BertTokenizer.from_pretrained(folder)
    reference.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    return [(reference, None, lambda line: bool(odd & {*line}), "control characters, ß, İ")]


def _bytes(special: list[str], kind: str) -> Callable[[Any, Path], list[Cut]]:
    def write(transformers: Any, folder: Path) -> list[Cut]:
        import tokenizers

        learnt = tokenizers.ByteLevelBPETokenizer()
        learnt.train_from_iterator(TEXT * 3, 450, special_tokens=special, show_progress=False)
        learnt.save_model(str(folder))
        return [(getattr(transformers, kind).from_pretrained(folder), None, _all, "")]

    return write


def _sentence_pieces(lines: list[str], **more: Any) -> bytes:
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=written, vocab_size=400, minloglevel=2,
        hard_vocab_limit=False, character_coverage=0.98, **more,
    )  # fmt: skip
    return written.getvalue()


def _xlm_r(transformers: Any, folder: Path) -> list[Cut]:
    (folder / "sentencepiece.bpe.model").write_bytes(_sentence_pieces(TEXT * 3))
    reference = transformers.XLMRobertaTokenizer.from_pretrained(folder)
    return [(reference, None, lambda line: "\u200d" in line, "zero-width joiners")]


def _albert(transformers: Any, folder: Path) -> list[Cut]:
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2 as protocol

    model = _sentence_pieces(
        [line.lower() for line in TEXT] * 3, pad_id=0, unk_id=1, bos_id=-1, eos_id=-1,
        pad_piece="<pad>", control_symbols=["[CLS]", "[SEP]", "[MASK]"],
    )  # fmt: skip
    (folder / "spiece.model").write_bytes(model)
    known = sentencepiece.SentencePieceProcessor(model_proto=model)
    reference = transformers.AlbertTokenizer(
        vocab=[(known.id_to_piece(n), known.get_score(n)) for n in range(len(known))],
        _spm_precompiled_charsmap=protocol.ModelProto.FromString(
            model
        ).normalizer_spec.precompiled_charsmap,
    )
    return [(reference, None, lambda line: any("가" <= one <= "힣" for one in line), "Hangul")]


def _marian(transformers: Any, folder: Path) -> list[Cut]:
    import sentencepiece

    places = {"</s>": 0, "<unk>": 1}
    for name, lines in (("source", TEXT[:7]), ("target", TEXT[4:])):
        model = _sentence_pieces(lines * 3)
        (folder / f"{name}.spm").write_bytes(model)
        known = sentencepiece.SentencePieceProcessor(model_proto=model)
        for number in range(3, len(known) - 20):  # the last ones are in no vocabulary
            places.setdefault(known.id_to_piece(number), len(places))
    places["<pad>"] = len(places)
    (folder / "vocab.json").write_text(json.dumps(places))
    (folder / "tokenizer_config.json").write_text('{"source_lang": "de", "target_lang": "en"}')
    both = transformers.MarianTokenizer.from_pretrained(folder)

    def target(text: str, **more: Any) -> Any:
        return both(text_target=text, **more)

    return [(both, "source", _all, ""), (target, "target", _all, "")]


_ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]

ARCHITECTURES = (
    Architecture("bert", "BERT", "Bert", _ENCODER | {"type_vocab_size": 2}, HEADS, _words),
    Architecture("roberta", "RoBERTa", "Roberta",
                 _ENCODER | {"type_vocab_size": 1, "pad_token_id": 1}, HEADS,
                 _bytes(_ROBERTA, "RobertaTokenizer")),
    Architecture("xlm-roberta", "XLM-R", "XLMRoberta",
                 _ENCODER | {"type_vocab_size": 1, "pad_token_id": 1}, HEADS, _xlm_r),
    Architecture("distilbert", "DistilBERT", "DistilBert",
                 _ENCODER | {"dim": 24, "n_layers": 3, "n_heads": 4, "hidden_dim": 40}),
    Architecture("electra", "ELECTRA", "Electra",
                 _ENCODER | {"embedding_size": 16, "type_vocab_size": 2}),
    Architecture("albert", "ALBERT", "Albert",
                 _ENCODER | {"embedding_size": 16, "type_vocab_size": 2, "num_hidden_groups": 2,
                             "num_hidden_layers": 4}, HEADS, _albert),
    Architecture("gpt2", "GPT-2", "GPT2", _GPT2, ("LMHeadModel",),
                 _bytes(["<|endoftext|>"], "GPT2Tokenizer")),
    Architecture("marian", "Marian", "Marian", _MARIAN, ("MTModel",), _marian),
    Architecture("bart", "BART", "Bart", _BART, ("ForConditionalGeneration",),
                 _bytes(_ROBERTA, "BartTokenizer")),
    # Tokenizers of those that follow are not compared here.
    Architecture("llama", "Llama", "Llama", _LLAMA, _NEXT),
    Architecture("mistral", "Mistral", "Mistral", _GEMMA | {"sliding_window": 6}, _NEXT),
    Architecture("qwen2", "Qwen 2", "Qwen2", _LLAMA, _NEXT),
    Architecture("qwen3", "Qwen 3", "Qwen3", _GEMMA | {"attention_bias": True}, _NEXT),
    Architecture("smollm3", "SmolLM3", "SmolLM3", _LLAMA, _NEXT),
    Architecture("gemma", "Gemma", "Gemma", _GEMMA, _NEXT),
    Architecture("gemma2", "Gemma 2", "Gemma2", _CAPPED, _NEXT),
    Architecture("gemma3_text", "Gemma 3", "Gemma3Text",
                 _GEMMA | {"sliding_window": 6, "query_pre_attn_scalar": 10}, _NEXT),
    Architecture("mbart", "mBART", "MBart", _BART, ("ForConditionalGeneration",)),
    Architecture("t5", "T5", "T5", _T5 | {"feed_forward_proj": "relu"},
                 ("ForConditionalGeneration",)),
    Architecture("mt5", "mT5", "MT5", _T5 | {"feed_forward_proj": "gated-gelu"},
                 ("ForConditionalGeneration",)),
)  # fmt: skip
