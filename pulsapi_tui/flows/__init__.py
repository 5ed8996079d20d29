"""What happens, without a screen: straight-line coroutines with their ports injected."""
