"""Ways to get a secret out."""
