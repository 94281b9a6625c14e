"""Reading repositories by git itself: a library for the plugins whose sources are repositories. It knows core.api alone."""
