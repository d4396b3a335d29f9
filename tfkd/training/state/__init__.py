"""What of a training is kept: checkpoints, history, the best or mean weights."""
