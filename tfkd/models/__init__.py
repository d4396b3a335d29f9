"""Keras models, their builder, and their weights on disk; imported when first asked for."""

from tfkd.lazy import lazy

_PLACES = {
    "AbNet": "ab_net",
    "AdapterSets": "adapter_sets",
    "Bert": "bert",
    "BertFused": "bert_fused",
    "EncoderDecoder": "encoder_decoder",
    "Gpt2": "gpt2",
    "LanguageModel": "language_model",
    "Llama": "llama",
    "MeanOf": "mean_of",
    "Rnn": "rnn",
    "T5": "t5",
    "Transformer": "transformer",
    "TransformerDecoder": "transformer_decoder",
    "VocabularyHead": "heads",
    "build_model": "builder",
    "freeze": "freezing",
    "from_backbone": "backbone",
    "load_published": "published.loading",
    "load_published_gpt2": "published.loading",
    "load_weights": "weights",
    "rows_of_pieces": "pieces",
    "save_published": "published.saving",
    "save_published_llama": "published.saving_rotary",
    "save_published_gpt2": "published.saving",
    "save_published_marian": "published.saving_marian",
    "save_weights": "weights",
    "saved_names": "safetensors_files",
    "start_head_from_embeddings": "heads",
    "to_backbone": "backbone",
    "variables_by_path": "weights",
}
__getattr__, __dir__, __all__ = lazy(__name__, _PLACES)
