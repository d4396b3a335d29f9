"""Options of models: a module a family, and what families share."""
