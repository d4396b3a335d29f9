"""What commands do beside the pipeline: compare, generate, bench, doctor; and Python's `build`."""
