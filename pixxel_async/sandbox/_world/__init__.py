"""The simulated Earth: scenes, and their images and pictures."""
