"""What a SavedModel computes: from strings or ids to answers, traced in float32."""
