"""Templates: compose files in which `${IMAGE}` stands for the release. Pure: checked and filled in as trees of YAML.

Nothing is replaced in the text, so nothing that is put in can become something else than a value. Scalars keep their way
of writing: what compose makes of `on` or `1e3` stays compose's business, as does every other `$`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

#: The value of a service's `image` that stands for the release.
IMAGE = "${IMAGE}"
_MARKS = (IMAGE, "$IMAGE")
_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PORTS = r"[0-9]{1,5}(?:-[0-9]{1,5})?"
#: The short syntax of a port (compose-spec, `ports`): `[[address:]published:]target[/protocol]`.
_PORT = re.compile(rf"(?:(?:[0-9.]+|\[[0-9a-fA-F:]+\]):)?(?:(?:{_PORTS})?:)?{_PORTS}(?:/[a-z]+)?")


class TemplateError(ValueError):
    """What is wrong with a template, with its line."""

    def __init__(self, node: Node | None, text: str) -> None:
        super().__init__(f"line {node.start_mark.line + 1}: {text}" if node else text)


def check(text: str) -> None:
    """Say what is wrong with a template.

    :raises TemplateError: the first fault.
    """
    for name, service in _services(_read(text)):
        _check_service(name, service)
    if not main_services(text):
        raise TemplateError(None, f"no service has `image: {IMAGE}`, so nothing would be deployed")


def main_services(text: str) -> tuple[str, ...]:
    """The services that run the release.

    :raises TemplateError: the file cannot be read.
    """
    return tuple(name.value for name, service in _services(_read(text)) if _is_mark(_find(service, "image")))


def services(text: str) -> tuple[str, ...]:
    """All services of a file.

    :raises TemplateError: the file cannot be read.
    """
    return tuple(name.value for name, _ in _services(_read(text)))


def fill(text: str, reference: str) -> str:
    """The compose file for a release.

    :param reference: `name@sha256:…`.
    :raises TemplateError: the template cannot be read.
    """
    top = _read(text)
    for node in [_find(service, "image") for _, service in _services(top)]:
        if isinstance(node, ScalarNode) and _is_mark(node):
            node.value, node.style = reference, '"'
    return yaml.serialize(top, Dumper=yaml.SafeDumper, allow_unicode=True)


def _read(text: str) -> MappingNode:
    try:
        top = yaml.compose(text, Loader=yaml.SafeLoader)
        # The tree is checked for what only making values of it finds: unknown tags, keys that are no keys.
        yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise TemplateError(None, f"{line}this is no YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise TemplateError(None, f"this is no YAML: {error}") from None
    if not isinstance(top, MappingNode):
        raise TemplateError(None, "this is no compose file: it has no `services:`")
    return top


def _services(top: MappingNode) -> Iterator[tuple[ScalarNode, MappingNode]]:
    services = _find(top, "services")
    if not isinstance(services, MappingNode) or not services.value:
        raise TemplateError(services or top, "there is no service under `services:`")
    for name, service in services.value:
        if not isinstance(name, ScalarNode) or not _SERVICE.fullmatch(name.value):
            raise TemplateError(name, "a service's name has letters, digits, `.`, `_` and `-`")
        if not isinstance(service, MappingNode):
            raise TemplateError(service, f"service {name.value}: there is nothing in it")
        yield name, service


def _find(mapping: MappingNode, key: str, within: tuple[Node, ...] = ()) -> Node | None:
    """The value of a key, also where it is merged in by `<<`.

    :param within: what is being looked into: a mapping may be merged into itself.
    """
    merged: Node | None = None
    for name, value in mapping.value:
        if isinstance(name, ScalarNode) and name.value == key:
            found: Node = value
            return found
        if name.tag == "tag:yaml.org,2002:merge":
            sources = value.value if isinstance(value, SequenceNode) else [value]
            others = [each for each in sources if isinstance(each, MappingNode) and each not in within]
            values = (_find(each, key, (*within, mapping)) for each in others)
            merged = merged or next(filter(None, values), None)
    return merged


def _is_mark(node: Node | None) -> bool:
    return isinstance(node, ScalarNode) and node.value in _MARKS


def _check_service(name: ScalarNode, service: MappingNode) -> None:
    where = f"service {name.value}"
    if build := _find(service, "build"):
        raise TemplateError(build, f"{where} has `build:`, but the deployer builds: say `image:` instead")
    image = _find(service, "image")
    if isinstance(image, ScalarNode) and not _is_mark(image) and re.search(r"\$\{?IMAGE\b", image.value):
        raise TemplateError(image, f"{where}: `{IMAGE}` is the whole image, name and digest: nothing stands beside it")
    for port in _items(service, "ports"):
        _check_port(where, port)
    for volume in _items(service, "volumes"):
        _check_volume(where, volume)


def _items(service: MappingNode, key: str) -> list[Node]:
    items = _find(service, key)
    if items is not None and not isinstance(items, SequenceNode):
        raise TemplateError(items, f"`{key}:` is a list")
    return items.value if isinstance(items, SequenceNode) else []


def _check_port(where: str, port: Node) -> None:
    text = _find(port, "target") if isinstance(port, MappingNode) else port
    if not isinstance(text, ScalarNode):
        raise TemplateError(port, f"{where}: a port has a number in the container, its `target`")
    if "$" in text.value:
        return
    if text.tag != "tag:yaml.org,2002:str" and ":" in text.value:
        raise TemplateError(text, f"{where}: put the port {text.value} in quotes: YAML may read it as one number")
    numbers = [int(number) for number in re.findall(r"[0-9]+", text.value.rpartition(":")[2])]
    if not _PORT.fullmatch(text.value) or not all(1 <= number <= 65535 for number in numbers):
        raise TemplateError(text, f"{where}: {text.value!r} is no port: `80`, `8080:80` or `127.0.0.1:8080:80`")


def _check_volume(where: str, volume: Node) -> None:
    source = _find(volume, "source") if isinstance(volume, MappingNode) else volume
    if isinstance(source, ScalarNode) and source.value.startswith((".", "~")):
        raise TemplateError(
            source,
            f"{where}: {source.value!r} is beside the compose file, and no directory of a host is: give its full path",
        )
