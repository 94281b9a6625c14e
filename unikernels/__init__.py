"""Unikernels as files: taken out of the image that was released, and looked at before they are sent anywhere."""

from unikernels.images import Unikernel, fetch

__all__ = ["Unikernel", "fetch"]
