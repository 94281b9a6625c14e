"""AWS ECS: a service on Fargate behind a load balancer. What is declared of it, and the file that it makes.

The file is read by the ECS integration of Docker's command line, which turns it into a CloudFormation stack; what stands
under `x-aws-cloudformation` is laid over that stack, so the names in there are those that the integration gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from core.api import Options

#: Days that AWS keeps the service's output.
LOG_RETENTION = 90


class EcsService(Options):
    """One service on AWS ECS."""

    branch: str = Field(
        pattern=r"^[A-Za-z][A-Za-z0-9]{0,62}$",
        description="Name of the service in the stack, as a rule the branch; letters and digits, as CloudFormation asks.",
    )
    vcpu: float = Field(gt=0, le=16, description="CPUs of each replica.")
    memory: int = Field(gt=0, description="MiB of memory of each replica.")
    storage: int | None = Field(None, ge=21, le=200, description="GiB of disk of each replica; if not set, AWS's 20.")
    replicas: int = Field(1, ge=1, description="How many run.")
    command: str | None = Field(None, min_length=1, description="What they run instead of the image's own command.")
    port: int = Field(ge=1, le=65535, description="Port that they listen on; people reach it at 443.")
    certificate: str = Field(
        pattern=r"^arn:aws[a-z-]*:[a-z]+:[a-z0-9-]*:[0-9]*:[A-Za-z0-9/_-]+$",
        description="ARN of the certificate for 443: `arn:aws:acm:…`.",
    )


def content(service: EcsService, image: str) -> Mapping[str, Any]:
    """The compose file's content.

    :param image: what stands for the image.
    """
    limits = {"cpus": f"{service.vcpu:f}", "memory": f"{service.memory}M"}
    runs = {
        "image": image,
        **({"command": service.command} if service.command else {}),
        "ports": [{"target": service.port, "x-aws-protocol": "http"}],
        "deploy": {"replicas": service.replicas, "resources": {"limits": limits}},
    }
    return {
        "version": "3.4",
        "services": {service.branch: runs},
        "x-aws-logs_retention": LOG_RETENTION,
        "x-aws-cloudformation": {"Resources": _resources(service)},
    }


def _resources(service: EcsService) -> Mapping[str, Any]:
    name = service.branch[0].upper() + service.branch[1:]
    # Half of the replicas may be away while they are replaced, and none is started beyond their number.
    replacement = {"MaximumPercent": 100, "MinimumHealthyPercent": 50}
    storage = {"EphemeralStorage": {"SizeInGiB": service.storage}}
    ingress = {"FromPort": 443, "Description": f"{service.branch}:443/tcp on default network", "ToPort": 443}
    listener = {"Certificates": [{"CertificateArn": service.certificate}], "Protocol": "HTTPS", "Port": 443}
    return {
        f"{name}Service": {"Properties": {"DeploymentConfiguration": replacement}},
        **({f"{name}TaskDefinition": {"Properties": storage}} if service.storage else {}),
        f"Default{service.port}Ingress": {"Properties": ingress},
        f"{name}{service.port}Listener": {"Properties": listener},
        "HttpToHttpsListener": {"Properties": _redirect(), "Type": "AWS::ElasticLoadBalancingV2::Listener"},
    }


def _redirect() -> Mapping[str, Any]:
    to_https = {"Port": 443, "Protocol": "HTTPS", "StatusCode": "HTTP_301"}
    return {
        "DefaultActions": [{"Type": "redirect", "RedirectConfig": to_https}],
        "LoadBalancerArn": {"Ref": "LoadBalancer"},
        "Port": 80,
        "Protocol": "HTTP",
    }
