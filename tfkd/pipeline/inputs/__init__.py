"""What stages read: models, weights, text, settings that other stages have made."""
