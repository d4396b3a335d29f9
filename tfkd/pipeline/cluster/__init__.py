"""Stages' shards, and trainings, on other machines: what is asked of them, and how."""
