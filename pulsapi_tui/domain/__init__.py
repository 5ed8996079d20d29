"""What things are: values and rules, without I/O, a clock or global state."""
