"""Models to JSON and back."""
