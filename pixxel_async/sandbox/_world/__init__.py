"""The simulated Earth: scenes, and the images and pictures of them."""
