"""MirageOS: unikernels, built on the cluster and taken out of the image that holds them."""
