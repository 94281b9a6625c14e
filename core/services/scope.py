"""What one set of processes looks after: everything, one flavour, or one repository of it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q


@dataclass(frozen=True, slots=True)
class Scope:
    """Names, as the command line gives them; empty for everything."""

    flavour: str = ""
    repository: str = ""

    def repositories(self) -> Q:
        """Restrict a query of repositories."""
        return self._q("flavour__name", "name")

    def jobs(self) -> Q:
        """Restrict a query of jobs. Inputs belong to every repository of their flavour."""
        if not self.repository:
            return Q(flavour__name=self.flavour) if self.flavour else Q()
        return self._q("flavour__name", "repository__name") | Q(repository=None, flavour__name=self.flavour)

    def inputs(self) -> Q:
        """Restrict a query of inputs."""
        return Q(flavour__name=self.flavour) if self.flavour else Q()

    def services(self) -> Q:
        """Restrict a query of services."""
        repository = "target__recipe__repository"
        return self._q(f"{repository}__flavour__name", f"{repository}__name")

    def releases(self, path: str = "") -> Q:
        """Restrict a query of releases, or of what leads to one by `path`."""
        repository = f"{path}target__recipe__repository"
        return self._q(f"{repository}__flavour__name", f"{repository}__name")

    def _q(self, flavour: str, repository: str) -> Q:
        restriction = Q(**{flavour: self.flavour}) if self.flavour else Q()
        return restriction & Q(**{repository: self.repository}) if self.repository else restriction
