"""What is kept on this machine, and where."""
