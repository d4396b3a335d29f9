"""The files of a preset's folder that say what its tokenizer is."""

# Options first, as they are read; then the vocabulary, the first that is there.
OPTION_FILES = ("tokenizer_config.json", "tokenizer.json")
VOCABULARY_FILES = ("vocab.txt", "assets/tokenizer/vocabulary.txt", "vocabulary.txt")
PRESET_FILES = (*OPTION_FILES, *VOCABULARY_FILES)
BYTE_BPE_FILES = ("vocab.json", "merges.txt")
SENTENCEPIECE_FILES = (
    "sentencepiece.bpe.model", "spiece.model", "source.spm", "target.spm", "vocab.json",
    *OPTION_FILES,
)  # fmt: skip
