"""Print what is attested of a release, or of a deployment of it."""

from __future__ import annotations

import re
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core.errors import RefusedError
from core.management import database
from core.management.base import DeployerCommand
from core.models import Deployment, Release
from core.queries import provenance
from core.queries.provenance import Form


class Command(DeployerCommand):
    help = (
        "Print how a release was made, as an in-toto statement with SLSA's provenance; or, with --deployment, the record of "
        "a deployment of it. The same release gives the same bytes. With --form it is signed, by the key that "
        "DEPLOYER_PROVENANCE_KEY names."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("release", metavar="RELEASE", help="number of a release, or its digest (sha256:…)")
        parser.add_argument("--deployment", type=int, metavar="N", help="number of a deployment of it")
        parser.add_argument(
            "--form",
            choices=[form.value for form in Form],
            default=Form.STATEMENT.value,
            help="statement: as it is (default); envelope: signed (DSSE); bundle: signed, as newer tools of Sigstore want it",
        )

    def handle(self, *_: Any, release: str, deployment: int | None, form: str, **options: Any) -> None:
        with database.needed():
            try:
                row = _release(release)
                told = _record(row, deployment, Form(form)) if deployment else provenance.of_release(row.pk, Form(form))
            except RefusedError as error:
                raise CommandError(str(error)) from None
        self.stdout.write(told.decode(), ending="")


def _release(name: str) -> Release:
    if re.fullmatch(r"[0-9]{1,15}", name):
        row = Release.objects.filter(pk=int(name)).first()
    else:
        row = Release.objects.filter(digest=name).exclude(digest="").order_by("-pk").first()
    if row is None:
        raise CommandError(f"there is no release {name}: give its number, or its digest as its page shows it")
    return row


def _record(release: Release, key: int, form: Form) -> bytes:
    if not Deployment.objects.filter(pk=key, release=release).exists():
        known = ", ".join(str(each.pk) for each in release.deployments.all()[:10]) or "it has none"
        raise CommandError(f"release {release.pk} has no deployment {key}; its deployments: {known}")
    return provenance.of_deployment(key, form)
