"""The screens. None of them imports another or the app."""
