"""A stand-in for an OCluster scheduler: a process of its own that speaks what the real one does, and builds by script.

It is written from `reference/ocluster.md` and upstream's sources, and shares no code with the client that it tests. Cap'n
Proto's RPC is written out here: pycapnp's own server can neither name its errors as upstream does nor misbehave on demand.
"""
