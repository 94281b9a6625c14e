"""etcd, the API server, the controllers and the scheduler."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from .asking import Asker
from .processes import Programs, free_port, program

#: What a user may be called in a kubeconfig's context, and the groups it is in.
USERS = {"admin": "system:masters", "deployer": "", "observer": ""}


class ControlPlane:
    """A cluster without nodes.

    :param tokens: what each of `USERS` says to be let in.
    """

    def __init__(self, directory: Path, tokens: dict[str, str]) -> None:
        self._directory = directory
        self.tokens = tokens
        self.programs = Programs(directory)
        self.address = f"https://127.0.0.1:{free_port()}"
        self.asker = Asker(self.address, self.authority)

    @property
    def authority(self) -> Path:
        """The certificate that its own ends with."""
        return self._directory / "certificates" / "apiserver.crt"

    def start(self) -> None:
        etcd = self._start_etcd()
        key = self._directory / "accounts.key"
        subprocess.run([program("openssl"), "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
        users = self._directory / "users.csv"
        users.write_text("".join(f'{self.tokens[name]},{name},{name},"{groups}"\n' for name, groups in USERS.items()))
        self.programs.start(
            "kube-apiserver",
            f"--etcd-servers={etcd}",
            f"--secure-port={self.address.rpartition(':')[2]}",
            "--bind-address=127.0.0.1",
            f"--cert-dir={self._directory / 'certificates'}",
            "--service-cluster-ip-range=10.254.0.0/24",
            f"--token-auth-file={users}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://cluster.example",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--disable-admission-plugins=ServiceAccount",
            "--kubelet-preferred-address-types=InternalIP",
        )
        self.programs.wait("the API server", self._is_ready)
        admin = self.kubeconfig("admin")
        for name in ("kube-controller-manager", "kube-scheduler"):
            own = [f"--service-account-private-key-file={key}"] if "controller" in name else []
            self.programs.start(
                name, f"--kubeconfig={admin}", "--leader-elect=false", f"--secure-port={free_port()}", *own
            )

    def kubeconfig(self, user: str) -> Path:
        """A kubeconfig of a user, in a file."""
        path = self._directory / f"{user}.kubeconfig"
        cluster = {"server": self.address, "certificate-authority": str(self.authority)}
        path.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": user,
                    "clusters": [{"name": "cluster", "cluster": cluster}],
                    "users": [{"name": user, "user": {"token": self.tokens[user]}}],
                    "contexts": [{"name": user, "context": {"cluster": "cluster", "user": user}}],
                }
            )
        )
        return path

    def _start_etcd(self) -> str:
        clients, peers = f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
        self.programs.start(
            "etcd",
            f"--data-dir={self._directory / 'etcd'}",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
        )
        return clients

    def _is_ready(self) -> bool:
        try:
            return self.asker.ask(self.tokens["admin"], "GET", "/readyz").status == 200
        except OSError:
            return False
