"""What a run does with each row, and what that costs."""
