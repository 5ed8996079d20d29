"""The terminal user interface: the only place that knows Textual and Rich."""
