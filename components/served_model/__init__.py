"""What a destination serves now: the model that a new candidate would replace."""
