"""Optimizers, schedules, the scaling of losses, and how gradients combine."""
