"""How a cluster is reached, and what is said where it is not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from deployer_kubernetes.deployer import KubernetesDeployer
from deployer_kubernetes.options import KubernetesOptions
from pydantic import ValidationError

from core.api import DeployRequest, OperationError, ServicePlace, Stalled
from core.testing.contexts import attempt_context

from .world import release

Secrets = Callable[[str, str], None]


def kubeconfig(server: str) -> str:
    return yaml.safe_dump(
        {
            "current-context": "here",
            "clusters": [{"name": "cluster", "cluster": {"server": server}}],
            "users": [{"name": "user", "user": {"token": "secret-token"}}],
            "contexts": [{"name": "here", "context": {"cluster": "cluster", "user": "user"}}],
        }
    )


async def said(secrets: Secrets, given: str | None, host: str = "") -> OperationError:
    """What is said when a Deployment is observed with a kubeconfig."""
    if given is not None:
        secrets("kubeconfig", given)
    place = ServicePlace(name="shop", host=host, options=KubernetesOptions())
    with pytest.raises(OperationError) as failure:
        await KubernetesDeployer().observe(place, Path())
    return failure.value


async def test_without_a_kubeconfig_it_says_where_one_is_looked_for(secrets: Secrets) -> None:
    error = await said(secrets, None)
    assert isinstance(error, Stalled)
    assert "put a kubeconfig into DEPLOYER_SECRET_KUBECONFIG or the file" in str(error)


@pytest.mark.parametrize("given", ["{", "tab:\tx: y", "a word", "[]", "clusters: []", "contexts: 3"])
async def test_what_is_no_kubeconfig_is_said_without_showing_it(given: str, secrets: Secrets) -> None:
    error = await said(secrets, given)
    assert isinstance(error, Stalled)
    assert str(error).startswith("the kubeconfig in DEPLOYER_SECRET_KUBECONFIG")
    assert given not in str(error) or given in ("{", "[]")


async def test_a_context_that_is_not_there_is_named_with_those_that_are(secrets: Secrets) -> None:
    error = await said(secrets, kubeconfig("http://127.0.0.1:1"), host="elsewhere")
    assert "has no context 'elsewhere', the host of shop; it has here" in str(error)


async def test_a_cluster_that_does_not_answer_is_asked_again_later(secrets: Secrets) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        error = await said(secrets, kubeconfig(address))
    assert not isinstance(error, Stalled)
    assert f"the cluster at {address} cannot be reached" in str(error)
    assert "secret-token" not in str(error)


async def test_a_move_to_a_cluster_that_does_not_answer_ends_at_once(secrets: Secrets, tmp_path: Path) -> None:
    secrets("kubeconfig", kubeconfig("http://127.0.0.1:1"))
    request = DeployRequest(service=ServicePlace(name="shop", options=KubernetesOptions()), release=release("shop"))
    with pytest.raises(OperationError, match="cannot be reached"):
        await KubernetesDeployer().deploy(request, attempt_context(tmp_path))


async def test_what_is_no_answer_of_kubernetes_is_said(secrets: Secrets, page: str) -> None:
    error = await said(secrets, kubeconfig(page))
    assert "gave an answer that is none of Kubernetes" in str(error)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("namespace", ""),
        ("namespace", "../kube-system"),
        ("deployment", "a/b"),
        ("container", "Web"),
        ("kubeconfig", "../x"),
        ("timeout", 0),
        ("unheard_of", 1),
    ],
)
def test_a_wrong_option_is_refused_by_name(option: str, value: object) -> None:
    with pytest.raises(ValidationError) as failure:
        KubernetesOptions.model_validate({option: value})
    assert [each["loc"] for each in failure.value.errors()] == [(option,)]


@pytest.fixture
def page() -> Iterator[str]:
    """The address of a server that is no cluster, and answers everything with a page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<html>Please sign in</html>")

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
