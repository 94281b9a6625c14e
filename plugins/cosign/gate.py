"""The gate: an image that nobody signed by a declared key does not run."""

from __future__ import annotations

import asyncio
from typing import cast

from containers.names import ImageName, short
from containers.registry import attached
from core.api import DeploymentQuestion, Gate, Hold, Options
from plugins.cosign import signatures
from plugins.cosign.options import CosignOptions

#: An instance of the gate's own options, whose class hides the name of its base.
_Given = Options


class CosignGate(Gate):
    """Holds a deployment until the release's image has a signature by a declared key.

    Looked for are cosign's own layout (the tag `sha256-….sig`) and the referrers of the image (OCI 1.1), in which cosign
    keeps signatures since version 3. The key alone decides: certificates and transparency logs are not asked.
    """

    kind = "cosign"
    Options = CosignOptions

    def title(self, options: _Given) -> str:
        chosen = cast(CosignOptions, options)
        return f"signed by {'a key' if '-----BEGIN' in chosen.key else chosen.key}"

    async def hold(self, question: DeploymentQuestion, options: _Given) -> Hold | None:
        chosen, release = cast(CosignOptions, options), question.release
        keys = await asyncio.to_thread(chosen.keys)
        kept = ImageName.parse(chosen.repository or release.image).at(release.digest)
        found = await attached(kept, suffix=".sig", media_types=(signatures.SIMPLE, *signatures.BUNDLES))
        verdict = signatures.verify(release.digest, found, keys, chosen.identity)
        if verdict.signed:
            return None
        wanted = " or ".join(key.name for key in keys)
        return Hold(
            reason=f"{short(release.reference)} is not signed by the declared key ({wanted}): {verdict.why}",
            lifted_by=f"whoever has the key, who signs it: cosign sign --key cosign.key {release.reference}",
        )
