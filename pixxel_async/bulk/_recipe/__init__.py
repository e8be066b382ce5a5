"""Recipes: the stages of each row, and their cost."""
