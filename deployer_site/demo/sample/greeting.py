"""What the service says."""


def greet(name: str) -> str:
    return f"Hello, {name}!"
