"""Unikernels built on a cluster whose workers push to a real registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.api import Purpose, Stalled
from plugins.mirage.builder import UnikernelBuilder
from plugins.mirage.options import UnikernelOptions
from tests.containers.registry.images import file, layer
from tests.docker_real import RealRegistry, unique
from tests.ocluster_server.scheduler import Scheduler
from tests.plugins.cluster import build_request, context, publish_request
from tests.unikernels.factory import unikernel


async def test_a_unikernel_is_told_its_target_and_what_is_pushed_is_the_release(
    cluster: Scheduler, closed_registry: RealRegistry, tmp_path: Path
) -> None:
    cluster.script(layer=layer(file("unikernel.spt", unikernel("spt"))))
    builder, options = UnikernelBuilder(), UnikernelOptions(target="spt", extra_flags="--tls=true --net=direct")
    image = f"{closed_registry.name}/{unique('dns')}:live"
    artifact = await builder.build(build_request(options, image=image, args={"VERSION": "1"}), context(tmp_path)[0])
    [job] = cluster.jobs()
    assert job.description.build_args == ("TARGET=spt", "EXTRA_FLAGS=--tls=true --net=direct", "VERSION=1")
    assert job.description.push_target == image
    assert job.description.cache_hint == "shop-spt"
    where, log = context(tmp_path)
    digest = await builder.publish(publish_request(options, image, {"linux/amd64": artifact}), where)
    assert artifact == f"{image.rpartition(':')[0]}@{digest}"
    assert "for spt" in log.notes[-1]


async def test_a_check_build_pushes_nothing(cluster: Scheduler, tmp_path: Path) -> None:
    asked = build_request(UnikernelOptions(), purpose=Purpose.CHECK, image=None)
    await UnikernelBuilder().build(asked, context(tmp_path)[0])
    [job] = cluster.jobs()
    assert (job.description.push_target, job.description.build_args) == ("", ("TARGET=hvt",))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"README": b""}, "holds no unikernel"),
        ({"unikernel.hvt": unikernel("hvt"), "unikernel.xen": unikernel("xen")}, "name one by the option `file`"),
        ({"unikernel.hvt": unikernel("xen")}, "is for xen, and hvt is wanted"),
    ],
)
async def test_an_image_without_the_unikernel_is_no_release(
    cluster: Scheduler, closed_registry: RealRegistry, tmp_path: Path, files: dict[str, bytes], said: str
) -> None:
    cluster.script(layer=layer(*(file(name, content) for name, content in files.items())))
    builder, options, image = UnikernelBuilder(), UnikernelOptions(), f"{closed_registry.name}/{unique('dns')}:live"
    artifact = await builder.build(build_request(options, image=image), context(tmp_path)[0])
    with pytest.raises(Stalled, match=said):
        await builder.publish(publish_request(options, image, {"linux/amd64": artifact}), context(tmp_path)[0])
