"""Exported SavedModels, read and called: through the C API, without the Python of TensorFlow."""
