"""Published checkpoints: folders with `config.json`, safetensors and a tokenizer's files.

`architectures` says which file of this folder reads which `model_type`. Such a file has one class,
a `PublishedModel`: which family the checkpoint becomes and with which options, how its tensors are
called, which heads it has and what reads its tokenizer. It imports no TensorFlow; `loading` does,
which builds the model and gives it the weights. Nothing of a folder is ever executed.
"""
