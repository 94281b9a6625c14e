"""OCluster: builds on a cluster, published as one image for all platforms."""
